"""Operators that treat every element alike: dx = dz * (dz/dx), summed over the axes that broadcasting repeated.

Where the slope is easier to tell from the result than from the input (exp, sqrt, tanh, sigmoid) the result is saved:
it is alive anyway, as the next operator's input. `out` is the array of an in-place call (`x += y`); a forward that
needs the value it overwrites saves a copy.
"""

import numpy as np

from tinynet import dtypes
from tinynet.autograd import Function, check_in_place
from tinynet.kernels.elementwise import plus
from tinynet.ops.common import as_tensor, before, broadcast, cast, promote, unbroadcast
from tinynet.tensor import Tensor, attach


# Two operands ---------------------------------------------------------------------------------------------------


class Add(Function):
    """z = x + y; dx = dz, dy = dz. Saves nothing."""

    @staticmethod
    def forward(ctx, x, y, out=None):
        ctx.x_shape, ctx.y_shape = x.shape, y.shape
        return plus(x, y, out)

    @staticmethod
    def backward(ctx, dz):
        return unbroadcast(dz, ctx.x_shape), unbroadcast(dz, ctx.y_shape)


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


class Div(Function):
    """z = x / y; dx = dz / y, dy = -dz x / y^2."""

    @staticmethod
    def forward(ctx, x, y, out=None):
        ctx.x_shape, ctx.y_shape = x.shape, y.shape
        ctx.save(before(x, out) if ctx.needs[1] else None, y)
        return np.divide(x, y, out=out)

    @staticmethod
    def backward(ctx, dz):
        x, y = ctx.saved
        dx = unbroadcast(dz / y, ctx.x_shape) if ctx.needs[0] else None
        dy = unbroadcast(-dz * x / (y * y), ctx.y_shape) if ctx.needs[1] else None
        return dx, dy


class Remainder(Function):
    """z = x - y floor(x / y), with the sign of y; dx = dz, dy = -dz floor(x / y)."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.x_shape, ctx.y_shape = x.shape, y.shape
        ctx.save(x, y)
        return np.remainder(x, y)

    @staticmethod
    def backward(ctx, dz):
        x, y = ctx.saved
        dy = unbroadcast(-dz * np.floor_divide(x, y), ctx.y_shape) if ctx.needs[1] else None
        return unbroadcast(dz, ctx.x_shape), dy


class Pow(Function):
    """z = x^y; dx = dz y x^(y-1), which is 0 where y = 0; dy = dz z log x, which is 0 where x = 0 and y >= 0."""

    @staticmethod
    def forward(ctx, x, y):
        z = np.power(x, y).astype(x.dtype, copy=False)         # NumPy makes int8 of booleans
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


class Maximum(Function):
    """z = max(x, y); the larger one gets dz, equal ones half of it each. NaN wins, as in PyTorch."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save(x, y)
        return np.maximum(x, y)

    @staticmethod
    def backward(ctx, dz):
        x, y = ctx.saved
        share = np.where(x == y, dz.dtype.type(0.5), (x > y).astype(dz.dtype))
        return unbroadcast(dz * share, x.shape), unbroadcast(dz * (1 - share), y.shape)


