"""Tensors from data, and tensors of zeros, ones and ranges. `device` is accepted as "cpu" only."""

import math

import numpy as np

from tinynet import dtypes
from tinynet.devices import check_device
from tinynet.ops.common import listed_as, named
from tinynet.tensor import Size, Tensor, attach


def tensor(data, dtype=None, requires_grad=False, device=None):
    """A tensor with a copy of `data`, of its shape: a number, nested lists of numbers, an array or a tensor.

    Python floats become float32, integers int64; arrays keep their type, which must be one of tinynet's.
    ValueError for lists of unequal lengths.
    """
    check_device(device)
    return made(np.array(_as_ndarray("tensor", data, dtype)), requires_grad)


def as_tensor(data, dtype=None, device=None):
    """`data` as a tensor of the same shape, without a copy where that is possible."""
    check_device(device)
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    return Tensor(_as_ndarray("as_tensor", data, dtype))


def from_numpy(ndarray):
    """A tensor of the shape of `ndarray`, sharing its memory; TypeError for anything but an ndarray."""
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"from_numpy: expected an ndarray, got {type(ndarray).__name__}")
    dtypes.check(ndarray.dtype, "from_numpy")
    return Tensor(ndarray)


def _as_ndarray(name, data, dtype):
    """`data` as an array of `dtype`, or of the type that PyTorch would choose."""
    if isinstance(data, Tensor):
        data = data.array
    try:
        array = np.asarray(data)
    except ValueError:
        raise ValueError(f"{name}: expected nested lists of equal lengths") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name}: expected numbers or booleans, got {array.dtype} from {type(data).__name__}")
    if dtype is not None:
        return array.astype(dtypes.check(dtype, name), copy=False)
    if array.dtype == dtypes.float64 and not hasattr(_first(data), "dtype"):
        return array.astype(dtypes.float32)                    # Python floats, or an empty list
    dtypes.check(array.dtype, name)
    return array


def _first(data):
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return data


def made(array, requires_grad):
    y = Tensor(array)
    return y.requires_grad_() if requires_grad else y


# Of one value -----------------------------------------------------------------------------------------------


@listed_as("size")
def zeros(*size, dtype=None, requires_grad=False, device=None):
    """Zeros of shape `size`: zeros(2, 3) or zeros((2, 3)). float32 unless `dtype` says otherwise."""
    return made(np.zeros(shape_of("zeros", size), type_or("zeros", dtype, device)), requires_grad)


@listed_as("size")
def ones(*size, dtype=None, requires_grad=False, device=None):
    """Ones of shape `size`: ones(2, 3) or ones((2, 3)). float32 unless `dtype` says otherwise."""
    return made(np.ones(shape_of("ones", size), type_or("ones", dtype, device)), requires_grad)


@listed_as("size")
def empty(*size, dtype=None, requires_grad=False, device=None):
    """A tensor of shape `size`, filled with whatever was in the memory before: empty(2, 3)."""
    return made(np.empty(shape_of("empty", size), type_or("empty", dtype, device)), requires_grad)


def full(size, fill_value, *, dtype=None, requires_grad=False, device=None):
    """A tensor of shape `size`, full of `fill_value`, and of its type: bool, int64 or float32."""
    fill_value = _number(fill_value)
    dtype = type_or("full", dtype, device, dtypes.of_number(fill_value))
    return made(np.full(shape_of("full", (size,)), fill_value, dtype), requires_grad)


def zeros_like(input, *, dtype=None, requires_grad=False, device=None):
    """Zeros in the shape, type and memory order of `input`."""
    return made(np.zeros_like(input.array, type_or("zeros_like", dtype, device, input.dtype)), requires_grad)


def ones_like(input, *, dtype=None, requires_grad=False, device=None):
    """Ones in the shape, type and memory order of `input`."""
    return made(np.ones_like(input.array, type_or("ones_like", dtype, device, input.dtype)), requires_grad)


def empty_like(input, *, dtype=None, requires_grad=False, device=None):
    """Uninitialised memory in the shape, type and memory order of `input`."""
    return made(np.empty_like(input.array, type_or("empty_like", dtype, device, input.dtype)), requires_grad)


def full_like(input, fill_value, *, dtype=None, requires_grad=False, device=None):
    """`fill_value` in the shape, type and memory order of `input`."""
    dtype = type_or("full_like", dtype, device, input.dtype)
    return made(np.full_like(input.array, fill_value, dtype), requires_grad)


# Patterns ---------------------------------------------------------------------------------------------------


def eye(n, m=None, *, dtype=None, requires_grad=False, device=None):
    """The (n, n) or (n, m) matrix with ones on its diagonal."""
    return made(np.eye(n, m, dtype=type_or("eye", dtype, device)), requires_grad)


