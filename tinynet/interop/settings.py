"""Settings of PyTorch that have a single value in tinynet: that value is accepted, any other is refused."""

from tinynet import dtypes


class memory_format:
    """The order of a tensor's axes in memory. tinynet chooses it by itself, and it changes no value."""

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return f"torch.{self.name}"


contiguous_format, preserve_format = memory_format("contiguous_format"), memory_format("preserve_format")
channels_last, channels_last_3d = memory_format("channels_last"), memory_format("channels_last_3d")
strided = "strided"                            # the one layout: tinynet has no sparse tensors


def get_default_dtype():
    """Always float32."""
    return dtypes.float32


def set_default_dtype(d):
    """float32 is accepted, any other is a ValueError: convert tensors and modules with `.double()` instead."""
    if dtypes.check(d, "set_default_dtype") != dtypes.float32:
        raise ValueError(f"set_default_dtype: expected float32, the only default there is, got {d}; convert tensors "
                         "and modules with .double()")


def set_default_tensor_type(t):
    """FloatTensor is accepted; ValueError for any other."""
    if str(getattr(t, "__name__", t)).rpartition(".")[2] != "FloatTensor":
        raise ValueError(f"set_default_tensor_type: expected torch.FloatTensor, the only default there is, got {t}")


def get_default_device():
    """Always the CPU."""
    from tinynet.devices import CPU
    return CPU


def set_default_device(device):
    """"cpu" is accepted; ValueError for any other."""
    from tinynet.devices import check_device
    check_device(device, "set_default_device")


def use_deterministic_algorithms(mode, *, warn_only=False):
    """Accepted: every operator of tinynet is deterministic."""


def are_deterministic_algorithms_enabled():
    """Always True."""
    return True


def set_float32_matmul_precision(precision):
    """"highest", "high" or "medium", else ValueError. tinynet always computes in the highest precision."""
    if precision not in ("highest", "high", "medium"):
        raise ValueError(f'set_float32_matmul_precision: expected "highest", "high" or "medium", got {precision!r}')


def get_float32_matmul_precision():
    """Always "highest"."""
    return "highest"


def set_num_interop_threads(num_threads):
    """Accepted: tinynet runs one operator at a time."""


def disable(fn=None, recursive=True, **options):
    """The function itself, also as `@disable()`, because nothing is compiled (`torch.compiler.disable`)."""
    return fn if fn is not None else disable


def is_compiling():
    """Always False (`torch.compiler.is_compiling`)."""
    return False
