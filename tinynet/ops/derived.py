"""Functions that combine other operators, element by element. Each is its own formula."""

import math

import numpy as np

from tinynet import dtypes
from tinynet.autograd import Function
from tinynet.ops.arithmetic import add, binary, div, mul, pow, sub
from tinynet.ops.choice import clamp, where
from tinynet.ops.common import broadcast, cast, need_tensors, promote, require_floating, tensor_of, unbroadcast
from tinynet.ops.comparison import isnan
from tinynet.ops.elementary import erf, log
from tinynet.tensor import attach


@attach("addcmul")
def addcmul(input, tensor1, tensor2, *, value=1):
    """input + value · tensor1 · tensor2; all broadcast."""
    return add(input, mul(tensor1, tensor2), alpha=value)


@attach("addcdiv")
def addcdiv(input, tensor1, tensor2, *, value=1):
    """input + value · tensor1 / tensor2; all broadcast."""
    return add(input, div(tensor1, tensor2), alpha=value)


@attach("lerp")
def lerp(input, end, weight):
    """input + weight · (end - input), a number or tensor as weight; all broadcast."""
    return add(input, mul(weight, sub(end, input)))


@attach("clamp_min")
def clamp_min(input, min):
    """max(input, min), element by element; both broadcast."""
    need_tensors("clamp_min", input)
    return clamp(input, min=min)


@attach("clamp_max")
def clamp_max(input, max):
    """min(input, max), element by element; both broadcast."""
    need_tensors("clamp_max", input)
    return clamp(input, max=max)


class Hypot(Function):
    """z = √(x² + y²), without overflow; dx = dz x / z, dy = dz y / z."""

    @staticmethod
    def forward(ctx, x, y):
        z = np.hypot(x, y)
        ctx.save(x, y, z)
        return z

    @staticmethod
    def backward(ctx, dz):
        x, y, z = ctx.saved
        return unbroadcast(dz * (x / z), x.shape), unbroadcast(dz * (y / z), y.shape)


@attach("hypot")
def hypot(input, other):
    """√(input² + other²), without overflow; both broadcast. TypeError for whole numbers, as in PyTorch."""
    need_tensors("hypot", input, other)
    x, y = promote("hypot", input, other)
    require_floating("hypot", x)
    broadcast("hypot", x, y)
    return Hypot.apply(x, y)


@attach("float_power")
def float_power(input, exponent):
    """input ** exponent, computed in float64; both broadcast."""
    if isinstance(input, (bool, int, float)):
        need_tensors("float_power", exponent)
        return pow(input, cast(tensor_of(exponent), dtypes.float64))
    return pow(cast(tensor_of(input), dtypes.float64), exponent)


@attach("logit")
def logit(input, eps=None):
    """ln(x / (1 - x)) for each element, the inverse of sigmoid; `eps` keeps x in [eps, 1 - eps]."""
    x = tensor_of(input) if eps is None else clamp(input, eps, 1 - eps)
    return log(div(x, sub(1, x)))


@attach("nan_to_num")
def nan_to_num(input, nan=0.0, posinf=None, neginf=None):
    """`nan` in place of NaN, `posinf` and `neginf` (the largest numbers) of infinities, for each element.

    No gradient passes where a number was put in.
    """
    x = tensor_of(input)
    if not x.is_floating_point():
        return x.clone()
    info = np.finfo(x.dtype)
    x = where(isnan(x), nan, x)
    x = where(x.detach() == math.inf, float(info.max) if posinf is None else posinf, x)
    return where(x.detach() == -math.inf, float(info.min) if neginf is None else neginf, x)


@attach("deg2rad")
def deg2rad(input):
    """input π / 180, for each element."""
    return mul(input, math.pi / 180)


@attach("rad2deg")
def rad2deg(input):
    """input 180 / π, for each element."""
    return mul(input, 180 / math.pi)


@attach("erfc")
def erfc(input):
    """1 - erf(input), for each element; computed in float64, for the difference cancels."""
    x, = promote("erfc", input, floating=True)
    return cast(sub(1, erf(cast(x, dtypes.float64))), x.dtype)


@attach("rsub")
def rsub(input, other, *, alpha=1):
    """other - alpha · input; both broadcast."""
    need_tensors("rsub", input)
    return sub(other, input, alpha=alpha)


class LogAddExp(Function):
    """z = ln(e^x + e^y), without overflow; dx = dz / (1 + e^(y - x)), dy = dz / (1 + e^(x - y))."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save(x, y)
        return np.logaddexp(x, y)

    @staticmethod
    def backward(ctx, dz):
        x, y = ctx.saved
        return unbroadcast(dz / (1 + np.exp(y - x)), x.shape), unbroadcast(dz / (1 + np.exp(x - y)), y.shape)


logaddexp = binary("logaddexp", LogAddExp, "logaddexp", floating=True, numbers=False)


class Atan2(Function):
    """z = the angle of the point (y, x); dx = dz y / (x² + y²), dy = -dz x / (x² + y²) for z = atan2(x, y)."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save(x, y)
        return np.arctan2(x, y)

    @staticmethod
    def backward(ctx, dz):
        x, y = ctx.saved
        scale = dz / (x * x + y * y)
        return unbroadcast(scale * y, x.shape), unbroadcast(-scale * x, y.shape)


atan2 = binary("atan2", Atan2, "atan2", floating=True, numbers=False)


@attach("dist")
def dist(input, other, p=2):
    """The `p`-norm of input - other, which broadcast: a 0-d tensor."""
    from tinynet.ops.products import norm
    return norm(sub(input, other), p)


@attach("heaviside")
def heaviside(input, values):
    """0 where input < 0, 1 where it is > 0, `values` where it is 0; both broadcast."""
    need_tensors("heaviside", input, values)
    x = tensor_of(input)
    return where(x == 0, values, where(x > 0, x.new_ones(()), x.new_zeros(())))
