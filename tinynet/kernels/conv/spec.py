"""Convolution: y[n,k,p,q] = b[k] + sum over c,r,s of x[n,c, p·stride + r·dilation - padding..] · w[k,c,r,s].

The reference implementation: `im2col` lays the window that each output pixel sees into a column, and the convolution
becomes one matrix multiplication per image (Chellapilla et al. 2006). `fast.py` has what runs by default.

N batch, C channels in, K channels out, H W in, P Q out, R S kernel, G groups. Pairs are (vertical, horizontal).
"""

from typing import NamedTuple

import numpy as np

from tinynet.kernels.machine import layout
from tinynet.kernels.machine.backend import kernel
from tinynet.kernels.norm.spec import batch_norm_eval


class Geometry(NamedTuple):
    """How the windows of a convolution lie on the image; pairs are (vertical, horizontal)."""

    stride: tuple = (1, 1)
    padding: tuple = (0, 0)
    dilation: tuple = (1, 1)
    groups: int = 1


METHODS = ("auto", "im2col", "tiles", "winograd")
method = "auto"


def use_method(name):
    """How the fast kernels convolve.

    "auto" chooses by shape, "im2col" serves every shape, "tiles" takes the register tiles wherever they can be used,
    "winograd" takes Winograd's convolution wherever it can be used, and elsewhere does as "auto".
    """
    global method
    if name not in METHODS:
        raise ValueError(f"conv.use_method: expected one of {', '.join(METHODS)}, got {name!r}")
    method = name


def out_size(size, kernel, stride, padding, dilation):
    """The (P, Q) of an (H, W) = `size`."""
    return tuple((n + 2 * p - d * (k - 1) - 1) // s + 1
                 for n, k, s, p, d in zip(size, kernel, stride, padding, dilation))


def windows(padded, kernel, stride, dilation, size):
    """A writable view of the padded images, (N, C, R, S, P, Q): the window of every output pixel."""
    n, c, _, _ = padded.shape
    by_n, by_c, by_h, by_w = padded.strides
    return np.lib.stride_tricks.as_strided(
        padded, (n, c, *kernel, *size),
        (by_n, by_c, by_h * dilation[0], by_w * dilation[1], by_h * stride[0], by_w * stride[1]))


@kernel
def im2col(x, kernel, stride, padding, dilation):
    """The columns (N, C·R·S, P·Q) of x (N, C, H, W), as `torch.nn.functional.unfold` orders them."""
    n, c, h, w = x.shape
    size = out_size((h, w), kernel, stride, padding, dilation)
    padded = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    columns = windows(padded, kernel, stride, dilation, size)                           # (N, C, R, S, P, Q)
    return columns.reshape(n, c * kernel[0] * kernel[1], size[0] * size[1])             # (N, C·R·S, P·Q)


