"""One switch for the whole engine: which body of every kernel runs, plain NumPy or compiled loops.

Every kernel has two bodies of one name: the reference implementation in `kernels/FAMILY/spec.py` and the fast one in
`kernels/FAMILY/fast.py`. The fast module, and Numba with it, is imported at the first call that needs it.
"""

import functools
import importlib
import os

BACKENDS = ("numpy", "numba")
_current = None                        # at first use: "numba", or what TINYNET_BACKEND says


class use:
    """Switch the backend, for good (`use("numpy")`) or for a block (`with use("numpy"):`).

    Constructing the object already switches; only leaving a `with` block switches back. The switch is one for the
    whole process: all Python threads share it.
    """

    def __init__(self, name):
        self.previous = _switch_to(_checked(name, "kernels.use"))

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        _switch_to(self.previous)


def _switch_to(name):
    """Make `name` the backend of the whole process; returns the one before."""
    global _current
    previous, _current = backend(), name
    return previous


def backend():
    """The name of the backend that runs now."""
    global _current
    if _current is None:
        _current = _checked(os.environ.get("TINYNET_BACKEND") or "numba", "TINYNET_BACKEND")
    return _current


def _checked(name, source):
    if name not in BACKENDS:
        raise ValueError(f"{source}: expected one of {', '.join(BACKENDS)}, got {name!r}")
    return name


class kernel:
    """A function with two bodies: `NAME.numpy`, the reference implementation, and `NAME.numba`, the fast one.

    A call runs the body that `kernels.use` chose. A kernel whose `fast.py` has no function of its name is an error
    (AttributeError at the first call), so that a misspelt name does not quietly run the slow body.
    """

    registry = {}                      # FAMILY.NAME: the kernel

    def __init__(self, function):
        functools.update_wrapper(self, function)
        self.numpy = function
        family = function.__module__.split(".")[-2]
        kernel.registry[f"{family}.{function.__name__}"] = self

    @functools.cached_property
    def numba(self):
        fast = importlib.import_module(self.__module__.rpartition(".")[0] + ".fast")
        found = getattr(fast, self.__name__, None)
        if found is None:
            raise AttributeError(f"{self.__module__}.{self.__name__}: {fast.__name__} has no function of this name")
        return found

    def __call__(self, *args, **kwargs):
        chosen = self.numba if (_current or backend()) == "numba" else self.numpy
        return chosen(*args, **kwargs)
