"""`torch.jit` where nothing is compiled: the functions and modules stay as they are, and give the same values."""

from typing import Final    # noqa: F401  (torch.jit.Final)

from tinynet.nn import Module as ScriptModule    # noqa: F401


def unchanged(obj, *args, **kwargs):
    """The function or module itself."""
    return obj


script = trace = freeze = optimize_for_inference = unchanged
script_method = export = interface = unused = _overload = _overload_method = script_if_tracing = unchanged


def ignore(drop=False, **kwargs):
    """The function itself, also as `@ignore()` and `@ignore(drop=True)`."""
    return drop if callable(drop) else unchanged


def annotate(the_type, the_value):
    """The value itself."""
    return the_value


def is_scripting():
    """Always False."""
    return False


is_tracing = is_scripting
isinstance = isinstance
