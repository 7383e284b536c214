"""One switch for the whole engine: which twin of every kernel runs, plain NumPy or compiled loops."""

import functools
import importlib
import os

BACKENDS = ("numpy", "numba")
_current = "numba"


class use:
    """Switch the backend, for good (`use("numpy")`) or for a block (`with use("numpy"):`)."""

    def __init__(self, name):
        global _current
        if name not in BACKENDS:
            raise ValueError(f"kernels.use: expected one of {', '.join(BACKENDS)}, got {name!r}")
        self.previous, _current = _current, name

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        global _current
        _current = self.previous


def backend():
    """The name of the backend that runs now."""
    return _current


class kernel:
    """A function with two bodies: `NAME.numpy`, the readable specification, and `NAME.numba`, the fast twin.

    The twin has the same name in the module `..._numba` next to the specification; that module, and Numba with it,
    is imported at the first call that needs it. A call goes to the twin that `kernels.use` chose.
    """

    registry = {}

    def __init__(self, function):
        functools.update_wrapper(self, function)
        self.numpy = function
        kernel.registry[f"{function.__module__.rpartition('.')[2]}.{function.__name__}"] = self

    @functools.cached_property
    def numba(self):
        twins = importlib.import_module(self.__module__ + "_numba")
        return getattr(twins, self.__name__, self.numpy)

    def __call__(self, *args, **kwargs):
        chosen = self.numba if _current == "numba" else self.numpy
        return chosen(*args, **kwargs)


use(os.environ.get("TINYNET_BACKEND", "numba"))
