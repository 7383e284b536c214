"""Randomness: one root seed, and a stream of its own for every purpose.

Streams are independent of each other: one more dropout layer changes nothing about the initial weights or the
order of the data. A stream is known by its name, so that a new one does not disturb those that exist.
"""

import contextlib

import numpy as np

from tinynet.devices import CPU, check_device

DEFAULT_SEED = 67280421310721          # of a new `Generator`, as in PyTorch
_root = None
_streams = {}


def initial_seed():
    """The root seed: that of `manual_seed`, or else drawn once from the operating system."""
    global _root
    if _root is None:
        _root = int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
    return _root


def manual_seed(seed):
    """Start all randomness again from `seed`, an integer. Streams that somebody holds are reset in place.

    Returns `default_generator`. TypeError for a seed that is not an integer.
    """
    global _root
    if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool):
        raise TypeError(f"manual_seed: expected an integer, got {seed!r}")
    _root = int(seed) % 2**64          # as PyTorch does, so that a negative seed is one too
    for name, generator in _streams.items():
        generator.bit_generator.state = _beginning(name).state
    return default_generator


def stream(name):
    """The `np.random.Generator` for one purpose: "init", "dropout", "data", "user", or any other name."""
    if name not in _streams:
        _streams[name] = np.random.Generator(_beginning(name))
    return _streams[name]


def _beginning(name):
    return np.random.PCG64(np.random.SeedSequence(initial_seed(), spawn_key=tuple(name.encode())))


def seed():
    """Start all randomness again from a seed of the operating system's; returns the seed."""
    manual_seed(int(np.random.SeedSequence().generate_state(1, np.uint64)[0]))
    return _root


class Generator:
    """Random numbers apart from all others, with a seed of their own: `tinynet.randn(2, generator=Generator())`.

    `numbers` is the `np.random.Generator` behind it. `torch.Generator`; ValueError for a device that is not the CPU.
    """

    def __init__(self, device="cpu"):
        check_device(device, "Generator")
        self.device = CPU
        self.numbers = np.random.Generator(np.random.PCG64())
        self.manual_seed(DEFAULT_SEED)

    def manual_seed(self, seed):
        """Start again from `seed`, an integer; returns the generator itself."""
        self._seed = int(seed) % 2**64
        self.numbers.bit_generator.state = np.random.PCG64(self._seed).state
        return self

    def seed(self):
        """Start again from a seed of the operating system's; returns the seed."""
        return self.manual_seed(np.random.SeedSequence().generate_state(1, np.uint64)[0]).initial_seed()

    def initial_seed(self):
        """The seed that it started from."""
        return self._seed

    def get_state(self):
        """Where the generator is, a plain dictionary."""
        return self.numbers.bit_generator.state

    def set_state(self, new_state):
        """Go back to a state that `get_state` gave."""
        self.numbers.bit_generator.state = new_state


class DefaultGenerator(Generator):
    """Stands for all of tinynet's randomness: the root seed and its streams. `torch.default_generator`."""

    device = CPU
    manual_seed, seed, initial_seed = (staticmethod(f) for f in (manual_seed, seed, initial_seed))

    def __init__(self):
        """Nothing to seed: the root seed is drawn at first use."""

    @property
    def numbers(self):
        """The stream "user", from which `tinynet.randn` draws."""
        return stream("user")

    def get_state(self):
        return get_state()

    def set_state(self, new_state):
        set_state(new_state)


default_generator = DefaultGenerator()


def numbers(generator, purpose="user"):
    """The `np.random.Generator` of a `Generator`, or the stream for `purpose` where none is given."""
    if generator is None:
        return stream(purpose)
    if not isinstance(generator, Generator):
        raise TypeError(f"expected a tinynet.Generator or None, got {type(generator).__name__}")
    return generator.numbers


@contextlib.contextmanager
def fork_rng(*args, **kwargs):
    """A context whose random numbers leave those after it untouched: the state at its begin is set at its end."""
    state = get_state()
    try:
        yield
    finally:
        set_state(state)


def get_state():
    """The seed and where every stream is: plain dictionaries, texts and integers, fit for JSON."""
    return {"seed": initial_seed(), "streams": {name: g.bit_generator.state for name, g in _streams.items()}}


def set_state(state):
    """Go back to a state that `get_state` gave; streams that it does not mention start again."""
    manual_seed(state["seed"])
    for name, position in state["streams"].items():
        stream(name).bit_generator.state = position
