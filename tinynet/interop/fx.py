"""`torch.fx`: the decorator `wrap`, the one name that most scripts use. tinynet traces nothing."""

from tinynet.interop import left_out


def wrap(fn_or_name):
    """The function itself."""
    return fn_or_name


def __getattr__(name):
    return left_out.stand_in_or_error(__name__, f"torch.fx.{name}")
