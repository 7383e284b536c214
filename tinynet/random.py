"""Randomness: one root seed, and a stream of its own for every purpose.

Streams are independent of each other: one more dropout layer changes nothing about the initial weights or the
order of the data. A stream is known by its name, so that a new one does not disturb those that exist.
"""

import numpy as np

_root = None
_streams = {}


def initial_seed():
    """The root seed: that of `manual_seed`, or else drawn once from the operating system."""
    global _root
    if _root is None:
        _root = int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
    return _root


def manual_seed(seed):
    """Start all randomness anew from `seed`, an integer. Streams that somebody holds are reset in place."""
    global _root
    if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool):
        raise TypeError(f"manual_seed: expected an integer, got {seed!r}")
    _root = int(seed) % 2**64          # as PyTorch does, so that a negative seed is one too
    for name, generator in _streams.items():
        generator.bit_generator.state = _beginning(name).state


def stream(name):
    """The `np.random.Generator` for one purpose: "init", "dropout", "data", "user", or any other name."""
    if name not in _streams:
        _streams[name] = np.random.Generator(_beginning(name))
    return _streams[name]


def _beginning(name):
    return np.random.PCG64(np.random.SeedSequence(initial_seed(), spawn_key=tuple(name.encode())))


def get_state():
    """The seed and where every stream is: plain dictionaries, texts and integers, fit for JSON."""
    return {"seed": initial_seed(), "streams": {name: g.bit_generator.state for name, g in _streams.items()}}


def set_state(state):
    """Go back to a state that `get_state` gave; streams that it does not mention start anew."""
    manual_seed(state["seed"])
    for name, position in state["streams"].items():
        stream(name).bit_generator.state = position
