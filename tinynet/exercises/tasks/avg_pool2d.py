"""avg_pool2d: share a gradient among all that were averaged.

    y[n, c, i, j] = mean of the window of x at (i·stride, j·stride), k x k pixels

Each pixel of a window moves the mean by 1/(k·k) of its own step. A pixel that several windows see gets a
share from each of them.

Shapes: x (N, C, H, W), y and dy (N, C, P, Q), dx as x.

Hints
  1. Start from zeros, of the type of dy, and go through the windows with the loop that forward has.
  2. dy[:, :, i:i+1, j:j+1] has shape (N, C, 1, 1), and broadcasts to a window (N, C, k, k).

Fill the part marked TODO, then: tinynet exercise avg_pool2d --check FILE
"""

import numpy as np

from tinynet.autograd import Function


def windows(size, k, stride):
    """For each output pixel (i, j), the window of the input that it sees: (i, j, rows, columns)."""
    p, q = ((n - k) // stride + 1 for n in size)
    for i, j in np.ndindex(p, q):
        yield i, j, slice(i * stride, i * stride + k), slice(j * stride, j * stride + k)


class AvgPool2d(Function):

    @staticmethod
    def forward(ctx, x, k, stride):
        n, c, h, w = ctx.shape = x.shape
        ctx.k, ctx.stride = k, stride
        y = np.empty((n, c, (h - k) // stride + 1, (w - k) // stride + 1), x.dtype)
        for i, j, rows, columns in windows((h, w), k, stride):
            y[:, :, i, j] = x[:, :, rows, columns].mean((2, 3))
        return y

    @staticmethod
    def backward(ctx, dy):
        shape, k, stride = ctx.shape, ctx.k, ctx.stride
        # TODO: return dx, (N, C, H, W) = `shape`
        dx = np.zeros(shape, dy.dtype)
        for i, j, rows, columns in windows(shape[2:], k, stride):
            dx[:, :, rows, columns] += dy[:, :, i:i + 1, j:j + 1] / (k * k)
        return dx
        # END


# CHECK

from tinynet.inspect.gradcheck import distinct


def cases(rng):
    yield distinct((1, 2, 4, 4), rng), 2, 2                    # windows side by side
    yield distinct((2, 2, 5, 4), rng), 3, 1                    # overlapping


LOOP = """
dx = np.zeros(shape, dy.dtype)
for i, j, rows, columns in windows(shape[2:], k, stride):
    dx[:, :, rows, columns] {step}
return dx
"""
MISTAKES = {
    "`=` where `+=` belongs: where windows overlap, the last one wins, but all must add up":
        LOOP.format(step="= dy[:, :, i:i + 1, j:j + 1] / (k * k)"),
    "the division by the size of the window, k·k, is missing":
        LOOP.format(step="+= dy[:, :, i:i + 1, j:j + 1]"),
    "it is divided by k; a window has k·k pixels":
        LOOP.format(step="+= dy[:, :, i:i + 1, j:j + 1] / k"),
}
