"""The modes of recording, one value for each thread: whether operations are recorded, and who watches them."""

import contextlib
import functools
import inspect
import threading


class Modes(threading.local):
    grad = True                        # whether operations are recorded
    anomaly = False                    # whether NaN and infinity are errors
    watchers = ()                      # called with every node that is recorded
    again = False                      # whether a function runs for the second time: see recompute.py


modes = Modes()


class Switch:
    """Sets a mode for a `with` block or, as a decorator, for every call of a function."""

    name, value = "", None

    def __enter__(self):
        self.__dict__.setdefault("before", []).append(getattr(modes, self.name))
        setattr(modes, self.name, self.value)

    def __exit__(self, *exception):
        setattr(modes, self.name, self.before.pop())

    def copy(self):
        """A switch that sets the same mode."""
        return type(self)()

    def __call__(self, function):
        if inspect.isgeneratorfunction(function):
            return self._around_generator(function)

        @functools.wraps(function)
        def wrapped(*args, **kwargs):
            with self.copy():
                return function(*args, **kwargs)
        return wrapped

    def _around_generator(self, function):
        """The mode holds while the generator runs, and not for the caller between two values."""
        @functools.wraps(function)
        def wrapped(*args, **kwargs):
            generator = function(*args, **kwargs)
            resume = functools.partial(generator.send, None)
            while True:
                with self.copy():
                    try:
                        value = resume()
                    except StopIteration as end:
                        return end.value
                try:
                    resume = functools.partial(generator.send, (yield value))
                except BaseException as error:         # what the caller throws in
                    resume = functools.partial(generator.throw, error)
        return wrapped


class no_grad(Switch):
    """Record nothing: `with no_grad():` or `@no_grad()`."""
    name, value = "grad", False

    def __new__(cls, function=None):
        switch = super().__new__(cls)
        return switch if function is None else switch(function)      # bare @no_grad


class enable_grad(no_grad):
    """Record again inside a `no_grad` block."""
    value = True


class inference_mode(Switch):
    """`no_grad` under PyTorch's other name; inference_mode(False) changes nothing.

    Unlike PyTorch's, its results may take part in recorded operations later.
    """

    name = "grad"

    def __new__(cls, mode=True):
        return cls()(mode) if callable(mode) else super().__new__(cls)         # bare @inference_mode

    def __init__(self, mode=True):
        self.mode = mode

    def __enter__(self):
        self.value = modes.grad and not self.mode
        super().__enter__()

    def copy(self):
        return type(self)(self.mode)


class set_grad_enabled(Switch):
    """Record (True) or not (False): from the call on, or in the block of `with set_grad_enabled(mode):`."""

    name = "grad"

    def __init__(self, mode):
        self.value = bool(mode)
        super().__enter__()

    def __enter__(self):
        modes.grad = self.value                               # the constructor has noted the mode before

    def __call__(self, function):
        self.__exit__()                                        # a decorator changes nothing at once
        return super().__call__(function)

    def copy(self):
        return type(self)(self.value)


def is_grad_enabled():
    """Whether operations are recorded now: True unless inside `no_grad`."""
    return modes.grad


def is_running_again():
    """Whether `utils.checkpoint` runs its function for the second time. The run must then change nothing, such as
    running statistics."""
    return modes.again


@contextlib.contextmanager
def watch_nodes(watch, again=False):
    """Call watch(node) for every node that the block records.

    `again` says that the block is the second run of a function that `utils.checkpoint` was given. Other watchers do not
    see that run.
    """
    before = modes.watchers, modes.again
    modes.watchers, modes.again = ((watch,), True) if again else ((watch, *modes.watchers), modes.again)
    try:
        yield
    finally:
        modes.watchers, modes.again = before
