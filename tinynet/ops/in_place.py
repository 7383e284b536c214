"""Operators that write their result into the memory of their first operand: `x += y`, `x.copy_(y)`."""

import numpy as np

from tinynet import dtypes
from tinynet.autograd import Function
from tinynet.gradients.in_place import change
from tinynet.gradients.modes import is_grad_enabled
from tinynet.ops.arithmetic import Add, Div, Mul, Sub, div, scaled
from tinynet.ops.common import as_type, attach_sign, broadcast, cast, formula, named, promote, unbroadcast
from tinynet.ops.convert import clone
from tinynet.tensor import attach


def _check_fit(name, x, dtype):
    if dtypes.category(dtype) > dtypes.category(x.dtype):
        raise TypeError(f"{name}: a result of {dtype} does not fit in a tensor of {x.dtype}")


def _written(name, function, x, y):
    """`function` of x and y, written into x, if it fits there."""
    promoted, y = promote(name, x, y, floating=function is Div)
    _check_fit(name, x, promoted.dtype)
    y = cast(y, x.dtype)
    if broadcast(name, x, y) != x.shape:
        raise ValueError(f"{name}: the result would not have the shape {x.shape} of the tensor it is written to")
    return change(name, function, x, y)


def _in_place(name, function):
    @named(name, f"{formula(function)}, written over x, in place; the result must fit its shape and type.", name)
    def call(self, other):
        return _written(name, function, self, other)
    return call


mul_ = _in_place("mul_", Mul)
attach_sign("imul", mul_)


@attach("div_")
def div_(self, other, *, rounding_mode=None):
    """x / other, written over x, in place; the result must fit its shape and type. `rounding_mode` as in `div`."""
    if rounding_mode is None:
        return _written("div_", Div, self, other)
    result = div(self, other, rounding_mode=rounding_mode)
    _check_fit("div_", self, result.dtype)
    return copy_(self, result)


attach_sign("itruediv", div_)


@attach("add_")
def add_(self, other, *, alpha=1):
    """x + alpha * other, written over x, in place; the result must fit its shape and type."""
    return _written("add_", Add, self, scaled(other, alpha))


attach_sign("iadd", add_)


@attach("sub_")
def sub_(self, other, *, alpha=1):
    """x - alpha * other, written over x, in place; the result must fit its shape and type."""
    return _written("sub_", Sub, self, scaled(other, alpha))


attach_sign("isub", sub_)


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


def written_over(function, *names):
    """Attach the in-place form of `function` to Tensor: `x.exp_()` computes `x.exp()` and writes it over x."""
    name = f"{function.__name__}_"

    @named(name, f"`{function.__name__}`, written over x, in place; the result must fit its shape and type.",
           name, *names)
    def call(self, *args, **kwargs):
        source = clone(self) if self.requires_grad and is_grad_enabled() else self     # what it saves must stay
        result = function(source, *args, **kwargs)
        _check_fit(name, self, result.dtype)
        if result.shape != self.shape:
            raise ValueError(f"{name}: the result would not have the shape {self.shape} of the tensor it is written to")
        return change(name, Overwrite, self, cast(result, self.dtype))

    return call


@attach("copy_")
def copy_(self, src, non_blocking=False):
    """Write `src` (broadcast, cast to this type) over this tensor, in place.

    `non_blocking` has no meaning on a CPU, as in PyTorch.
    """
    source = as_type(src, self.dtype)
    if broadcast("copy_", self, source) != self.shape:
        raise ValueError(f"copy_: shape {source.shape} does not broadcast to {self.shape}")
    return change("copy_", Overwrite, self, source)


@attach("fill_")
def fill_(self, value):
    """Set each element to `value`, in place."""
    return copy_(self, value)


@attach("zero_")
def zero_(self):
    """Set each element to 0, in place."""
    return copy_(self, 0)
