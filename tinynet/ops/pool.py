"""Pooling: each output is the maximum, or the mean, of a window of the input."""

import numpy as np

from tinynet.autograd import Function
from tinynet.kernels import pool


class MaxPool2d(Function):
    """y = max of each window; all of dy goes to where the maximum is, the first one if several are equal.

    Saves the positions (int32), not x or y. Returns y and the positions h·W + w.
    Shapes: (N, C, H, W) -> (N, C, P, Q).
    """

    @staticmethod
    def forward(ctx, x, window, stride, padding, dilation, ceil_mode):
        y, positions = pool.max_pool2d(x, window, stride, padding, dilation, ceil_mode)
        ctx.shape, ctx.positions = x.shape, positions
        return y, positions

    @staticmethod
    def backward(ctx, dy, _):
        return pool.max_pool2d_backward(dy, ctx.positions, ctx.shape)


class AvgPool2d(Function):
    """y = mean of each window; each of its elements gets dy / size. Saves nothing.

    Shapes: (N, C, H, W) -> (N, C, P, Q).
    """

    @staticmethod
    def forward(ctx, x, *geometry):
        ctx.shape, ctx.geometry = x.shape, pool.Geometry(*geometry)
        return pool.avg_pool2d(x, ctx.geometry)

    @staticmethod
    def backward(ctx, dy):
        return pool.avg_pool2d_backward(dy, ctx.shape, ctx.geometry)


class AdaptiveAvgPool2d(Function):
    """The mean of P x Q windows that tile the input as evenly as can be; dy / size to each element.

    Windows overlap where H is no multiple of P. Saves nothing. Shapes: (N, C, H, W) -> (N, C, P, Q).
    (1, 1) is the global average of Lin et al. 2013, "Network in Network".
    """

    @staticmethod
    def forward(ctx, x, output_size):
        ctx.shape = x.shape
        return pool.adaptive_avg_pool2d(x, output_size)

    @staticmethod
    def backward(ctx, dy):
        return pool.adaptive_avg_pool2d_backward(dy, ctx.shape)


class MaxUnpool2d(Function):
    """y = zeros, with each x at its place h·W + w; dx = dy there. Of several at one place the last stays.

    Saves the places. Shapes: (N, C, P, Q) -> (N, C, H, W). Zeiler & Fergus 2014, "Visualizing and Understanding
    Convolutional Networks".
    """

    @staticmethod
    def forward(ctx, x, places, size):
        n, c, *_ = ctx.shape = x.shape
        ctx.places = places.reshape(n, c, -1)
        y = np.zeros((n, c, size[0] * size[1]), x.dtype)
        np.put_along_axis(y, ctx.places, x.reshape(n, c, -1), 2)
        return y.reshape(n, c, *size)

    @staticmethod
    def backward(ctx, dy):
        n, c, *_ = ctx.shape
        return np.take_along_axis(dy.reshape(n, c, -1), ctx.places, 2).reshape(ctx.shape)