@kernel
def col2im(columns, size, kernel, stride, padding, dilation):
    """The adjoint of `im2col`: x (N, C, H, W), (H, W) = `size`; where windows overlap, values add up."""
    n, (h, w), (r, s) = columns.shape[0], size, kernel
    p, q = out_size(size, kernel, stride, padding, dilation)
    columns = columns.reshape(n, columns.shape[1] // (r * s), r, s, p, q)               # (N, C, R, S, P, Q)
    padded = np.zeros((n, columns.shape[1], h + 2 * padding[0], w + 2 * padding[1]), columns.dtype)
    target = windows(padded, kernel, stride, dilation, (p, q))
    for i in range(r):
        for j in range(s):
            target[:, :, i, j] += columns[:, :, i, j]       # of the windows' pixels under one tap, none coincide
    return padded[:, :, padding[0]:padding[0] + h, padding[1]:padding[1] + w]


@kernel
def conv2d(x, w, geometry, b=None):
    """y (N, K, P, Q) of x (N, C, H, W) with w (K, C/G, R, S) and, if given, b (K,)."""
    n, k, (stride, padding, dilation, groups) = x.shape[0], w.shape[0], geometry
    size = out_size(x.shape[2:], w.shape[2:], stride, padding, dilation)
    y = layout.empty((n, k, *size), np.result_type(x, w))
    weights = w.reshape(groups, k // groups, -1)                                        # (G, K/G, C/G·R·S)
    for i in range(n):
        columns = im2col.numpy(x[i:i + 1], w.shape[2:], stride, padding, dilation)      # (1, C·R·S, P·Q)
        columns = columns.reshape(groups, weights.shape[2], -1)                         # (G, C/G·R·S, P·Q)
        y[i] = (weights @ columns).reshape(k, *size)                                    # (K, P, Q)
    return y if b is None else np.add(y, b[:, None, None], out=y)


@kernel
def conv2d_norm(x, w, geometry, b, norm, relu=False, residual=None):
    """relu(norm(`conv2d`) + residual), each on request; norm = (weight, bias, mean, var, eps): `batch_norm_eval`."""
    y = conv2d.numpy(x, w, geometry, b)
    return add_and_relu(y, relu, residual) if norm is None else batch_norm_eval.numpy(y, *norm, relu, residual)


@kernel
def joins_norm(x, w, geometry):
    """Whether `norm_conv2d` of such arrays never writes the normalised x to memory."""
    return False


@kernel
def norm_conv2d(x, norm, w, geometry, b=None):
    """`conv2d` of z = relu(norm(x)), see `batch_norm_eval`; norm = (weight, bias, mean, var, eps)."""
    return conv2d.numpy(batch_norm_eval.numpy(x, *norm, True), w, geometry, b)


@kernel
def norm_conv2d_backward_weight(x, norm, dy, w_shape, geometry):
    """`conv2d_backward_weight` of the same z."""
    return conv2d_backward_weight.numpy(batch_norm_eval.numpy(x, *norm, True), dy, w_shape, geometry)


def add_and_relu(y, relu, residual):
    """relu(y + residual) in place, each on request."""
    if residual is not None:
        y += residual
    return np.maximum(y, 0, out=y) if relu else y


@kernel
def conv2d_backward_input(dy, w, x_shape, geometry, add_to=None):
    """dx (N, C, H, W): every output pixel hands its gradient back to the window that it saw.

    Given `add_to`, an earlier gradient of x, dx is added to it in place.
    """
    (n, c, h, width), (stride, padding, dilation, groups) = x_shape, geometry
    dx = layout.empty(x_shape, np.result_type(dy, w))
    weights = w.reshape(groups, w.shape[0] // groups, -1).transpose(0, 2, 1)            # (G, C/G·R·S, K/G)
    for i in range(n):
        columns = weights @ dy[i].reshape(groups, weights.shape[2], -1)                 # (G, C/G·R·S, P·Q)
        columns = columns.reshape(1, c * w.shape[2] * w.shape[3], -1)                   # (1, C·R·S, P·Q)
        dx[i] = col2im.numpy(columns, (h, width), w.shape[2:], stride, padding, dilation)[0]
    return dx if add_to is None else np.add(add_to, dx, out=add_to)


@kernel
def conv2d_backward_weight(x, dy, w_shape, geometry):
    """dw (K, C/G, R, S), in memory (R, S, C/G, K): every output pixel times the window that it saw."""
    (k, c, r, s), (stride, padding, dilation, groups) = w_shape, geometry
    dw = np.zeros((groups, k // groups, c * r * s), np.result_type(x, dy))
    for i in range(x.shape[0]):
        columns = im2col.numpy(x[i:i + 1], (r, s), stride, padding, dilation)           # (1, C·R·S, P·Q)
        columns = columns.reshape(groups, c * r * s, -1)                                # (G, C/G·R·S, P·Q)
        dw += dy[i].reshape(groups, k // groups, -1) @ columns.transpose(0, 2, 1)       # (G, K/G, C/G·R·S)
    return np.ascontiguousarray(dw.reshape(w_shape).transpose(2, 3, 1, 0)).transpose(3, 2, 0, 1)
