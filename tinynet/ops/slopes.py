"""Activation functions that are defined by their value and their slope: y = value(x), dx = dy · slope(x).

Each class has the two formulas. `ByValueAndSlope` makes a forward and a backward of them. At the corner of a function,
the slope is PyTorch's.
"""

import numpy as np

from tinynet.autograd import Function
from tinynet.ops.common import before


class ByValueAndSlope:
    """y = value(x, options); dx = dy · slope(x, options), element by element. Saves x."""

    @staticmethod
    def forward(ctx, x, *options, out=None):
        ctx.save(before(x, out))
        ctx.options = options
        y = ctx.function.value(x, *options).astype(x.dtype, copy=False)
        if out is None:
            return y
        out[...] = y
        return out

    @staticmethod
    def backward(ctx, dy):
        x, = ctx.saved
        return (dy * ctx.function.slope(x, *ctx.options)).astype(dy.dtype, copy=False)


class Hardtanh(ByValueAndSlope, Function):
    """y = x limited to [low, high]; dx = dy strictly between them. Collobert 2004."""

    @staticmethod
    def value(x, low, high):
        return np.clip(x, low, high)

    @staticmethod
    def slope(x, low, high):
        return ~((x <= low) | (x >= high))


class Hardsigmoid(ByValueAndSlope, Function):
    """y = (x + 3) / 6 limited to [0, 1]; dx = dy / 6 strictly between. Courbariaux et al. 2015."""

    @staticmethod
    def value(x):
        return np.clip(x + 3, 0, 6) / 6

    @staticmethod
    def slope(x):
        return ((x > -3) & (x < 3)) / 6


class Hardswish(ByValueAndSlope, Function):
    """y = x · hardsigmoid(x); dx = dy (x / 3 + 1/2) between -3 and 3, 0 below, dy above. Howard et al. 2019."""

    @staticmethod
    def value(x):
        return x * (np.clip(x + 3, 0, 6) / 6)

    @staticmethod
    def slope(x):
        return np.where(x <= -3, 0, np.where(x < 3, x / 3 + 0.5, 1))


class ELU(ByValueAndSlope, Function):
    """y = s x where x > 0, else s α (e^(r x) - 1); dx = s dy or s α r e^(r x) dy. Clevert et al. 2016.

    s = 1, r = 1 is ELU; s = 1, r = 1 / α is CELU; fixed α, s with r = 1 are SELU.
    """

    @staticmethod
    def value(x, alpha, scale, rate):
        return np.where(x > 0, scale * x, scale * alpha * np.expm1(rate * np.minimum(x, 0)))

    @staticmethod
    def slope(x, alpha, scale, rate):
        return np.where(x > 0, scale, scale * alpha * rate * np.exp(rate * np.minimum(x, 0)))


class Softplus(ByValueAndSlope, Function):
    """y = log(1 + e^(β x)) / β, or x where β x is beyond the threshold; dx = dy σ(β x), or dy. Dugas et al. 2001."""

    @staticmethod
    def value(x, beta, threshold):
        return np.where(beta * x > threshold, x, np.logaddexp(0, beta * x) / beta)

    @staticmethod
    def slope(x, beta, threshold):
        return np.where(beta * x > threshold, 1, np.exp(-np.logaddexp(0, -beta * x)))


class LogSigmoid(ByValueAndSlope, Function):
    """y = log σ(x) = -log(1 + e^-x), without overflow; dx = dy σ(-x)."""

    @staticmethod
    def value(x):
        return -np.logaddexp(0, -x)

    @staticmethod
    def slope(x):
        return np.exp(-np.logaddexp(0, x))


class Mish(ByValueAndSlope, Function):
    """y = x t with t = tanh(log(1 + e^x)); dx = dy (t + x σ(x) (1 - t²)). Misra 2019."""

    @staticmethod
    def value(x):
        return x * np.tanh(np.logaddexp(0, x))

    @staticmethod
    def slope(x):
        t = np.tanh(np.logaddexp(0, x))
        return t + x * np.exp(-np.logaddexp(0, -x)) * (1 - t * t)


class Threshold(ByValueAndSlope, Function):
    """y = x where x > threshold, else a fixed value; dx = dy or 0."""

    @staticmethod
    def value(x, threshold, other):
        return np.where(x <= threshold, x.dtype.type(other), x)

    @staticmethod
    def slope(x, threshold, other):
        return ~(x <= threshold)


class Softshrink(ByValueAndSlope, Function):
    """y = x moved towards 0 by λ, and 0 within λ of it; dx = dy outside. Donoho 1995."""

    @staticmethod
    def value(x, lambd):
        return x - np.clip(x, -lambd, lambd)

    @staticmethod
    def slope(x, lambd):
        return np.abs(x) > lambd


class Hardshrink(ByValueAndSlope, Function):
    """y = x, but 0 within λ of it; dx = dy outside. Donoho 1995."""

    @staticmethod
    def value(x, lambd):
        return np.where(np.abs(x) <= lambd, x.dtype.type(0), x)

    @staticmethod
    def slope(x, lambd):
        return ~(np.abs(x) <= lambd)
