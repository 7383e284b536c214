"""`torch.jit` where nothing is compiled: the functions and modules stay as they are, and give the same values."""

from typing import Final    # noqa: F401  (torch.jit.Final)

from tinynet.nn import Module as ScriptModule    # noqa: F401


def script(obj, *args, **kwargs):
    """The function or module itself."""
    return obj


def trace(func, *args, **kwargs):
    """The function or module itself."""
    return func


def script_method(fn):
    """The method itself."""
    return fn


export = interface = unused = _overload = _overload_method = script_if_tracing = script_method


def ignore(drop=False, **kwargs):
    """The function itself, also as `@ignore()` and `@ignore(drop=True)`."""
    return drop if callable(drop) else script_method


def annotate(the_type, the_value):
    """The value itself."""
    return the_value


def is_scripting():
    """Always False."""
    return False


is_tracing = is_scripting


def freeze(mod, *args, **kwargs):
    """The module itself."""
    return mod


optimize_for_inference = freeze
isinstance = isinstance
