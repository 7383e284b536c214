"""im2col: lay every window of an image into a column, and a convolution is one product of matrices.

    columns[n, (c, i, j), (a, b)] = x[n, c, a·stride + i, b·stride + j]

Each output pixel (a, b) of a convolution sees a k x k window of the input, in all channels. im2col copies
that window, as a column of C·k·k numbers. Windows overlap, so a pixel is copied up to k·k times. This is
the forward step; its backward, col2im, is given here and is the next exercise.

Shapes: x (N, C, H, W), columns (N, C·k·k, P·Q), with P = (H - k) // stride + 1 and Q likewise.

Hints
  1. Two loops suffice, over the k x k taps (i, j): tap (i, j) of all windows at once is a strided slice of x,
     x[:, :, i : i + P·stride : stride, ...], of shape (N, C, P, Q).
  2. Collect the taps in an array (N, C, k, k, P, Q); one reshape at the end does the rest.
  3. The order of the rows is that of PyTorch's unfold: channel first, then i, then j.

Fill the part marked TODO, then: tinynet exercise im2col --check FILE
"""

import numpy as np

from tinynet.autograd import Function
from tinynet.kernels.conv import spec


def im2col(x, k, stride):
    n, c, h, w = x.shape
    p, q = (h - k) // stride + 1, (w - k) // stride + 1
    # TODO: return columns, (N, C·k·k, P·Q)
    columns = np.empty((n, c, k, k, p, q), x.dtype)
    for i in range(k):
        for j in range(k):
            columns[:, :, i, j] = x[:, :, i:i + p * stride:stride, j:j + q * stride:stride]
    return columns.reshape(n, c * k * k, p * q)
    # END


class Unfold(Function):

    @staticmethod
    def forward(ctx, x, k, stride):
        ctx.size, ctx.k, ctx.stride = x.shape[2:], k, stride
        return im2col(x, k, stride)

    @staticmethod
    def backward(ctx, dcolumns):
        k, stride = ctx.k, ctx.stride
        return spec.col2im.numpy(dcolumns, ctx.size, (k, k), (stride, stride), (0, 0), (1, 1))


# CHECK

from tinynet.inspect.gradcheck import distinct


def cases(rng):
    yield distinct((1, 2, 6, 4), rng), 2, 2                    # windows side by side, P and Q differ
    yield distinct((2, 2, 5, 4), rng), 3, 1                    # overlapping


COLLECT = """
columns = np.empty((n, c, k, k, p, q), x.dtype)
for i in range(k):
    for j in range(k):
        columns[:, :, {place}] = x[:, :, i:i + p * stride:stride, j:j + q * stride:stride]
return columns{axes}.reshape(n, c * k * k, p * q)
"""
SIDE_BY_SIDE = """
columns = np.empty((n, c, k, k, p, q), x.dtype)
for i in range(k):
    for j in range(k):
        columns[:, :, i, j] = x[:, :, i * p:(i + 1) * p, j * q:(j + 1) * q]
return columns.reshape(n, c * k * k, p * q)
"""
MISTAKES = {
    "the rows are in the order (i, j, c), expected (c, i, j): the channel first":
        COLLECT.format(place="i, j", axes=".transpose(0, 2, 3, 1, 4, 5)"),
    "rows and columns of the window are swapped: i goes down, j to the right, and j changes faster":
        COLLECT.format(place="j, i", axes=""),
    "the output pixels are in the order (b, a), expected (a, b): row by row":
        COLLECT.format(place="i, j", axes=".transpose(0, 1, 2, 3, 5, 4)"),
    "the axes are in the wrong order before the reshape: windows before taps":
        COLLECT.format(place="i, j", axes=".transpose(0, 1, 4, 5, 2, 3)"),
    "the stride must be the step of the slices: tap (i, j) takes every stride-th pixel":
        SIDE_BY_SIDE,
}
