"""Resizing images: every output pixel is a weighted sum of input pixels, row by row and column by column."""

import numpy as np

from tinynet.autograd import Function
from tinynet.kernels.machine import layout


class Resize(Function):
    """y = A x Bᵀ for every channel, A (P, H) for the rows and B (Q, W) for the columns; dx = Aᵀ dy B. Saves nothing.

    Shapes: (N, C, H, W) -> (N, C, P, Q). Both products see the image with its channels last: the first mixes whole
    rows of pixels, the second the pixels of a row.
    """

    @staticmethod
    def forward(ctx, x, rows, columns):
        ctx.matrices = [m.astype(x.dtype, copy=False) for m in (rows, columns)]
        return _resized(x, *ctx.matrices)

    @staticmethod
    def backward(ctx, dy):
        rows, columns = ctx.matrices
        return _resized(dy, rows.T, columns.T)


def _resized(x, rows, columns):
    pixels = layout.channels_last(x).transpose(0, 2, 3, 1)                                   # (N, H, W, C)
    n, h, w, c = pixels.shape
    y = rows @ pixels.reshape(n, h, w * c)                                                   # (N, P, W·C)
    y = columns @ y.reshape(n * len(rows), w, c)                                             # (N·P, Q, C)
    return y.reshape(n, len(rows), len(columns), c).transpose(0, 3, 1, 2)


def nearest(size, count, scale, exact):
    """The index of the nearest input for each of `count` outputs; outputs are `scale` inputs apart."""
    places = (np.arange(count, dtype=np.float32) + np.float32(0.5 if exact else 0)) * np.float32(scale)
    return np.minimum(np.floor(places).astype(int), size - 1)


def linear_weights(size, count, scale, align_corners):
    """The matrix (count, size) that interpolates between the two nearest of `size` inputs."""
    places = _places(size, count, scale, align_corners).clip(0, None)
    left = np.minimum(np.floor(places).astype(int), size - 1)
    share = np.minimum(places - left, 1)
    return _matrix(size, [(left, 1 - share), (np.minimum(left + 1, size - 1), share)])


def cubic_weights(size, count, scale, align_corners):
    """The matrix (count, size) of a cubic through the four nearest inputs (Keys 1981, with a = -0.75)."""
    places = _places(size, count, scale, align_corners)
    left = np.floor(places).astype(int)
    taps = [((left + i).clip(0, size - 1), _keys(np.abs(places - left - i))) for i in (-1, 0, 1, 2)]
    return _matrix(size, taps)


def _places(size, count, scale, align_corners):
    """The positions of the centers of the outputs among those of the inputs."""
    if align_corners:
        return np.arange(count) * ((size - 1) / (count - 1) if count > 1 else 0)
    return (np.arange(count) + 0.5) * scale - 0.5


def _keys(distance, a=-0.75):
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
    return np.where(distance <= 1, near, far)


def _matrix(size, taps):
    matrix = np.zeros((len(taps[0][0]), size))
    for source, weight in taps:
        np.add.at(matrix, (np.arange(len(matrix)), source), weight)
    return matrix
