"""The parameter-free shortcut of He et al. (2015), "option A": subsample, and give the missing channels zeros."""

from tinynet.autograd import Function
from tinynet.kernels import shortcut


class SubsamplePad(Function):
    """y[:, before + c, i, j] = x[:, c, i s, j s], 0 in all other channels; dx gets the gradients of the copies.

    Shapes: x (N, C, H, W), y (N, channels, ceil(H / s), ceil(W / s)). Saves nothing.
    He et al. 2015, "Deep Residual Learning", section 3.3, option A.
    """

    @staticmethod
    def forward(ctx, x, stride, channels, before):
        ctx.shape, ctx.stride, ctx.before = x.shape, stride, before
        return shortcut.subsample_pad(x, stride, channels, before)

    @staticmethod
    def backward(ctx, dy):
        return shortcut.subsample_pad_backward(dy, ctx.shape, ctx.stride, ctx.before)
