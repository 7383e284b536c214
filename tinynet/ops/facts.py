"""Properties of tensors: type, device, memory, equality. These functions have no gradients."""

import numpy as np

from tinynet import dtypes
from tinynet.devices import check_device
from tinynet.ops.common import named
from tinynet.ops.convert import to
from tinynet.tensor import Tensor, attach

KINDS = {dtypes.float32: "Float", dtypes.float64: "Double", dtypes.int64: "Long", dtypes.int32: "Int",
         dtypes.int16: "Short", dtypes.int8: "Char", dtypes.uint8: "Byte", dtypes.bool: "Bool"}
DTYPES = {kind: dtype for dtype, kind in KINDS.items()}


def is_tensor(obj):
    """Whether `obj` is a tensor, of any shape."""
    return isinstance(obj, Tensor)


def is_floating_point(input):
    """Whether the elements of `input`, of any shape, are float32 or float64."""
    return input.is_floating_point()


def numel(input):
    """The number of elements there are in `input`, of any shape."""
    return input.numel()


@attach("equal")
def equal(input, other):
    """Whether both have the same shape and equal elements: True or False."""
    return input.shape == other.shape and bool(np.array_equal(input.array, other.array))


@attach("is_contiguous")
def is_contiguous(input, memory_format=None):
    """Whether the memory of `input`, of any shape, is in C order. Other orders are an internal matter of the engine."""
    return input.array.flags.c_contiguous


@attach("is_complex")
def is_complex(input):
    """False for a tensor of any shape: there are no complex numbers."""
    return False


@attach("is_signed")
def is_signed(input):
    """Whether the type, for any shape, has negative numbers."""
    return input.dtype.kind in "if"


@attach("is_nonzero")
def is_nonzero(input):
    """Whether the single element, in any shape, is not zero; RuntimeError for more elements."""
    return bool(input)


@attach("stride")
def stride(input, dim=None):
    """The number of elements lie between neighbours along each axis (or along `dim`) in memory."""
    strides = tuple(step // input.array.itemsize for step in input.array.strides)
    return strides if dim is None else strides[dim]


@attach("data_ptr")
def data_ptr(input):
    """The address of the first element, for any shape."""
    return input.array.__array_interface__["data"][0]


@attach("storage_offset")
def storage_offset(input):
    """The number of elements lie in memory before the first one of this view, for any shape."""
    start = input if input.base is None else input.base
    return (data_ptr(input) - data_ptr(start)) // input.element_size()


attach("nelement")(numel)
attach("ndimension")(Tensor.dim)
attach("itemsize")(property(Tensor.element_size))
attach("_version")(property(lambda self: self.version.count))


def _fact(fact, meaning, *names):
    fact.__doc__ = f"{meaning}, for any shape."
    attach(*names)(property(fact))


_fact(lambda self: False, "False: tensors are dense, of plain numbers, on the CPU",
      "is_cuda", "is_sparse", "is_quantized", "is_mps", "is_meta")
_fact(lambda self: True, "True: every tensor is on the CPU", "is_cpu")
_fact(lambda self: self.array.nbytes, "How many bytes the elements take", "nbytes")
_fact(lambda self: self.output_index, "The number of this tensor among the outputs of its operation", "output_nr")
_fact(lambda self: self._retains, "Whether `retain_grad` was asked for", "retains_grad")


@attach("get_device")
def get_device(input):
    """-1, as for every tensor on the CPU, of any shape."""
    return -1


@attach("type")
def type_of(input, dtype=None, non_blocking=False):
    """PyTorch's name of the kind of tensor, "torch.FloatTensor"; with a `dtype` (or such a name), `to(dtype)`.

    The result has the same shape. `non_blocking` has no meaning on a CPU. ValueError for the names of other devices.
    """
    if dtype is None:
        return f"torch.{KINDS[input.dtype]}Tensor"
    name = dtype if isinstance(dtype, str) else getattr(dtype, "__name__", "")
    if name.endswith("Tensor"):
        if ".cuda." in name:
            check_device("cuda")
        dtype = DTYPES.get(name.rpartition(".")[2].removesuffix("Tensor"), name)
    return to(input, dtype)


@attach("type_as")
def type_as(input, other):
    """`input` in the type of `other`; the shape stays."""
    return to(input, other.dtype)


@attach("cpu")
def cpu(input, memory_format=None):
    """`input` itself, of any shape: every tensor is on the CPU."""
    return input


@attach("cuda")
def cuda(input, device="cuda", non_blocking=False):
    """Refused with a ValueError, whatever the shape: there is no device but the CPU, whatever `non_blocking` says."""
    check_device("cuda", "cuda")


@attach("share_memory_")
def share_memory_(input):
    """`input` itself, of any shape: there is one process."""
    return input


@attach("is_same_size")
def is_same_size(input, other):
    """Whether both have the same shape."""
    return input.shape == other.shape


def _refused(name):
    @named(name, "Refused with a TypeError, whatever the shape: tinynet computes in float32 and float64.", name)
    def call(self, memory_format=None):
        dtypes.check(getattr(dtypes, name), f"Tensor.{name}")


for _name in ("half", "bfloat16", "cfloat", "cdouble"):
    _refused(_name)
