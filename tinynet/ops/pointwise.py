"""Operators of one operand that treat every element alike: dx = dy · slope.

Where the slope follows more easily from the result than from the input (exp, sqrt, tanh, sigmoid), the result is
saved. That costs no memory: the next operator needs the result anyway.
"""

import numpy as np

from tinynet import dtypes
from tinynet.autograd import Function
from tinynet.kernels import activation
from tinynet.ops.arithmetic import div, mul
from tinynet.ops.common import cast, formula, named, promote, tensor_of
from tinynet.tensor import attach


def unary(name, function):
    """A function of one operand, also a method of Tensor; integers become float32 first."""
    @named(name, f"{formula(function)}, for each element; integers become float32.", name)
    def call(input):
        x, = promote(name, input, floating=True)
        return function.apply(x)
    return call


class Neg(Function):
    """y = -x; dx = -dy. Saves nothing."""

    @staticmethod
    def forward(ctx, x):
        return np.negative(x)

    @staticmethod
    def backward(ctx, dy):
        return -dy


@attach("neg", "__neg__")
def neg(input):
    """-input, for each element. Booleans have no negative: TypeError."""
    x = tensor_of(input)
    if x.dtype == dtypes.bool:
        raise TypeError("neg: booleans have no negative; use ~")
    return Neg.apply(x)


attach("__pos__")(lambda self: self)


class Abs(Function):
    """y = |x|; dx = dy sign(x), which is 0 at 0."""

    @staticmethod
    def forward(ctx, x):
        ctx.save(x)
        return np.abs(x)

    @staticmethod
    def backward(ctx, dy):
        x, = ctx.saved
        return dy * sign_of(x)


@attach("abs", "__abs__")
def abs(input):
    """|input| of each element, in its own type; the gradient at 0 is 0."""
    return Abs.apply(tensor_of(input))


def sign_of(x):
    """-1, 0 or 1, and 0 for NaN, as in PyTorch."""
    return x.copy() if x.dtype == bool else np.nan_to_num(np.sign(x))


class Sign(Function):
    """y = -1, 0 or 1, the sign of x; dx = 0, for y is constant between its steps. Saves nothing."""

    @staticmethod
    def forward(ctx, x):
        return sign_of(x)

    @staticmethod
    def backward(ctx, dy):
        return np.zeros_like(dy)


@attach("sign")
def sign(input):
    """-1, 0 or 1 for each element, in its own type; the gradient is 0."""
    return Sign.apply(tensor_of(input))


class Exp(Function):
    """y = e^x; dx = dy y. Saves the result."""

    @staticmethod
    def forward(ctx, x):
        y = np.exp(x)
        ctx.save(y)
        return y

    @staticmethod
    def backward(ctx, dy):
        y, = ctx.saved
        return dy * y


exp = unary("exp", Exp)


class Sqrt(Function):
    """y = sqrt(x); dx = dy / (2 y). Saves the result."""

    @staticmethod
    def forward(ctx, x):
        y = np.sqrt(x)
        ctx.save(y)
        return y

    @staticmethod
    def backward(ctx, dy):
        y, = ctx.saved
        return dy / (2 * y)


sqrt = unary("sqrt", Sqrt)


class Tanh(Function):
    """y = tanh x; dx = dy (1 - y^2). Saves the result."""

    @staticmethod
    def forward(ctx, x):
        y = activation.tanh(x)
        ctx.save(y)
        return y

    @staticmethod
    def backward(ctx, dy):
        y, = ctx.saved
        return activation.tanh_backward(dy, y)


tanh = unary("tanh", Tanh)


class Sigmoid(Function):
    """y = 1 / (1 + e^-x); dx = dy y (1 - y). Saves the result."""

    @staticmethod
    def forward(ctx, x):
        y = activation.sigmoid(x)
        ctx.save(y)
        return y

    @staticmethod
    def backward(ctx, dy):
        y, = ctx.saved
        return activation.sigmoid_backward(dy, y)


sigmoid = unary("sigmoid", Sigmoid)


@attach("square")
def square(input):
    """input², for each element; booleans become integers."""
    x = tensor_of(input)
    x = cast(x, dtypes.int64) if x.dtype == dtypes.bool else x
    return mul(x, x)


@attach("rsqrt")
def rsqrt(input):
    """1 / √input, for each element; integers become float32."""
    return div(1, sqrt(input))
