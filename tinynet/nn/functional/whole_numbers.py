"""Whole numbers in functions that are made for floats: convolution, pooling, linear layers."""

import functools

from tinynet import dtypes
from tinynet.gradients.modes import no_grad
from tinynet.ops.common import cast
from tinynet.tensor import Tensor, tensors_in


def whole_numbers_too(function):
    """Let a function of floats take integers and booleans, all of one type, as PyTorch's does.

    They are computed in float64, which is exact up to 2^53, and what follows the point is cut off.
    """
    @functools.wraps(function)
    def call(input, *args, **kwargs):
        if isinstance(input, Tensor) and input.array.dtype.kind == "f":
            return function(input, *args, **kwargs)
        types = {t.dtype for t in tensors_in([input, args, kwargs])}
        if len(types) != 1 or dtypes.is_floating(*types):      # `function` says what is wrong
            return function(input, *args, **kwargs)
        with no_grad():
            result = function(_wide(input), *map(_wide, args), **{name: _wide(x) for name, x in kwargs.items()})
        dtype, = types
        return (cast(result[0], dtype), *result[1:]) if isinstance(result, tuple) else cast(result, dtype)
    return call


def _wide(x):
    return cast(x, dtypes.float64) if isinstance(x, Tensor) else x
