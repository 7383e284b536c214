"""Tensors from data, and tensors of zeros, ones, ranges and random numbers.

`device` is accepted as "cpu" only. Random numbers come from the stream "user" (`tinynet.random`).
"""

import math

import numpy as np

from tinynet import dtypes, random
from tinynet.devices import check_device
from tinynet.tensor import Tensor


def tensor(data, dtype=None, requires_grad=False, device=None):
    """A tensor with a copy of `data`, of its shape: a number, nested lists of numbers, an array or a tensor.

    Python floats become float32, integers int64; arrays keep their type, which must be one of tinynet's.
    ValueError for lists of unequal lengths.
    """
    check_device(device)
    return _made(np.array(_as_ndarray("tensor", data, dtype)), requires_grad)


def as_tensor(data, dtype=None, device=None):
    """`data` as a tensor of the same shape, without a copy where that is possible."""
    check_device(device)
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    return Tensor(_as_ndarray("as_tensor", data, dtype))


def from_numpy(ndarray):
    """A tensor of the shape of `ndarray`, sharing its memory; TypeError for what is not an ndarray."""
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


def _made(array, requires_grad):
    y = Tensor(array)
    return y.requires_grad_() if requires_grad else y


# Of one value -----------------------------------------------------------------------------------------------


def zeros(*size, dtype=None, requires_grad=False, device=None):
    """Zeros of shape `size`: zeros(2, 3) or zeros((2, 3)). float32 unless `dtype` says otherwise."""
    return _made(np.zeros(_shape("zeros", size), _type("zeros", dtype, device)), requires_grad)


def ones(*size, dtype=None, requires_grad=False, device=None):
    """Ones of shape `size`: ones(2, 3) or ones((2, 3)). float32 unless `dtype` says otherwise."""
    return _made(np.ones(_shape("ones", size), _type("ones", dtype, device)), requires_grad)


def empty(*size, dtype=None, requires_grad=False, device=None):
    """A tensor of shape `size`, filled with whatever was in the memory before: empty(2, 3)."""
    return _made(np.empty(_shape("empty", size), _type("empty", dtype, device)), requires_grad)


def full(size, fill_value, *, dtype=None, requires_grad=False, device=None):
    """A tensor of shape `size`, full of `fill_value`, and of its type: bool, int64 or float32."""
    dtype = _type("full", dtype, device, dtypes.of_number(fill_value))
    return _made(np.full(_shape("full", (size,)), fill_value, dtype), requires_grad)


def zeros_like(input, *, dtype=None, requires_grad=False, device=None):
    """Zeros in the shape, type and memory order of `input`."""
    return _made(np.zeros_like(input.array, _type("zeros_like", dtype, device, input.dtype)), requires_grad)


def ones_like(input, *, dtype=None, requires_grad=False, device=None):
    """Ones in the shape, type and memory order of `input`."""
    return _made(np.ones_like(input.array, _type("ones_like", dtype, device, input.dtype)), requires_grad)


def empty_like(input, *, dtype=None, requires_grad=False, device=None):
    """Uninitialised memory in the shape, type and memory order of `input`."""
    return _made(np.empty_like(input.array, _type("empty_like", dtype, device, input.dtype)), requires_grad)


def full_like(input, fill_value, *, dtype=None, requires_grad=False, device=None):
    """`fill_value` in the shape, type and memory order of `input`."""
    dtype = _type("full_like", dtype, device, input.dtype)
    return _made(np.full_like(input.array, fill_value, dtype), requires_grad)


# Patterns ---------------------------------------------------------------------------------------------------


def eye(n, m=None, *, dtype=None, requires_grad=False, device=None):
    """The (n, n) or (n, m) matrix with ones on its diagonal."""
    return _made(np.eye(n, m, dtype=_type("eye", dtype, device)), requires_grad)


