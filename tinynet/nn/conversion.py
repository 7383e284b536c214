"""Converting a module to another floating-point type, on the only device. The functions are methods of `Module`."""

from tinynet import dtypes
from tinynet.nn.parameter import check_device
from tinynet.tensor import Tensor

DEVICES = ("cpu", "cuda", "mps", "xpu", "meta")        # what PyTorch calls so; here is only the first


def apply_to_tensors(self, fn):
    """Put `fn(tensor)` in the place of every parameter, its gradient, and every buffer, here and below."""
    for child in self.children():
        child._apply(fn)
    for tensor in (*self.parameters(recurse=False), *self.buffers(recurse=False)):
        array = fn(tensor.detach()).array
        if array is not tensor.array:
            tensor.array, tensor._accumulator = array, None
            tensor.bump()
            tensor.grad = None if tensor.grad is None else fn(tensor.grad)
    return self


def to(self, *args, device=None, dtype=None, non_blocking=False, memory_format=None):
    """Convert floating-point parameters and buffers, in place: `to(tinynet.float64)`, `to("cpu")`.

    A tensor stands for its dtype. `non_blocking` changes nothing: there is one device. `memory_format` changes
    nothing: the engine chooses the order in memory itself.
    """
    for given in args:
        if isinstance(given, Tensor):
            dtype = given.dtype
        elif type(given).__name__ == "device" or isinstance(given, str) and given.partition(":")[0] in DEVICES:
            device = given
        elif given is not None and not isinstance(given, bool):
            dtype = given
    check_device("Module.to", device)
    return self if dtype is None else _converted(self, dtypes.check(dtype, "Module.to"))


def _converted(self, dtype):
    if not dtypes.is_floating(dtype):
        raise TypeError(f"Module.to: expected a floating-point dtype, got {dtype}")
    return self._apply(lambda t: Tensor(t.array.astype(dtype, copy=False)) if t.is_floating_point() else t)


def type_(self, dst_type):
    """Convert floating-point parameters and buffers, in place: as `to`."""
    return to(self, dst_type)


def float_(self):
    """Convert to float32, in place."""
    return to(self, dtypes.float32)


def double(self):
    """Convert to float64, in place."""
    return to(self, dtypes.float64)


def half(self):
    """Refused with a TypeError: processors compute slowly in float16."""
    return to(self, "float16")


def bfloat16(self):
    """Refused with a TypeError: NumPy has no bfloat16."""
    return to(self, "bfloat16")


def cpu(self):
    """The module itself: there is no other device."""
    return self


def cuda(self, device=None):
    """Refused with a ValueError: there is no other device than the processor."""
    return to(self, "cuda")
