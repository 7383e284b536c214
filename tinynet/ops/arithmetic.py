"""Operators of two operands: dx = dz · ∂z/∂x, summed over the axes that broadcasting repeated.

Operands broadcast and promote as in PyTorch. `out` is the array that an in-place call (`x += y`) overwrites. If the
backward needs the old value of that array, forward saves a copy (`before`).
"""

import numpy as np

from tinynet import dtypes
from tinynet.autograd import Function
from tinynet.kernels.elementwise import plus
from tinynet.ops.common import attach_sign, before, broadcast, formula, named, need_tensors, promote, unbroadcast
from tinynet.tensor import Tensor, attach


def binary(name, function, *methods, floating=False, numbers=True):
    """A function of two operands, also attached to Tensor under the names `methods`.

    The operands are tensors or arrays; with `numbers`, one of the two may be a number.
    """
    @named(name, f"{formula(function)}, element by element; operands broadcast and promote as in PyTorch.", *methods)
    def call(input, other):
        if not numbers or not isinstance(other, (Tensor, np.ndarray)):
            need_tensors(name, input)
        if not numbers:
            need_tensors(name, other)
        x, y = promote(name, input, other, floating=floating)
        if x.shape != y.shape:
            broadcast(name, x, y)
        return function.apply(x, y)
    return call


class Add(Function):
    """z = x + y; dx = dz, dy = dz. Saves nothing."""

    @staticmethod
    def forward(ctx, x, y, out=None):
        ctx.x_shape, ctx.y_shape = x.shape, y.shape
        return plus(x, y, out)

    @staticmethod
    def backward(ctx, dz):
        return unbroadcast(dz, ctx.x_shape), unbroadcast(dz, ctx.y_shape)


@attach("add")
def add(input, other, *, alpha=1):
    """input + alpha * other, broadcast and promoted as in PyTorch."""
    x, y = promote("add", input, scaled(other, alpha))
    broadcast("add", x, y)
    return Add.apply(x, y)


attach_sign("add", add, "radd")


def scaled(other, alpha):
    """alpha * other, for `add` and `sub`."""
    return other if alpha == 1 else mul(other, alpha)


class Sub(Function):
    """z = x - y; dx = dz, dy = -dz. Saves nothing."""

    @staticmethod
    def forward(ctx, x, y, out=None):
        ctx.x_shape, ctx.y_shape = x.shape, y.shape
        return np.subtract(x, y, out=out)

    @staticmethod
    def backward(ctx, dz):
        dy = unbroadcast(-dz, ctx.y_shape) if ctx.needs[1] else None
        return unbroadcast(dz, ctx.x_shape), dy


@attach("sub")
def sub(input, other, *, alpha=1):
    """input - alpha * other, broadcast and promoted as in PyTorch. TypeError for booleans."""
    x, y = promote("sub", input, scaled(other, alpha))
    if x.dtype == dtypes.bool:
        raise TypeError("sub: booleans cannot be subtracted; use ^ or logical operators")
    broadcast("sub", x, y)
    return Sub.apply(x, y)


attach_sign("sub", sub, "rsub")


class Mul(Function):
    """z = x y; dx = dz y, dy = dz x. Saves each factor only if the other one needs a gradient."""

    @staticmethod
    def forward(ctx, x, y, out=None):
        ctx.x_shape, ctx.y_shape = x.shape, y.shape
        ctx.save(before(x, out) if ctx.needs[1] else None, y if ctx.needs[0] else None)
        return np.multiply(x, y, out=out)

    @staticmethod
    def backward(ctx, dz):
        x, y = ctx.saved
        dx = unbroadcast(dz * y, ctx.x_shape) if ctx.needs[0] else None
        dy = unbroadcast(dz * x, ctx.y_shape) if ctx.needs[1] else None
        return dx, dy


mul = binary("mul", Mul, "mul")
attach_sign("mul", mul, "rmul")


class Div(Function):
    """z = x / y; dx = dz / y, dy = -dz (x / y / y). Not x / y²: the square overflows, or is 0, long before y."""

    @staticmethod
    def forward(ctx, x, y, out=None):
        ctx.x_shape, ctx.y_shape = x.shape, y.shape
        ctx.save(before(x, out) if ctx.needs[1] else None, y)
        return np.divide(x, y, out=out)

    @staticmethod
    def backward(ctx, dz):
        x, y = ctx.saved
        dx = unbroadcast(dz / y, ctx.x_shape) if ctx.needs[0] else None
        dy = unbroadcast(-dz * (x / y / y), ctx.y_shape) if ctx.needs[1] else None
        return dx, dy


_true_divide = binary("div", Div, floating=True)


@attach("div")
def div(input, other, *, rounding_mode=None):
    """input / other, broadcast; integers give float32. `rounding_mode`, "floor" or "trunc", rounds the quotient.

    The gradient of a rounded quotient is 0. ValueError for another `rounding_mode`, ZeroDivisionError for integers
    that are to be rounded, where `other` is 0.
    """
    if rounding_mode is None:
        return _true_divide(input, other)
    if rounding_mode not in ("floor", "trunc"):
        raise ValueError(f'div: expected rounding_mode None, "floor" or "trunc", got {rounding_mode!r}')
    x, y = promote("div", input, other)
    broadcast("div", x, y)
    _refuse_zero("div", y)
    return RoundedDiv.apply(x, y, rounding_mode)


