"""The parameter-free shortcut of He et al. (2015), "option A": subsample, and give the missing channels zeros."""

from tinynet.autograd import Function
from tinynet.kernels import layout


class SubsamplePad(Function):
    """y[:, before + c, i, j] = x[:, c, i s, j s], 0 in all other channels; dx takes back what was copied.

    Shapes: x (N, C, H, W), y (N, channels, ceil(H / s), ceil(W / s)). Saves nothing.
    He et al. 2015, section 3.3, option A.
    """

    @staticmethod
    def forward(ctx, x, stride, channels, before):
        n, c, h, w = ctx.shape = x.shape
        ctx.stride, ctx.taken = stride, slice(before, before + c)
        y = layout.empty((n, channels, -(-h // stride), -(-w // stride)), x.dtype)
        y[:, :before] = 0
        y[:, before + c:] = 0
        y[:, ctx.taken] = x[:, :, ::stride, ::stride]
        return y

    @staticmethod
    def backward(ctx, dy):
        dx = layout.empty(ctx.shape, dy.dtype)
        dx[...] = 0
        dx[:, :, ::ctx.stride, ::ctx.stride] = dy[:, ctx.taken]
        return dx
