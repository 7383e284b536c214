"""The in-place forms of operators, made from the operators: `x.exp_()`, `x.clamp_(0, 1)`, `x //= 2`."""

from tinynet.gradients.in_place import check, stand_for
from tinynet.gradients.modes import is_grad_enabled
from tinynet.ops import (
    algebra, arithmetic, choice, comparison, derived, elementary, moving, pointwise, products, reduce, shape)
from tinynet.ops.activation import relu
from tinynet.ops.common import attach_sign, named
from tinynet.ops.in_place import written_over
from tinynet.tensor import attach

_MODULES = {
    pointwise: "neg abs exp sqrt rsqrt square tanh sigmoid sign",
    elementary: "log sin cos log1p log2 log10 expm1 exp2 erf erfinv tan asin acos atan sinh cosh asinh acosh atanh "
                "reciprocal floor ceil trunc round frac",
    arithmetic: "pow remainder fmod floor_divide",
    choice: "clamp masked_fill",
    algebra: "addmm addmv addbmm baddbmm addr",
    derived: "addcmul addcdiv lerp clamp_min clamp_max nan_to_num logit hypot atan2 erfc",
    comparison: "eq ne lt le gt ge bitwise_and bitwise_or bitwise_xor bitwise_not logical_and logical_or logical_xor "
                "logical_not",
    moving: "tril triu",
    products: "cumprod",
    reduce: "cumsum",
}
_forms = {name: written_over(getattr(module, name)) for module, names in _MODULES.items() for name in names.split()}
_forms["relu"] = written_over(relu)
attach("clip_")(_forms["clamp"])
for _sign, _name in dict(ipow="pow", imod="remainder", ifloordiv="floor_divide", iand="bitwise_and", ior="bitwise_or",
                         ixor="bitwise_xor").items():
    attach_sign(_sign, _forms[_name])


def _reshaped(function, name):
    """The in-place form of an operator that changes the shape: the tensor shows the same memory in another shape."""
    @named(name, f"`{name[:-1]}` in place: the same memory in another shape, (N, C) -> (N, 1, C) or the like. "
                 "RuntimeError for views, and for leaves that require a gradient.", name)
    def call(self, *args):
        check(name, self)
        recorded = self.requires_grad and is_grad_enabled()
        if recorded and (self.base is not None or self._views):
            raise RuntimeError(f"{name}: not supported on a view or its base that requires a gradient; "
                               f"use {name[:-1]}")
        result = function(self if recorded else self.detach(), *args)
        self.array = result.array
        if recorded:
            stand_for(self, result)
        return self


for _name in ("squeeze", "unsqueeze", "t", "transpose", "swapaxes"):
    _reshaped(getattr(shape, _name), f"{_name}_")


@attach("detach_")
def detach_(self):
    """Leave the graph, in place, in the same shape. RuntimeError for a view."""
    if self.base is not None and self.grad_fn is not None:
        raise RuntimeError("detach_: a view cannot leave the graph in place; use detach()")
    self.grad_fn, self.output_index, self.requires_grad = None, 0, False
    return self


@attach("fill_diagonal_")
def fill_diagonal_(self, fill_value, wrap=False):
    """Set the diagonal of a matrix, (M, N), to `fill_value`, in place; `wrap` starts again below a wide enough one."""
    n = self.shape[-1]
    flat = self.reshape(-1) if self.is_contiguous() else None
    if flat is None or self.ndim != 2:
        raise ValueError(f"fill_diagonal_: expected a contiguous matrix, got shape {self.shape}")
    flat[: None if wrap else n * n: n + 1] = fill_value
    return self


@attach("resize_")
def resize_(self, *sizes):
    """Take the shape `sizes`, in place: the elements stay where their number stays; else the memory is new.

    RuntimeError for a tensor that requires a gradient.
    """
    wanted = shape.sizes_of("resize_", sizes)
    if self.requires_grad:
        raise RuntimeError("resize_: a tensor that requires a gradient cannot change its size")
    count = min(self.numel(), self.new_empty(wanted).numel())
    resized = self.new_empty(wanted)
    resized.array.reshape(-1)[:count] = self.array.reshape(-1)[:count]
    self.array = resized.array if resized.numel() != self.numel() else self.array.reshape(wanted)
    return self
