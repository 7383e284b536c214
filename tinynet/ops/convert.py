"""The same elements in another type, in memory of their own, or in another order of memory."""

from tinynet import dtypes
from tinynet.autograd import Function
from tinynet.devices import KINDS, check_device
from tinynet.ops.common import cast, named
from tinynet.tensor import Tensor, attach


class Clone(Function):
    """y = a copy of x; dx = dy. Saves nothing."""

    @staticmethod
    def forward(ctx, x, order="K"):
        return x.copy(order)

    @staticmethod
    def backward(ctx, dy):
        return dy


@attach("clone")
def clone(input, *, memory_format=None):
    """A copy of the same shape, with memory of its own, in the graph. It keeps the order of memory, whatever
    `memory_format` asks for: that order is the engine's own business."""
    return Clone.apply(input)


@attach("contiguous")
def contiguous(input, memory_format=None):
    """`input` itself if its memory is in C order, else a copy that is, of the same shape.

    Any other `memory_format` gives `input` itself: other orders are the engine's own business.
    """
    if str(memory_format or "contiguous").rpartition(".")[2] not in ("contiguous", "contiguous_format"):
        return input
    return input if input.array.flags.c_contiguous else Clone.apply(input, order="C")


@attach("to")
def to(input, *args, dtype=None, device=None, non_blocking=False, copy=False,
       memory_format=None):
    """The same shape in another type, on the only device ("cpu"): to(dtype), to("cpu"), to("cpu", dtype), to(other).

    `copy` asks for a copy even where nothing changes. `non_blocking` has no meaning on a CPU, as in PyTorch, and the
    order of memory, `memory_format`, is the engine's own business. ValueError for another device.
    """
    flags = [a for a in args if isinstance(a, bool)]
    non_blocking, copy = (*flags, *(non_blocking, copy)[len(flags):])
    for a in args:
        if isinstance(a, Tensor):
            dtype = a.dtype
        elif isinstance(a, str) and a.partition(":")[0] in KINDS:
            device = a
        elif not isinstance(a, bool):
            dtype = a
    check_device(device)
    y = input if dtype is None else cast(input, dtypes.check(dtype, "to"))
    return clone(y) if copy and y is input else y


def _converter(name, dtype):
    """Attach `x.long()` or the like: `to` with one type."""
    @named(name, f"The same shape in {dtype}: as `to`.", name)
    def call(self, memory_format=None):
        return to(self, dtype, memory_format=memory_format)


for _name, _dtype in dict(float=dtypes.float32, double=dtypes.float64, long=dtypes.int64, int=dtypes.int32,
                          short=dtypes.int16, char=dtypes.int8, byte=dtypes.uint8, bool=dtypes.bool).items():
    _converter(_name, _dtype)