class Minimum(Function):
    """z = min(x, y); the smaller one gets dz, equal ones half of it each. NaN wins, as in PyTorch."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save(x, y)
        return np.minimum(x, y)

    @staticmethod
    def backward(ctx, dz):
        x, y = ctx.saved
        share = np.where(x == y, dz.dtype.type(0.5), (x < y).astype(dz.dtype))
        return unbroadcast(dz * share, x.shape), unbroadcast(dz * (1 - share), y.shape)


# One operand ----------------------------------------------------------------------------------------------------


class Neg(Function):
    """y = -x; dx = -dy. Saves nothing."""

    @staticmethod
    def forward(ctx, x):
        return np.negative(x)

    @staticmethod
    def backward(ctx, dy):
        return -dy


class Abs(Function):
    """y = |x|; dx = dy sign(x), which is 0 at 0."""

    @staticmethod
    def forward(ctx, x):
        ctx.save(x)
        return np.abs(x)

    @staticmethod
    def backward(ctx, dy):
        x, = ctx.saved
        return dy * np.sign(x)


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


class Log(Function):
    """y = ln x; dx = dy / x."""

    @staticmethod
    def forward(ctx, x):
        ctx.save(x)
        return np.log(x)

    @staticmethod
    def backward(ctx, dy):
        x, = ctx.saved
        return dy / x


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


class Sin(Function):
    """y = sin x; dx = dy cos x."""

    @staticmethod
    def forward(ctx, x):
        ctx.save(x)
        return np.sin(x)

    @staticmethod
    def backward(ctx, dy):
        x, = ctx.saved
        return dy * np.cos(x)


class Cos(Function):
    """y = cos x; dx = -dy sin x."""

    @staticmethod
    def forward(ctx, x):
        ctx.save(x)
        return np.cos(x)

    @staticmethod
    def backward(ctx, dy):
        x, = ctx.saved
        return -dy * np.sin(x)


class Tanh(Function):
    """y = tanh x; dx = dy (1 - y^2). Saves the result."""

    @staticmethod
    def forward(ctx, x):
        y = np.tanh(x)
        ctx.save(y)
        return y

    @staticmethod
    def backward(ctx, dy):
        y, = ctx.saved
        return dy * (1 - y * y)


class Sigmoid(Function):
    """y = 1 / (1 + e^-x); dx = dy y (1 - y). Saves the result. Written with tanh, which cannot overflow."""

    @staticmethod
    def forward(ctx, x):
        y = np.tanh(x * x.dtype.type(0.5))
        y += 1
        y *= x.dtype.type(0.5)
        ctx.save(y)
        return y

    @staticmethod
    def backward(ctx, dy):
        y, = ctx.saved
        return dy * y * (1 - y)


class Clamp(Function):
    """y = min(max(x, low), high); dx = dy where low <= x <= high, else 0; `low` and `high` get the rest."""

    @staticmethod
    def forward(ctx, x, low, high):
        ctx.save(x, low, high)
        return np.minimum(np.maximum(x, low), high)

    @staticmethod
    def backward(ctx, dy):
        x, low, high = ctx.saved
        inside = (x >= low) & (x <= high)
        dx = unbroadcast(dy * inside, x.shape) if ctx.needs[0] else None
        dlow = unbroadcast(dy * ((x < low) & (low < high)), low.shape) if ctx.needs[1] else None
        dhigh = unbroadcast(dy * ((x > high) | (high < low)), high.shape) if ctx.needs[2] else None
        return dx, dlow, dhigh


# Choosing -------------------------------------------------------------------------------------------------------


class Where(Function):
    """z = x where the condition holds, y elsewhere; each gets dz where it was chosen, 0 elsewhere."""

    @staticmethod
    def forward(ctx, condition, x, y):
        ctx.save(condition)
        ctx.x_shape, ctx.y_shape = x.shape, y.shape
        return np.where(condition, x, y)

    @staticmethod
    def backward(ctx, dz):
        condition, = ctx.saved
        zero = dz.dtype.type(0)
        dx = unbroadcast(np.where(condition, dz, zero), ctx.x_shape) if ctx.needs[1] else None
        dy = unbroadcast(np.where(condition, zero, dz), ctx.y_shape) if ctx.needs[2] else None
        return None, dx, dy


class Clone(Function):
    """y = a copy of x; dx = dy. Saves nothing."""

    @staticmethod
    def forward(ctx, x, order="K"):
        return x.copy(order)

    @staticmethod
    def backward(ctx, dy):
        return dy


# Functions that users call --------------------------------------------------------------------------------------


def _binary(name, function, floating=False):
    """A function of two operands (tensors, arrays, numbers) that promotes and broadcasts them as PyTorch does."""
    def call(input, other):
        x, y = promote(name, input, other, floating=floating)
        if x.shape != y.shape:
            broadcast(name, x, y)
        return function.apply(x, y)
    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"{formula(function)}, element by element; operands broadcast and promote as in PyTorch."
    return call


def formula(function):
    """What the docstring of a Function says before its gradient: z = x y."""
    return (function.__doc__ or "").partition(";")[0]          # python -OO has no docstrings


def _scaled(name, other, alpha):
    return other if alpha == 1 else mul(other, alpha)


def add(input, other, *, alpha=1):
    """input + alpha * other, broadcast and promoted as in PyTorch."""
    x, y = promote("add", input, _scaled("add", other, alpha))
    broadcast("add", x, y)
    return Add.apply(x, y)


def sub(input, other, *, alpha=1):
    """input - alpha * other, broadcast and promoted as in PyTorch. TypeError for booleans."""
    x, y = promote("sub", input, _scaled("sub", other, alpha))
    if x.dtype == dtypes.bool:
        raise TypeError("sub: booleans cannot be subtracted; use ^ or logical operators")
    broadcast("sub", x, y)
    return Sub.apply(x, y)


def div(input, other, *, rounding_mode=None):
    """input / other, broadcast; integers give float32. `rounding_mode`, "floor" or "trunc", has no gradient.

    ValueError for another `rounding_mode`.
    """
    if rounding_mode is None:
        return _true_divide(input, other)
    x, y = promote("div", input, other)
    broadcast("div", x, y)
    if rounding_mode == "floor":
        return Tensor(np.floor_divide(x.array, y.array))
    if rounding_mode == "trunc":
        return Tensor(np.trunc(np.divide(x.array, y.array)).astype(x.dtype))
    raise ValueError(f'div: expected rounding_mode None, "floor" or "trunc", got {rounding_mode!r}')


mul = _binary("mul", Mul)
_true_divide = _binary("div", Div, floating=True)
remainder = _binary("remainder", Remainder)
maximum = _binary("maximum", Maximum)
minimum = _binary("minimum", Minimum)
_pow = _binary("pow", Pow)


def pow(input, exponent):
    """input ** exponent, element by element; either may be a number. ValueError: integer ** -integer."""
    negative = isinstance(exponent, int) and exponent < 0
    if negative and isinstance(input, (Tensor, np.ndarray)) and input.dtype.kind in "iu":
        raise ValueError(f"pow: integers cannot be raised to the negative integer {exponent}")
    return _pow(input, exponent)


def floor_divide(input, other):
    """floor(input / other), broadcast, without a gradient."""
    return div(input, other, rounding_mode="floor")


def _unary(name, function):
    """A function of one operand; integers become float32 first."""
    def call(input):
        x, = promote(name, input, floating=True)
        return function.apply(x)
    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"{formula(function)}, for each element; integers become float32."
    return call


exp = _unary("exp", Exp)
log = _unary("log", Log)
sqrt = _unary("sqrt", Sqrt)
sin = _unary("sin", Sin)
cos = _unary("cos", Cos)
tanh = _unary("tanh", Tanh)
sigmoid = _unary("sigmoid", Sigmoid)


def neg(input):
    """-input, for each element. Booleans have no negative: TypeError."""
    x = as_tensor(input)
    if x.dtype == dtypes.bool:
        raise TypeError("neg: booleans have no negative; use ~")
    return Neg.apply(x)


def abs(input):
    """|input| of each element, in its own type; the gradient at 0 is 0."""
    return Abs.apply(as_tensor(input))


def square(input):
    """input^2, for each element."""
    x = as_tensor(input)
    return Mul.apply(x, x)


def rsqrt(input):
    """1 / sqrt(input), for each element."""
    return pow(input, -0.5)


def clamp(input, min=None, max=None):
    """Each element limited to [min, max], which broadcast; one may be None, ValueError if both are."""
    if min is None and max is None:
        raise ValueError("clamp: expected min, max or both, got neither")
    x = as_tensor(input)
    limits = [limit for limit in (min, max) if limit is not None]
    x, *limits = promote("clamp", x, *limits)
    broadcast("clamp", x, *limits)
    info = np.iinfo(x.dtype) if x.dtype.kind in "iu" else None
    low = limits.pop(0) if min is not None else Tensor(np.asarray(info.min if info else -np.inf, x.dtype))
    high = limits.pop(0) if max is not None else Tensor(np.asarray(info.max if info else np.inf, x.dtype))
    return Clamp.apply(x, low, high)


def where(condition, input, other):
    """input where the boolean `condition` holds, other elsewhere; all three broadcast."""
    condition = as_tensor(condition)
    if condition.dtype != dtypes.bool:
        raise TypeError(f"where: expected a boolean condition, got {condition.dtype}")
    x, y = promote("where", input, other)
    broadcast("where", condition, x, y)
    return Where.apply(condition, x, y)


def masked_fill(input, mask, value):
    """input with `value` (a number or a 0-d tensor) where the boolean mask, which broadcasts, holds.

    TypeError for a value that the type of `input` cannot hold: a float among integers.
    """
    input, mask = as_tensor(input), as_tensor(mask)
    if mask.dtype != dtypes.bool:
        raise TypeError(f"masked_fill: expected a boolean mask, got {mask.dtype}")
    value = as_tensor(value)
    if value.ndim:
        raise ValueError(f"masked_fill: expected a number or a 0-d tensor as value, got shape {value.shape}")
    if dtypes.category(value.dtype) > dtypes.category(input.dtype):
        raise TypeError(f"masked_fill: a value of {value.dtype} does not fit in a tensor of {input.dtype}")
    broadcast("masked_fill", input, mask)
    return Where.apply(mask, cast(value, input.dtype), input)


def clone(input):
    """A copy of the same shape, with memory of its own, in the graph."""
    return Clone.apply(input)


def contiguous(input):
    """`input` itself if its memory is in C order, else a copy that is, of the same shape."""
    return input if input.array.flags.c_contiguous else Clone.apply(input, order="C")


def check_device(device):
    """There is one device."""
    if device is not None and str(device) != "cpu":
        raise ValueError(f'expected device "cpu", the only one there is, got {device!r}')


def to(input, *args, dtype=None, device=None):
    """The same shape in another type, on the only device ("cpu"): to(dtype), to("cpu"), to(other_tensor)."""
    for a in args:
        if isinstance(a, Tensor):
            dtype = a.dtype
        elif isinstance(a, str) and a.partition(":")[0] in ("cpu", "cuda", "mps", "meta", "xpu"):
            device = a
        else:
            dtype = a
    check_device(device)
    return input if dtype is None else cast(input, dtypes.check(dtype, "to"))


def _converter(name, dtype):
    """`x.long()` and the like: `to` by other names."""
    def call(self):
        return to(self, dtype)
    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"The same shape in {dtype}: as `to`."
    return call


def _where(self, condition, other):
    """self where the boolean `condition` holds, other elsewhere; all three broadcast."""
    return where(condition, self, other)


# Comparisons and logic: no gradient -----------------------------------------------------------------------------


def _comparison(name, ufunc, sign):
    def call(input, other):
        x, y = promote(name, input, other)
        broadcast(name, x, y)
        return Tensor(ufunc(x.array, y.array))
    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"input {sign} other, element by element: a boolean tensor of the broadcast shape."
    return call


eq = _comparison("eq", np.equal, "==")
ne = _comparison("ne", np.not_equal, "!=")
lt = _comparison("lt", np.less, "<")
le = _comparison("le", np.less_equal, "<=")
gt = _comparison("gt", np.greater, ">")
ge = _comparison("ge", np.greater_equal, ">=")


def _logic(name, ufunc, sign):
    def call(input, other):
        x, y = promote(name, input, other)
        if dtypes.is_floating(x.dtype):
            raise TypeError(f"{name}: expected booleans or integers, got {x.dtype}")
        broadcast(name, x, y)
        return Tensor(ufunc(x.array, y.array))
    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"input {sign} other, bit by bit, broadcast; TypeError for floats."
    return call


bitwise_and = _logic("bitwise_and", np.bitwise_and, "&")
bitwise_or = _logic("bitwise_or", np.bitwise_or, "|")
bitwise_xor = _logic("bitwise_xor", np.bitwise_xor, "^")


def bitwise_not(input):
    """~input, for each element: the logical negation of booleans, the bits of integers turned over.

    TypeError for floats.
    """
    if input.is_floating_point():
        raise TypeError(f"bitwise_not: expected booleans or integers, got {input.dtype}")
    return Tensor(np.invert(input.array))


def isnan(input):
    """Whether each element is NaN."""
    return Tensor(np.isnan(input.array))


def isfinite(input):
    """Whether each element is neither NaN nor infinite."""
    return Tensor(np.isfinite(input.array))


def sign(input):
    """-1, 0 or 1 for each element; its gradient is zero everywhere, so it has none."""
    return Tensor(np.sign(input.array))


def allclose(input, other, rtol=1e-5, atol=1e-8, equal_nan=False):
    """Whether |input - other| <= atol + rtol |other| for each element, broadcast: True or False."""
    return bool(np.allclose(as_tensor(input).array, as_tensor(other).array, rtol, atol, equal_nan))


# In place -------------------------------------------------------------------------------------------------------


def _in_place(name, function, scaled=False):
    """`x.add_(y)`, also behind `x += y`: writes into x's memory; the result must fit x's shape and type."""
    def call(self, other, alpha=1):
        x, y = promote(name, self, _scaled(name, other, alpha) if scaled else other, floating=function is Div)
        if dtypes.category(x.dtype) > dtypes.category(self.dtype):
            raise TypeError(f"{name}: a result of {x.dtype} does not fit in a tensor of {self.dtype}")
        y = cast(y, self.dtype)
        if broadcast(name, self, y) != self.shape:
            raise ValueError(f"{name}: the result would not have the shape {self.shape} of the tensor it is written to")
        check_in_place(name, self, y)
        return function.apply_(self, y)
    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"{formula(function)}, written over x, in place; the result must fit its shape and type."
    return call


add_ = _in_place("add_", Add, scaled=True)
sub_ = _in_place("sub_", Sub, scaled=True)
mul_ = _in_place("mul_", Mul)
div_ = _in_place("div_", Div)


class Overwrite(Function):
    """z = y, broadcast into the memory of x; nothing of dz reaches x, all of it reaches y."""

    @staticmethod
    def forward(ctx, x, y, out):
        ctx.shape = y.shape
        out[...] = y
        return out

    @staticmethod
    def backward(ctx, dz):
        return np.zeros_like(dz) if ctx.needs[0] else None, unbroadcast(dz, ctx.shape)


def copy_(self, source):
    """Write `source` (broadcast, cast to this type) over this tensor, in place."""
    source = cast(as_tensor(source), self.dtype)
    if broadcast("copy_", self, source) != self.shape:
        raise ValueError(f"copy_: shape {source.shape} does not broadcast to {self.shape}")
    check_in_place("copy_", self, source)
    return Overwrite.apply_(self, source)


def fill_(self, value):
    """Set each element to `value`, in place."""
    return copy_(self, as_tensor(value))


def zero_(self):
    """Set each element to 0, in place."""
    return copy_(self, 0)


attach(
    add=add, sub=sub, mul=mul, div=div, pow=pow, remainder=remainder, floor_divide=floor_divide,
    maximum=maximum, minimum=minimum, neg=neg, abs=abs, square=square, exp=exp, log=log, sqrt=sqrt, rsqrt=rsqrt,
    sin=sin, cos=cos, tanh=tanh, sigmoid=sigmoid, clamp=clamp, masked_fill=masked_fill,
    where=_where,
    clone=clone, contiguous=contiguous, to=to,
    float=_converter("float", dtypes.float32), double=_converter("double", dtypes.float64),
    long=_converter("long", dtypes.int64), int=_converter("int", dtypes.int32),
    bool=_converter("bool", dtypes.bool),
    eq=eq, ne=ne, lt=lt, le=le, gt=gt, ge=ge, isnan=isnan, isfinite=isfinite, sign=sign, allclose=allclose,
    add_=add_, sub_=sub_, mul_=mul_, div_=div_, copy_=copy_, fill_=fill_, zero_=zero_,
    __add__=add, __radd__=lambda self, other: add(other, self), __iadd__=add_,
    __sub__=sub, __rsub__=lambda self, other: sub(other, self), __isub__=sub_,
    __mul__=mul, __rmul__=lambda self, other: mul(other, self), __imul__=mul_,
    __truediv__=div, __rtruediv__=lambda self, other: div(other, self), __itruediv__=div_,
    __floordiv__=floor_divide, __rfloordiv__=lambda self, other: floor_divide(other, self),
    __mod__=remainder, __rmod__=lambda self, other: remainder(other, self),
    __pow__=pow, __rpow__=lambda self, other: pow(other, self),
    __neg__=neg, __pos__=lambda self: self, __abs__=abs, __invert__=bitwise_not,
    __and__=bitwise_and, __rand__=bitwise_and, __or__=bitwise_or, __ror__=bitwise_or,
    __xor__=bitwise_xor, __rxor__=bitwise_xor,
    __eq__=eq, __ne__=ne, __lt__=lt, __le__=le, __gt__=gt, __ge__=ge,
)
