"""`torch.distributed` in a build without it: one process, on its own."""

from tinynet.interop import left_out


def is_available():
    """Always False."""
    return False


is_initialized = is_available


def __getattr__(name):
    """Anything else needs other processes: it can be named, and refuses to be used."""
    return left_out.stand_in_or_error(__name__, f"torch.distributed.{name}")
