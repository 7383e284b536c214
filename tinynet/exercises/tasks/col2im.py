"""col2im: put the columns back where im2col took them, and add up where windows overlap.

    dx[n, c, y, x] = Σ dcolumns[n, (c, i, j), (a, b)]  over all (i, j, a, b) with
                     y = a·stride + i  and  x = b·stride + j

im2col copies a pixel into every window that sees it. What was copied several times gets a gradient from
each copy: the adjoint of copying is adding.

Shapes: dcolumns (N, C·k·k, P·Q), dx (N, C, H, W) = `shape`.

Hints   1. Start from zeros, of the type of dcolumns.   2. Give dcolumns the shape (N, C, k, k, P, Q) first.
  3. Two loops, over the taps (i, j), as in im2col. Within one tap no pixel comes twice; from tap to tap it
does.

Fill the part marked TODO, then: tinynet exercise col2im --check FILE
"""

import numpy as np

from tinynet.autograd import Function
from tinynet.kernels.conv import spec


def col2im(dcolumns, shape, k, stride):
    n, c, h, w = shape
    p, q = (h - k) // stride + 1, (w - k) // stride + 1
    # TODO: return dx, of the shape (N, C, H, W) = `shape`
    taps = dcolumns.reshape(n, c, k, k, p, q)
    dx = np.zeros(shape, dcolumns.dtype)
    for i in range(k):
        for j in range(k):
            dx[:, :, i:i + p * stride:stride, j:j + q * stride:stride] += taps[:, :, i, j]
    return dx
    # END


class Unfold(Function):

    @staticmethod
    def forward(ctx, x, k, stride):
        ctx.shape, ctx.k, ctx.stride = x.shape, k, stride
        return spec.im2col.numpy(x, (k, k), (stride, stride), (0, 0), (1, 1))

    @staticmethod
    def backward(ctx, dcolumns):
        return col2im(dcolumns, ctx.shape, ctx.k, ctx.stride)


# CHECK

from tinynet.inspect.gradcheck import distinct


def cases(rng):
    yield distinct((1, 2, 4, 4), rng), 2, 2                    # windows side by side
    yield distinct((2, 1, 5, 5), rng), 3, 1                    # overlapping
    yield distinct((1, 2, 6, 5), rng), 3, 2                    # overlapping; the last row is seen by none


TAPS = """
taps = {taps}
dx = np.zeros(shape, dcolumns.dtype)
count = np.zeros(shape, dcolumns.dtype)
for i in range(k):
    for j in range(k):
        rows, columns = slice(i, i + p * stride, stride), slice(j, j + q * stride, stride)
        dx[:, :, rows, columns] {sign} taps[:, :, {place}]
        count[:, :, rows, columns] += 1
return dx{end}
"""
WINDOWS = """
taps = dcolumns.reshape(n, c, k, k, p, q)
dx = np.zeros(shape, dcolumns.dtype)
for a in range(p):
    for b in range(q):
        dx[:, :, a * stride:a * stride + k, b * stride:b * stride + k] = taps[..., a, b]
return dx
"""
RIGHT = "dcolumns.reshape(n, c, k, k, p, q)"
CHANNEL_LAST = "dcolumns.reshape(n, k, k, c, p, q).transpose(0, 3, 1, 2, 4, 5)"
MISTAKES = {
    "`=` where `+=` belongs: where windows overlap, the last tap wins, but all must add up":
        TAPS.format(taps=RIGHT, sign="=", place="i, j", end=""),
    "`=` where `+=` belongs: a window wipes out what earlier ones that overlap gave; all must add up":
        WINDOWS,
    "this is the mean over the overlapping windows; each copy counts in full, so it must be the sum":
        TAPS.format(taps=RIGHT, sign="+=", place="i, j", end=" / np.maximum(count, 1)"),
    "rows and columns of the window are swapped: i goes down, j to the right":
        TAPS.format(taps=RIGHT, sign="+=", place="j, i", end=""),
    "the rows of dcolumns are in the order (c, i, j): the channel first":
        TAPS.format(taps=CHANNEL_LAST, sign="+=", place="i, j", end=""),
}
