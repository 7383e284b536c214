"""Changes in place while operations are recorded: `x += y`, `x[index] = y`, `relu_(x)`.

A tensor that is changed gets a new place in the graph: the node of the operation that changed it. If the tensor is a
view, its base has changed as well, and so have the other views of that base. They get new places, too: `ViewWritten`
becomes the node of the base, and a `PartOf` becomes the node of each other view.
https://docs.pytorch.org/docs/stable/notes/autograd.html
"""

import numpy as np

from tinynet.autograd import Function
from tinynet.gradients.modes import modes


def change(name, function, target, *args, **kwargs):
    """Run the operator `function` on `target`, and write the result into the memory of `target`.

    From then on `target` has the result's place in the graph. If backward needs the old value, forward saves a copy.
    """
    check(name, target, *(a for a in args if hasattr(a, "requires_grad")))
    result = function.apply(target, *args, **kwargs, out=target.array)
    target.bump()
    node = result.grad_fn
    if node is not None:               # if forward saved `target.array`, it saved the new value: note its version
        now = (target.version, target.version.count)
        node.versions = [now if version is result.version else (version, count)
                         for version, count in node.versions]
        stand_for(target, result)
        _tell_relatives(target)
    return target


def check(name, target, *others):
    """RuntimeError for a change in place of a leaf that requires a gradient, or of a view of such a leaf.

    Where views take part, the memory of their base must be without gaps.
    """
    if not modes.grad or not any(t.requires_grad for t in (target, *others)):
        return
    if target.is_leaf and target.requires_grad:
        raise RuntimeError(f"{name}: a leaf that requires a gradient cannot be changed in place outside no_grad()")
    base = target if target.base is None else target.base
    if base is target and not base._views:
        return
    if not base.array.transpose(_order(base.array)).flags.c_contiguous:
        raise RuntimeError(f"{name}: the memory of the base of a view has gaps; clone() the base before")
    if base.is_leaf and base.requires_grad:
        raise RuntimeError(f"{name}: a view of a leaf that requires a gradient cannot be changed in place outside "
                           "no_grad()")


def stand_for(tensor, result):
    """Give `tensor` the place of `result` in the graph."""
    tensor.grad_fn, tensor.output_index, tensor.requires_grad = result.grad_fn, result.output_index, True


def _tell_relatives(changed):
    """New places in the graph for the base of a changed view, and for all other views of that memory."""
    base = changed if changed.base is None else changed.base
    if base is not changed:
        stand_for(base, ViewWritten.apply(base, changed, Region(base.array, changed.array)))
    for view in tuple(base._views or ()):
        if view is not changed:
            stand_for(view, PartOf.apply(base, Region(base.array, view.array)))


class Region:
    """The elements of a base that a view shows, as positions in the memory of the base."""

    def __init__(self, base, view):
        self.shape, self.order, size = base.shape, _order(base), base.itemsize
        start = (view.__array_interface__["data"][0] - base.__array_interface__["data"][0]) // size
        places = np.arange(base.size)
        self.places = np.lib.stride_tricks.as_strided(
            places[start:], view.shape, [step // size * places.itemsize for step in view.strides])

    def flat(self, array):
        """The elements of an array of the base's shape, in the order of the base's memory: a copy."""
        return array.transpose(self.order).flatten()

    def shaped(self, flat):
        """The inverse of `flat`: a view."""
        return flat.reshape([self.shape[axis] for axis in self.order]).transpose(np.argsort(self.order))


def _order(array):
    """The axes in the order of memory, the outermost first."""
    return sorted(range(array.ndim), key=lambda axis: -array.strides[axis])


class ViewWritten(Function):
    """z = x after a part of it was written to in place; dx = dz with zeros in that part, dpart = dz there."""

    @staticmethod
    def forward(ctx, x, view, region):
        ctx.region = region
        return x

    @staticmethod
    def backward(ctx, dz):
        flat = ctx.region.flat(dz)
        dpart = flat[ctx.region.places]
        flat[ctx.region.places] = 0
        return ctx.region.shaped(flat), dpart


class PartOf(Function):
    """y = a part of x, a view; dx = dy there, added up where the view shows an element twice, 0 elsewhere."""

    @staticmethod
    def forward(ctx, x, region):
        ctx.region = region
        return region.flat(x)[region.places]

    @staticmethod
    def backward(ctx, dy):
        flat = np.zeros(int(np.prod(ctx.region.shape)), dy.dtype)
        np.add.at(flat, ctx.region.places, dy)
        return ctx.region.shaped(flat)
