"""`torch.fx`, of which scripts only use the decorator `wrap`: nothing is traced."""

from tinynet.interop import left_out


def wrap(fn_or_name):
    """The function itself."""
    return fn_or_name


def __getattr__(name):
    return left_out.stand_in_or_error(__name__, f"torch.fx.{name}")