def arange(start, end=None, step=1, *, dtype=None, requires_grad=False, device=None):
    """start, start + step, ... before `end`: shape (N,). arange(n) counts from 0. int64 if all are integers.

    ValueError for a `step` of 0, or one that leads away from `end`.
    """
    if end is None:
        start, end = 0, start
    if step == 0 or (end - start) / step < 0:
        raise ValueError(f"arange: expected a step that leads from {start} to {end}, got {step}")
    whole = all(isinstance(n, (int, np.integer)) for n in (start, end, step))
    dtype = _type("arange", dtype, device, dtypes.int64 if whole else dtypes.float32)
    values = start + step * np.arange(math.ceil((end - start) / step))
    return _made(values.astype(dtype), requires_grad)


def linspace(start, end, steps, *, dtype=None, requires_grad=False, device=None):
    """`steps` values from `start` to `end`, both included, evenly spaced: shape (steps,).

    ValueError for fewer than 0.
    """
    if steps < 0:
        raise ValueError(f"linspace: expected steps of 0 or more, got {steps}")
    return _made(np.linspace(start, end, steps).astype(_type("linspace", dtype, device)), requires_grad)


# Random numbers ---------------------------------------------------------------------------------------------


def rand(*size, dtype=None, requires_grad=False, device=None):
    """Uniform random numbers from [0, 1), of shape `size`: rand(2, 3)."""
    return _uniform("rand", _shape("rand", size), _type("rand", dtype, device), requires_grad)


def randn(*size, dtype=None, requires_grad=False, device=None):
    """Normally distributed random numbers, mean 0 and variance 1, of shape `size`: randn(2, 3)."""
    return _normal("randn", _shape("randn", size), _type("randn", dtype, device), requires_grad)


def rand_like(input, *, dtype=None, requires_grad=False, device=None):
    """`rand` in the shape and type of `input`."""
    return _uniform("rand_like", input.shape, _type("rand_like", dtype, device, input.dtype), requires_grad)


def randn_like(input, *, dtype=None, requires_grad=False, device=None):
    """`randn` in the shape and type of `input`."""
    return _normal("randn_like", input.shape, _type("randn_like", dtype, device, input.dtype), requires_grad)


def randint(low, high=None, size=None, *, dtype=None, requires_grad=False, device=None):
    """Random integers from [low, high), of shape `size`, int64: randint(low, high, size).

    randint(high, size) begins at 0. ValueError unless low < high.
    """
    if size is None:
        low, high, size = 0, low, high
    if size is None or low >= high:
        raise ValueError(f"randint: expected low < high and a size, got low {low}, high {high}, size {size}")
    dtype = _type("randint", dtype, device, dtypes.int64)
    values = _user().integers(low, high, _shape("randint", (size,)))
    return _made(values.astype(dtype, copy=False), requires_grad)


def randperm(n, *, dtype=None, requires_grad=False, device=None):
    """0, 1, ..., n - 1 in random order: shape (n,), int64."""
    return _made(_user().permutation(n).astype(_type("randperm", dtype, device, dtypes.int64)), requires_grad)


def _user():
    return random.stream("user")


def _uniform(name, shape, dtype, requires_grad):
    return _made(_user().random(shape, _floating(name, dtype)), requires_grad)


def _normal(name, shape, dtype, requires_grad):
    return _made(_user().standard_normal(shape, _floating(name, dtype)), requires_grad)


def _floating(name, dtype):
    if not dtypes.is_floating(dtype):
        raise TypeError(f"{name}: expected a floating-point dtype, got {dtype}")
    return dtype


# Arguments --------------------------------------------------------------------------------------------------


def _type(name, dtype, device, otherwise=dtypes.float32):
    check_device(device)
    return otherwise if dtype is None else dtypes.check(dtype, name)


def _shape(name, size):
    """A size given as numbers or as one sequence, as a tuple of ints."""
    shape = tuple(size[0]) if len(size) == 1 and isinstance(size[0], (tuple, list)) else size
    if not all(isinstance(n, (int, np.integer)) and n >= 0 for n in shape):
        raise ValueError(f"{name}: expected sizes of 0 or more, got {shape}")
    return shape
