"""The parameter-free shortcut of a residual block: every `stride`-th pixel, with channels of zeros added.

He et al. 2015, "Deep Residual Learning", section 3.3, option A.
"""

from tinynet.kernels.machine.backend import kernel
from tinynet.kernels.machine.layout import empty


@kernel
def subsample_pad(x, stride, channels, before):
    """Every `stride`-th pixel of x (N, C, H, W), after `before` channels of zeros, before others: `channels` in all."""
    n, c, h, w = x.shape
    y = empty((n, channels, -(-h // stride), -(-w // stride)), x.dtype)
    y[:, :before] = 0
    y[:, before + c:] = 0
    y[:, before:before + c] = x[:, :, ::stride, ::stride]
    return y


@kernel
def subsample_pad_backward(dy, shape, stride, before):
    """dx, of `shape` (N, C, H, W): the gradient of each pixel that was copied, and 0 for all other pixels."""
    dx = empty(shape, dy.dtype)
    dx[...] = 0
    dx[:, :, ::stride, ::stride] = dy[:, before:before + shape[1]]
    return dx
