"""max_pool2d: send the gradient to the winner of each window.

    y[n, c, i, j] = max of the window of x at (i·stride, j·stride), k x k pixels

Only the largest pixel of a window moves its maximum: it gets all of dy, the others nothing. A pixel that
wins in several windows gets the gradient of each. (No two pixels of a window are equal here; tinynet's own
operator gives such a tie to the first.)

Shapes: x (N, C, H, W), y and dy (N, C, P, Q), dx as x.

Hints
  1. Start from zeros, of the type of dy, and go through the windows with the loop that forward has.
  2. A window of x compared with y[:, :, i:i+1, j:j+1], which broadcasts, is True at the winner.

Fill the part marked TODO, then: tinynet exercise max_pool2d --check FILE
"""

import numpy as np

from tinynet.autograd import Function


def windows(size, k, stride):
    """For each output pixel (i, j), the window of the input that it sees: (i, j, rows, columns)."""
    p, q = ((n - k) // stride + 1 for n in size)
    for i, j in np.ndindex(p, q):
        yield i, j, slice(i * stride, i * stride + k), slice(j * stride, j * stride + k)


class MaxPool2d(Function):

    @staticmethod
    def forward(ctx, x, k, stride):
        n, c, h, w = x.shape
        y = np.empty((n, c, (h - k) // stride + 1, (w - k) // stride + 1), x.dtype)
        for i, j, rows, columns in windows((h, w), k, stride):
            y[:, :, i, j] = x[:, :, rows, columns].max((2, 3))
        ctx.save(x, y)
        ctx.k, ctx.stride = k, stride
        return y

    @staticmethod
    def backward(ctx, dy):
        x, y = ctx.saved
        k, stride = ctx.k, ctx.stride
        # TODO: return dx, of the shape of x
        dx = np.zeros_like(x)
        for i, j, rows, columns in windows(x.shape[2:], k, stride):
            winner = x[:, :, rows, columns] == y[:, :, i:i + 1, j:j + 1]                  # (N, C, k, k)
            dx[:, :, rows, columns] += winner * dy[:, :, i:i + 1, j:j + 1]
        return dx
        # END


# CHECK

from tinynet.inspect.gradcheck import distinct


def cases(rng):
    yield distinct((1, 2, 4, 4), rng), 2, 2                    # windows side by side
    yield distinct((2, 2, 5, 4), rng), 3, 1                    # overlapping


LOOP = """
dx = np.zeros_like(x)
for i, j, rows, columns in windows(x.shape[2:], k, stride):
    window, v = x[:, :, rows, columns], dy[:, :, i:i + 1, j:j + 1]
    winner = window == y[:, :, i:i + 1, j:j + 1]
    dx[:, :, rows, columns] {step}
return dx
"""
MISTAKES = {
    "`=` where `+=` belongs: a later window that overlaps wipes out what an earlier one gave":
        LOOP.format(step="= winner * v"),
    "`=` where `+=` belongs: a pixel that wins in several windows gets the last one's gradient only":
        LOOP.format(step="= np.where(winner, v, dx[:, :, rows, columns])"),
    "every pixel of a window gets dy; only the largest must":
        LOOP.format(step="+= v"),
    "dy is shared among the window, as in an average; the largest pixel gets all of it":
        LOOP.format(step="+= v / (k * k)"),
    "the gradient is multiplied by the maximum; it goes to the winner as it is":
        LOOP.format(step="+= winner * window * v"),
    "the gradient goes to the smallest pixel; it belongs to the largest":
        LOOP.format(step="+= (window == window.min((2, 3), keepdims=True)) * v"),
}