def arange(start, end=None, step=1, *, dtype=None, requires_grad=False, device=None):
    """start, start + step, ... before `end`: shape (N,). arange(n) counts from 0. int64 if all are integers.

    ValueError for a `step` of 0, or one that leads away from `end`.
    """
    if end is None:
        start, end = 0, start
    start, end, step = map(_number, (start, end, step))
    whole = all(isinstance(n, int) for n in (start, end, step))
    dtype = type_or("arange", dtype, device, dtypes.int64 if whole else dtypes.float32)
    if not all(map(math.isfinite, (start, end, step))):
        raise ValueError(f"arange: expected finite numbers, got {start}, {end} and {step}")
    if dtype.kind in "iu":                                     # PyTorch counts in the type of the result
        start, end, step = int(start), int(end), int(step)
    if step == 0 or (end - start) / step < 0:
        raise ValueError(f"arange: expected a step that leads from {start} to {end}, got {step}")
    values = start + step * np.arange(math.ceil((end - start) / step))
    return made(values.astype(dtype), requires_grad)


def _number(x):
    """A plain number, also from a tensor or an array of one element."""
    return x.item() if hasattr(x, "item") else x


def linspace(start, end, steps, *, dtype=None, requires_grad=False, device=None):
    """`steps` values from `start` to `end`, both included, evenly spaced: shape (steps,).

    Whole-number types cut off what follows the point. ValueError for fewer than 0.
    """
    if not isinstance(steps, (int, np.integer)):
        raise TypeError(f"linspace: expected steps as an integer, got {steps!r}")
    if steps < 0:
        raise ValueError(f"linspace: expected steps of 0 or more, got {steps}")
    dtype, start, end = type_or("linspace", dtype, device), _number(start), _number(end)
    if dtype.kind in "iu":
        start, end = int(start), int(end)
    step, i = (end - start) / max(steps - 1, 1), np.arange(steps)
    values = np.where(i < (steps + 1) // 2, start + step * i, end - step * (steps - 1 - i))
    return made(values.astype(dtype), requires_grad)


def logspace(start, end, steps, base=10.0, *, dtype=None, requires_grad=False, device=None):
    """`base` to the powers of `linspace(start, end, steps)`: shape (steps,). ValueError for fewer steps than 0.

    Whole-number types cut off what follows the point, of `start` and `end` as well.
    """
    dtype, start, end = type_or("logspace", dtype, device), _number(start), _number(end)
    if dtype.kind in "iu":
        start, end = int(start), int(end)
    values = float(base) ** linspace(start, end, steps, dtype=dtypes.float64).array
    return made(values.astype(dtype), requires_grad)


def tril_indices(row, col, offset=0, *, dtype=None, device=None):
    """The places of the lower triangle of a (row, col) matrix, up to diagonal `offset`: rows and columns, (2, N)."""
    places = np.stack(np.tril_indices(row, offset, col))
    return made(places.astype(type_or("tril_indices", dtype, device, dtypes.int64)), False)


def triu_indices(row, col, offset=0, *, dtype=None, device=None):
    """The places of the upper triangle of a (row, col) matrix, from diagonal `offset` on: rows and columns, (2, N)."""
    places = np.stack(np.triu_indices(row, offset, col))
    return made(places.astype(type_or("triu_indices", dtype, device, dtypes.int64)), False)


# In the type of another tensor --------------------------------------------------------------------------------


def _new(name, function):
    """The method `x.new_zeros(size)`: `zeros(size)` in the type of x, unless `dtype` says otherwise."""
    @named(name, f"`{function.__name__}` of any shape, in the type of this tensor: x.{name}(2, 3).", name)
    @listed_as("size")
    def call(self, *size, dtype=None, requires_grad=False, device=None):
        return function(*size, dtype=dtype or self.dtype, requires_grad=requires_grad, device=device)


_new("new_zeros", zeros)
_new("new_ones", ones)
_new("new_empty", empty)


@attach("new_full")
def new_full(self, size, fill_value, *, dtype=None, requires_grad=False, device=None):
    """`full` of shape `size`, in the type of this tensor."""
    return full(size, fill_value, dtype=dtype or self.dtype, requires_grad=requires_grad, device=device)


@attach("new_tensor")
def new_tensor(self, data, *, dtype=None, requires_grad=False, device=None):
    """`tensor(data)`, of the shape of `data`, in the type of this tensor."""
    return tensor(data, dtype or self.dtype, requires_grad, device)


@attach("new")
def new(self, *size_or_data):
    """x.new(2, 3): zeros of that shape, x.new([1.0]): that data, in the type of x. An old form of `new_tensor`."""
    if len(size_or_data) == 1 and not isinstance(size_or_data[0], (int, Size)):
        return new_tensor(self, size_or_data[0])
    return zeros(*(size_or_data or (0,)), dtype=self.dtype)


# Arguments --------------------------------------------------------------------------------------------------


def type_or(name, dtype, device, otherwise=dtypes.float32):
    check_device(device)
    return otherwise if dtype is None else dtypes.check(dtype, name)


def shape_of(name, size):
    """A size given as numbers or as one sequence, as a tuple of ints."""
    shape = tuple(size[0]) if len(size) == 1 and isinstance(size[0], (tuple, list)) else size
    if not all(isinstance(n, (int, np.integer)) and n >= 0 for n in shape):
        raise ValueError(f"{name}: expected sizes of 0 or more, got {shape}")
    return shape
