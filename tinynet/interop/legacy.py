"""PyTorch's old constructors, which scripts still use: `Tensor(3, 4)`, `FloatTensor`, `Variable`.

Each of them makes a `tinynet.Tensor`. They are classes so that `isinstance` and annotations work.
"""

import warnings

import numpy as np

from tinynet import dtypes
from tinynet.creation import tensor
from tinynet.tensor import Size, Tensor as EngineTensor


class TensorKind(type):
    """The type of a constructor that has an element type, `dtype`; None stands for any."""

    dtype = None

    def __instancecheck__(cls, x):
        return isinstance(x, EngineTensor) and cls.dtype in (None, x.dtype)

    def __subclasscheck__(cls, other):
        return cls.dtype is None and issubclass(getattr(other, "stands_for", other), EngineTensor)

    def __eq__(cls, other):                    # type(x) == torch.Tensor
        return cls is other or (cls.dtype is None and other is EngineTensor)

    def __hash__(cls):
        return hash(EngineTensor)

    def __call__(cls, *data, device=None, **options):
        return cls.make(*data, **options)

    def __getattr__(cls, name):
        return getattr(EngineTensor, name)


class Tensor(metaclass=TensorKind):
    """Tensor(2, 3) is a float32 tensor of shape (2, 3); Tensor(values) holds the values as float32.

    A `Size` is a shape, any other sequence is data, as in `torch.Tensor`. PyTorch does not define the values of
    Tensor(2, 3); here they are zeros.
    """

    stands_for = EngineTensor

    @classmethod
    def make(cls, *data):
        dtype = dtypes.float32 if cls.dtype is None else cls.dtype
        if len(data) == 1 and not isinstance(data[0], (int, np.integer, Size)):
            return tensor(data[0], dtype=dtype)
        shape = data[0] if data and isinstance(data[0], Size) else data or (0,)
        return EngineTensor(np.zeros(shape, dtype))


def constructor(name, dtype):
    return TensorKind(name, (Tensor,), {"dtype": dtype, "__doc__": f"As `Tensor`, for elements of type {dtype}."})


FloatTensor = constructor("FloatTensor", dtypes.float32)
DoubleTensor = constructor("DoubleTensor", dtypes.float64)
LongTensor = constructor("LongTensor", dtypes.int64)
IntTensor = constructor("IntTensor", dtypes.int32)
ShortTensor = constructor("ShortTensor", dtypes.int16)
CharTensor = constructor("CharTensor", dtypes.int8)
ByteTensor = constructor("ByteTensor", dtypes.uint8)
BoolTensor = constructor("BoolTensor", dtypes.bool)


class Variable(metaclass=TensorKind):
    """Variable(x) is a tensor on the memory of x, outside its graph. Since 2018 every tensor can require a gradient.

    `torch.autograd.Variable`. `volatile=True` has had no effect since then; a warning says so, as in PyTorch.
    """

    stands_for = EngineTensor

    @classmethod
    def make(cls, data, requires_grad=False, volatile=False):
        if volatile:
            warnings.warn("volatile has no effect; use `with torch.no_grad():` instead", stacklevel=3)
        if not isinstance(data, EngineTensor):
            raise TypeError(f"Variable: expected a tensor, got {type(data).__name__}")
        return data.detach().requires_grad_(requires_grad)
