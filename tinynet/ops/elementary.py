"""Elementary functions. Each is a value and a slope; the first lines make operators of them.

y = f(x), dx = dy f'(x), element by element. Integers become float32 first.
"""

import math

import numpy as np

from tinynet.autograd import Function
from tinynet.kernels.activation.spec import erf as erf_of_numbers
from tinynet.ops.common import named, tensor_of
from tinynet.ops.pointwise import unary
from tinynet.tensor import attach


class Elementary(Function, listed=False):
    """y = value(x); dx = dy slope(x). Saves x. Subclasses give `value` and `slope`, functions of an array."""

    value = slope = None

    @staticmethod
    def forward(ctx, x):
        ctx.save(x)
        return ctx.function.value(x)

    @staticmethod
    def backward(ctx, dy):
        x, = ctx.saved
        return dy * ctx.function.slope(x)


def elementary(name, value, slope, formula):
    """The function `name` and its Function class, called as `name` with a capital."""
    members = {"value": staticmethod(value), "slope": staticmethod(slope), "__doc__": formula, "__module__": __name__}
    return unary(name, type(name.capitalize(), (Elementary,), members))


def _erf(x):
    return erf_of_numbers(x).astype(x.dtype)


def _erfinv(x):
    """Winitzki's formula (2008), made exact by Halley's method: f = erf y - x, f' = 2/√π e^(-y²), f'' = -2 y f'."""
    exact = x.astype(np.float64)
    log = np.log1p(-exact * exact)
    half = 2 / (math.pi * 0.147) + log / 2
    y = np.copysign(np.sqrt(np.sqrt(half * half - log / 0.147) - half), exact)
    for _ in range(3):
        newton = (erf_of_numbers(y) - exact) / (2 / math.sqrt(math.pi) * np.exp(-y * y))
        y = y - newton / (1 + y * newton)
    return np.where(np.abs(exact) == 1, np.copysign(np.inf, exact), y).astype(x.dtype)


log = elementary("log", np.log, lambda x: 1 / x, "y = ln x; dx = dy / x.")
sin = elementary("sin", np.sin, np.cos, "y = sin x; dx = dy cos x.")
cos = elementary("cos", np.cos, lambda x: -np.sin(x), "y = cos x; dx = -dy sin x.")
log1p = elementary("log1p", np.log1p, lambda x: 1 / (1 + x), "y = ln(1 + x); dx = dy / (1 + x).")
log2 = elementary("log2", np.log2, lambda x: 1 / (x * math.log(2)), "y = log₂ x; dx = dy / (x ln 2).")
log10 = elementary("log10", np.log10, lambda x: 1 / (x * math.log(10)), "y = log₁₀ x; dx = dy / (x ln 10).")
expm1 = elementary("expm1", np.expm1, np.exp, "y = e^x - 1, exact beside 0; dx = dy e^x.")
exp2 = elementary("exp2", np.exp2, lambda x: np.exp2(x) * x.dtype.type(math.log(2)), "y = 2^x; dx = dy y ln 2.")
erf = elementary("erf", _erf, lambda x: np.exp(-x * x) * x.dtype.type(2 / math.sqrt(math.pi)),
                  "y = erf x = 2/√π ∫₀ˣ e^(-t²) dt; dx = dy 2/√π e^(-x²).")
erfinv = elementary("erfinv", _erfinv, lambda x: np.exp(_erfinv(x) ** 2) * x.dtype.type(math.sqrt(math.pi) / 2),
                    "y with erf y = x, infinite at -1 and 1; dx = dy √π/2 e^(y²).")
tan = elementary("tan", np.tan, lambda x: 1 + np.tan(x) ** 2, "y = tan x; dx = dy (1 + y²).")
asin = elementary("asin", np.arcsin, lambda x: 1 / np.sqrt(1 - x * x), "y = arcsin x; dx = dy / √(1 - x²).")
acos = elementary("acos", np.arccos, lambda x: -1 / np.sqrt(1 - x * x), "y = arccos x; dx = -dy / √(1 - x²).")
atan = elementary("atan", np.arctan, lambda x: 1 / (1 + x * x), "y = arctan x; dx = dy / (1 + x²).")
sinh = elementary("sinh", np.sinh, np.cosh, "y = sinh x; dx = dy cosh x.")
cosh = elementary("cosh", np.cosh, np.sinh, "y = cosh x; dx = dy sinh x.")
asinh = elementary("asinh", np.arcsinh, lambda x: 1 / np.sqrt(x * x + 1), "y = arsinh x; dx = dy / √(x² + 1).")
acosh = elementary("acosh", np.arccosh, lambda x: 1 / np.sqrt(x * x - 1), "y = arcosh x; dx = dy / √(x² - 1).")
atanh = elementary("atanh", np.arctanh, lambda x: 1 / (1 - x * x), "y = artanh x; dx = dy / (1 - x²).")
reciprocal = elementary("reciprocal", np.reciprocal, lambda x: -1 / x / x, "y = 1 / x; dx = -dy / x².")


class Rounded(Function):
    """y = a multiple of 10^-decimals near x; dx = 0, for y is constant between its steps. Saves nothing."""

    @staticmethod
    def forward(ctx, x, rounding, decimals=0):
        return rounding(x) if decimals == 0 else np.round(x, decimals)

    @staticmethod
    def backward(ctx, dy):
        return np.zeros_like(dy)


def _rounded(name, rounding, formula):
    @named(name, f"{formula}, for each element; the gradient is 0. Integers stay what they are.", name)
    def call(input):
        x = tensor_of(input)
        return Rounded.apply(x, rounding) if x.is_floating_point() else x.clone()
    return call


floor = _rounded("floor", np.floor, "The largest whole number <= input")
ceil = _rounded("ceil", np.ceil, "The smallest whole number >= input")
trunc = _rounded("trunc", np.trunc, "input without what follows its point")


@attach("round")
def round(input, *, decimals=0):
    """Each element rounded to `decimals` digits after the point, halves to the even digit; the gradient is 0."""
    x = tensor_of(input)
    return Rounded.apply(x, np.rint, decimals) if x.is_floating_point() else x.clone()


@attach("frac")
def frac(input):
    """The digits after the point, for each element, with its sign; dx = dy."""
    return input - trunc(input)
