"""Convolution, and its two halves when it is im2col plus matrix multiplication: unfold and fold."""

import numpy as np

from tinynet.autograd import Function
from tinynet.kernels import conv, elementwise
from tinynet.kernels.conv import spec, taps
from tinynet.kernels.reduce import all_finite
from tinynet.tensor import Tensor


class Conv2d(Function):
    """y[n, k, p, q] = b[k] + Σ_c,r,s x[n, c, p·stride + r·dilation - padding, q·...] · w[k, c, r, s].

    dx sends each dy, times w, to all pixels of x in its window (a transposed convolution).
    dw[k, c, r, s] = Σ_n,p,q dy · x at the matching places; db[k] = Σ_n,p,q dy.
    Saves x and w. The unfolded input, R·S times larger than x, is not saved: a kernel that needs it makes it again.
    If a gradient has already arrived at x along another path (a shortcut), dx is added to it in place.

    Shapes: x (N, C, H, W), w (K, C/groups, R, S), b (K,) or None, y (N, K, P, Q); options are pairs.
    Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning".
    """

    accumulates_into = 0

    @staticmethod
    def forward(ctx, x, w, b, stride, padding, dilation, groups):
        ctx.save(x, w)
        ctx.geometry, ctx.biased = conv.Geometry(stride, padding, dilation, groups), b is not None
        ctx.finite = all_finite(w)
        branch = conv if ctx.finite else taps                  # beside an infinity: see kernels/conv/taps.py
        return branch.conv2d(x, w, ctx.geometry, b)

    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved
        dx = dw = None
        if ctx.needs[0]:
            branch = conv if ctx.finite else taps
            dx = branch.conv2d_backward_input(dy, w, x.shape, ctx.geometry, ctx.accumulator)
        if ctx.needs[1]:
            dw = conv.conv2d_backward_weight(x, dy, w.shape, ctx.geometry)
            if not all_finite(dw):
                dw = taps.conv2d_backward_weight(x, dy, w.shape, ctx.geometry)
        if not ctx.biased:
            return dx, dw
        return dx, dw, elementwise.channel_sum(dy) if ctx.needs[2] else None


def conv2d_norm(x, w, b, geometry, norm=None, relu=False, residual=None):
    """relu(norm(conv2d(x, w, b)) + residual) in one pass, for evaluation: a tensor without a graph, of arrays.

    `norm` = (weight, bias, mean, var, eps), see `BatchNorm`; weight and bias may be None. Norm, addition and ReLU
    happen on request. Shapes are those of `Conv2d`, the residual has that of y.
    """
    with np.errstate(all="ignore"):
        return Tensor(conv.conv2d_norm(x, w, geometry, b, norm, relu, residual))


class ConvTranspose2d(Function):
    """The adjoint of `Conv2d`: forward is the input gradient of a convolution, and dx is a convolution.

    dx = conv2d(dy, w); dw is convolution's weight gradient with the roles of input and gradient exchanged. Saves x, w.

    Shapes: x (N, C, H, W), w (C, K/groups, R, S), b (K,) or None, y (N, K, *size); options are pairs.
    Zeiler et al. 2010, "Deconvolutional Networks".
    """

    @staticmethod
    def forward(ctx, x, w, b, size, stride, padding, dilation, groups):
        ctx.save(x, w)
        ctx.geometry, ctx.biased = conv.Geometry(stride, padding, dilation, groups), b is not None
        y = conv.conv2d_backward_input(x, w, (len(x), w.shape[1] * groups, *size), ctx.geometry)
        return y if b is None else np.add(y, b[:, None, None], out=y)

    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved
        dx = conv.conv2d(dy, w, ctx.geometry) if ctx.needs[0] else None
        dw = conv.conv2d_backward_weight(dy, x, w.shape, ctx.geometry) if ctx.needs[1] else None
        if not ctx.biased:
            return dx, dw
        return dx, dw, elementwise.channel_sum(dy) if ctx.needs[2] else None


class Unfold(Function):
    """im2col: column l of y (N, C·R·S, P·Q) is the window that output pixel l of a convolution looks at.

    dx adds every column's gradient where its values came from: fold(dy). Saves nothing.
    """

    @staticmethod
    def forward(ctx, x, *options):                            # kernel, stride, padding, dilation
        ctx.size, ctx.options = x.shape[2:], options
        return spec.im2col(x, *options)

    @staticmethod
    def backward(ctx, dy):
        return spec.col2im(dy, ctx.size, *ctx.options)


class Fold(Function):
    """col2im: adds the columns of x (N, C·R·S, P·Q) to those places of (N, C, H, W) that unfold reads.

    The adjoint of unfold, so that dx = unfold(dy). Saves nothing.
    """

    @staticmethod
    def forward(ctx, x, size, *options):
        ctx.options = options
        return spec.col2im(x, size, *options)

    @staticmethod
    def backward(ctx, dy):
        return spec.im2col(dy, *ctx.options)
