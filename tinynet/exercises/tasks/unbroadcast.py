"""unbroadcast: sum a gradient over the axes along which an input was repeated.

    z = x + y,  where shapes may broadcast:  (3, 4) + (4,)  or  (3, 4) + (3, 1)

NumPy repeats the smaller input. A value that was used several times moves several results, so its gradient
is the sum over all its uses: db[j] = Σ_i dz[i, j] where b (4,) was repeated along axis 0.

Shapes: dy (...), any shape that `shape` broadcasts to; the result has exactly `shape`.

Hints   1. Axes are repeated for two reasons. They may be missing at the front of `shape`: sum them away. Or
they have      size 1 in `shape`: sum them, but keep them, with keepdims=True.   2. dy.sum(axes) takes a
tuple of axes; an empty tuple sums nothing.

Fill the part marked TODO, then: tinynet exercise unbroadcast --check FILE
"""

import numpy as np

from tinynet.autograd import Function


def unbroadcast(dy, shape):
    # TODO: return dy summed to `shape`
    added = dy.ndim - len(shape)
    dy = dy.sum(tuple(range(added)))
    return dy.sum(tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True)
    # END


class Add(Function):
    """z = x + y; dx and dy are dz, summed where x or y was repeated."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.shapes = x.shape, y.shape
        return x + y

    @staticmethod
    def backward(ctx, dz):
        x_shape, y_shape = ctx.shapes
        return unbroadcast(dz, x_shape), unbroadcast(dz, y_shape)


# CHECK

from tinynet.inspect.gradcheck import distinct


def cases(rng):
    yield distinct((3, 4), rng), distinct((4,), rng)
    yield distinct((3, 4), rng), distinct((3, 1), rng)
    yield distinct((2, 1, 4), rng), distinct((3, 1), rng)


MEAN = """
axes = tuple(range(-dy.ndim, -len(shape))) + tuple(i for i in range(-len(shape), 0) if shape[i] == 1)
return dy.mean(axes, keepdims=True).reshape(shape)
"""
ONE = """
axes = tuple(range(-dy.ndim, -len(shape))) + tuple(i for i in range(-len(shape), 0) if shape[i] == 1)
return dy.take(0, axes[0]).reshape(shape) if axes else dy
"""
MISTAKES = {
    "this is the mean over the broadcast axis; each use of a value counts in full: it must be the sum": MEAN,
    "this is one slice of dy; a value that was used several times gets the sum over all its uses": ONE,
}
