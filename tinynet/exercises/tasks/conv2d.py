"""conv2d: the backward of a convolution is two products of matrices and a col2im.

    columns = im2col(x)          y = w · columns + b

With w laid out as a matrix (K, C·R·S), a convolution is a linear layer whose rows are the pixels. Its
gradients are those of a product of matrices; what belongs to the columns goes back to the image through
col2im.

Shapes: x (N, C, H, W), w (K, C, R, S), b (K,), y and dy (N, K, P, Q), columns (N, C·R·S, P·Q).

Hints
  1. dcolumns (N, C·R·S, P·Q) is made of w (K, C·R·S) and dy (N, K, P·Q); NumPy's @ does a whole stack.
  2. dw is one product per image, and all images use the same w: sum over them, then reshape.
  3. a.mT is the transpose of each matrix of a stack.
  4. Where was b repeated?

Fill the part marked TODO, then: tinynet exercise conv2d --check FILE
"""

import numpy as np

from tinynet.autograd import Function
from tinynet.kernels.conv import spec


class Conv2d(Function):

    @staticmethod
    def forward(ctx, x, w, b, stride, padding):
        k = len(w)
        ctx.geometry = w.shape[2:], (stride, stride), (padding, padding), (1, 1)
        ctx.size = x.shape[2:]
        columns = spec.im2col.numpy(x, *ctx.geometry)          # (N, C·R·S, P·Q)
        ctx.save(columns, w)
        y = w.reshape(k, -1) @ columns + b[:, None]            # (N, K, P·Q)
        return y.reshape(len(x), k, *spec.out_size(ctx.size, *ctx.geometry))

    @staticmethod
    def backward(ctx, dy):
        columns, w = ctx.saved
        n, k = dy.shape[:2]
        dy = dy.reshape(n, k, -1)                              # (N, K, P·Q)
        col2im = lambda dcolumns: spec.col2im.numpy(dcolumns, ctx.size, *ctx.geometry)
        # TODO: return dx, dw, db
        dx = col2im(w.reshape(k, -1).T @ dy)                   # (N, C·R·S, P·Q) -> (N, C, H, W)
        dw = (dy @ columns.mT).sum(0).reshape(w.shape)         # (N, K, C·R·S) -> (K, C, R, S)
        db = dy.sum((0, 2))                                    # (K,)
        return dx, dw, db
        # END


# CHECK

from tinynet.inspect.gradcheck import distinct


def cases(rng):
    yield distinct((2, 2, 4, 4), rng), distinct((3, 2, 3, 3), rng), distinct((3,), rng), 1, 1
    yield distinct((2, 2, 5, 5), rng), distinct((2, 2, 3, 3), rng), distinct((2,), rng), 2, 0


GIVEN = """
dx = col2im({dcolumns})
dw = {dw}.reshape(w.shape)
return dx, dw, {db}
"""
DCOLUMNS, DW, DB = "w.reshape(k, -1).T @ dy", "(dy @ columns.mT).sum(0)", "dy.sum((0, 2))"
MISTAKES = {
    "this is the mean over the images; all of them use the same w, so their gradients add up":
        GIVEN.format(dcolumns=DCOLUMNS, dw="(dy @ columns.mT).mean(0)", db=DB),
    "this is the last image's alone: `=` where `+=` belongs":
        GIVEN.format(dcolumns=DCOLUMNS, dw="(dy @ columns.mT)[-1]", db=DB),
    "this is the first image's alone; all of them use the same w, so their gradients add up":
        GIVEN.format(dcolumns=DCOLUMNS, dw="(dy @ columns.mT)[0]", db=DB),
    "this is a mean; the bias was used at every pixel, so its gradient is the sum":
        GIVEN.format(dcolumns=DCOLUMNS, dw=DW, db="dy.mean((0, 2))"),
}