attach_sign("truediv", div, "rtruediv")


def _refuse_zero(name, y):
    if not y.is_floating_point() and not y.array.all():
        raise ZeroDivisionError(f"{name}: integers cannot be divided by zero")


class RoundedDiv(Function):
    """z = x / y, rounded down or towards zero; dx = dy = 0, for z is constant between its steps. Saves nothing."""

    @staticmethod
    def forward(ctx, x, y, rounding_mode):
        ctx.x_shape, ctx.y_shape = x.shape, y.shape
        if rounding_mode == "floor":
            return _floor_divide(x, y)
        return np.trunc(np.divide(x, y)).astype(x.dtype) if x.dtype.kind == "f" else _truncated(x, y)

    @staticmethod
    def backward(ctx, dz):
        return np.zeros(ctx.x_shape, dz.dtype), np.zeros(ctx.y_shape, dz.dtype)


def _floor_divide(x, y):
    """⌊x / y⌋; where y is a floating zero the quotient is infinite or NaN, and stays so."""
    z = np.floor_divide(x, y)
    return z if x.dtype.kind != "f" else np.where(y == 0, np.divide(x, y), z)


def _truncated(x, y):
    """x / y of integers, towards zero, without the detour through floats that would lose digits."""
    down = np.floor_divide(x, y)
    return (down + ((down < 0) & (down * y != x))).astype(x.dtype)


@attach("floor_divide")
def floor_divide(input, other):
    """⌊input / other⌋, broadcast; the gradient is 0. ZeroDivisionError for integers where `other` is 0."""
    return div(input, other, rounding_mode="floor")


attach_sign("floordiv", floor_divide, "rfloordiv")


class Remainder(Function):
    """z = x - y ⌊x / y⌋, with the sign of y; dx = dz, dy = -dz ⌊x / y⌋."""

    rest, quotient = np.remainder, np.floor_divide

    @staticmethod
    def forward(ctx, x, y):
        ctx.x_shape, ctx.y_shape = x.shape, y.shape
        ctx.save(x, y)
        return ctx.function.rest(x, y)

    @staticmethod
    def backward(ctx, dz):
        x, y = ctx.saved
        dy = unbroadcast(-dz * ctx.function.quotient(x, y), ctx.y_shape) if ctx.needs[1] else None
        return unbroadcast(dz, ctx.x_shape), dy


@attach("remainder")
def remainder(input, other):
    """input - other ⌊input / other⌋, element by element; operands broadcast and promote as in PyTorch.

    ZeroDivisionError for integers where `other` is 0.
    """
    if not isinstance(other, (Tensor, np.ndarray)):
        need_tensors("remainder", input)
    return _rest("remainder", Remainder, input, other)


attach_sign("mod", remainder, "rmod")


class Fmod(Remainder):
    """z = x - y trunc(x / y), with the sign of x; dx = dz, dy = -dz trunc(x / y)."""

    rest, quotient = np.fmod, staticmethod(lambda x, y: np.trunc(x / y))


@attach("fmod")
def fmod(input, other):
    """input - other trunc(input / other), element by element, with the sign of `input`; operands broadcast.

    ZeroDivisionError for integers where `other` is 0.
    """
    need_tensors("fmod", input)
    return _rest("fmod", Fmod, input, other)


def _rest(name, function, input, other):
    x, y = promote(name, input, other)
    broadcast(name, x, y)
    _refuse_zero(name, y)
    return function.apply(x, y)


def power(x, y):
    """x^y. Integers with a negative exponent are rounded towards 0, as in PyTorch: only 1 and -1 give another value."""
    if x.dtype.kind not in "iu" or not (y < 0).any():
        return np.power(x, y)
    of_one = np.where(np.abs(x) == 1, np.where(y % 2, x, 1), 0)
    return np.where(y < 0, of_one, np.power(x, np.where(y < 0, 0, y)))


class Pow(Function):
    """z = x^y; dx = dz y x^(y-1), which is 0 where y = 0; dy = dz z log x, which is 0 where x = 0 and y >= 0."""

    @staticmethod
    def forward(ctx, x, y):
        z = power(x, y).astype(x.dtype, copy=False)            # NumPy makes int8 of booleans
        ctx.save(x, y, z)
        return z

    @staticmethod
    def backward(ctx, dz):
        x, y, z = ctx.saved
        dx = dy = None
        if ctx.needs[0]:
            dx = unbroadcast(np.where(y == 0, 0, dz * y * np.power(x, np.where(y == 0, 1, y - 1))), x.shape)
        if ctx.needs[1]:
            flat = (x == 0) & (y >= 0)
            dy = unbroadcast(np.where(flat, 0, dz * z * np.log(np.where(flat, 1, x))), y.shape)
        return dx, dy


_pow = binary("pow", Pow)


@attach("pow")
def pow(input, exponent):
    """input ** exponent, element by element; either may be a number. ValueError: integer ** -integer."""
    negative = isinstance(exponent, int) and exponent < 0
    if negative and isinstance(input, (Tensor, np.ndarray)) and input.dtype.kind in "iu":
        raise ValueError(f"pow: integers cannot be raised to the negative integer {exponent}")
    return _pow(input, exponent)


attach_sign("pow", pow, "rpow")
