"""Comparisons, logic and tests of elements: results without a gradient."""

import numpy as np

from tinynet import dtypes
from tinynet.ops.common import attach_sign, broadcast, named, need_tensors, promote, tensor_of
from tinynet.tensor import Tensor, attach


def _comparison(name, ufunc, sign):
    @named(name, f"input {sign} other, element by element: a boolean tensor of the broadcast shape.", name)
    def call(input, other):
        need_tensors(name, input)
        x, y = promote(name, input, other)
        broadcast(name, x, y)
        return Tensor(ufunc(x.array, y.array))
    attach_sign(name, call)
    return call


eq = _comparison("eq", np.equal, "==")
ne = _comparison("ne", np.not_equal, "!=")
lt = _comparison("lt", np.less, "<")
le = _comparison("le", np.less_equal, "<=")
gt = _comparison("gt", np.greater, ">")
ge = _comparison("ge", np.greater_equal, ">=")


def _logic(name, ufunc, sign):
    @named(name, f"input {sign} other, bit by bit, broadcast; TypeError for floats.", name)
    def call(input, other):
        if not isinstance(other, Tensor):
            need_tensors(name, input)
        x, y = promote(name, input, other)
        if dtypes.is_floating(x.dtype):
            raise TypeError(f"{name}: expected booleans or integers, got {x.dtype}")
        broadcast(name, x, y)
        return Tensor(ufunc(x.array, y.array))
    sign_name = name.removeprefix("bitwise_")
    attach_sign(sign_name, call, f"r{sign_name}")
    return call


bitwise_and = _logic("bitwise_and", np.bitwise_and, "&")
bitwise_or = _logic("bitwise_or", np.bitwise_or, "|")
bitwise_xor = _logic("bitwise_xor", np.bitwise_xor, "^")


@attach("bitwise_not", "__invert__")
def bitwise_not(input):
    """~input, for each element: the logical negation of booleans, the bits of integers turned over.

    TypeError for floats.
    """
    if input.is_floating_point():
        raise TypeError(f"bitwise_not: expected booleans or integers, got {input.dtype}")
    return Tensor(np.invert(input.array))


def _question(name, ufunc, words):
    @named(name, f"Whether each element is {words}.", name)
    def call(input):
        return Tensor(ufunc(input.array))
    return call


isnan = _question("isnan", np.isnan, "NaN")
isfinite = _question("isfinite", np.isfinite, "neither NaN nor infinite")
isinf = _question("isinf", np.isinf, "infinite")
isposinf = _question("isposinf", np.isposinf, "plus infinity")
isneginf = _question("isneginf", np.isneginf, "minus infinity")


@attach("allclose")
def allclose(input, other, rtol=1e-5, atol=1e-8, equal_nan=False):
    """Whether |input - other| <= atol + rtol |other| for each element, broadcast: True or False."""
    return bool(np.allclose(tensor_of(input).array, tensor_of(other).array, rtol, atol, equal_nan))


@attach("isclose")
def isclose(input, other, rtol=1e-5, atol=1e-8, equal_nan=False):
    """Whether |input - other| <= atol + rtol |other|, element by element. ValueError for negative rtol or atol."""
    need_tensors("isclose", input, other)
    if rtol < 0 or atol < 0:
        raise ValueError(f"isclose: expected rtol and atol of 0 or more, got {rtol} and {atol}")
    return Tensor(np.isclose(tensor_of(input).array, tensor_of(other).array, rtol, atol, equal_nan))


def isin(elements, test_elements):
    """Whether each element is one of `test_elements`, of any shape."""
    return Tensor(np.isin(tensor_of(elements).array, tensor_of(test_elements).array))


def _logical(name, ufunc, word):
    @named(name, f"Whether input {word} other is not zero, element by element; both broadcast.", name)
    def call(input, other):
        need_tensors(name, input, other)
        x, y = tensor_of(input), tensor_of(other)
        broadcast(name, x, y)
        return Tensor(ufunc(x.array, y.array))
    return call


logical_and = _logical("logical_and", np.logical_and, "and")
logical_or = _logical("logical_or", np.logical_or, "or")
logical_xor = _logical("logical_xor", np.logical_xor, "xor")


@attach("logical_not")
def logical_not(input):
    """Whether each element is zero."""
    return Tensor(np.logical_not(tensor_of(input).array))
