"""Arithmetic of 8-bit integers: a convolution and a linear layer that take and give floats, without a float inside.

A real value v is kept as an integer q from -128 to 127 on a *grid* (scale, zero): v = scale · (q - zero).
Sums of products of such values are sums of products of integers. With weights on grids whose zero is 0, one
for each output channel k:

    q_y = zero_y + round(M[k] · (b[k] + Σ q_x q_w)),   M[k] = scale_x scale_w[k] / scale_y,
                                                       b[k] = bias[k] / (scale_x scale_w[k]) - zero_x Σ q_w

Σ and b are int32. M, the only number that is not whole, is the fraction multiplier / 2**shift of two
integers. Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", sections 2.1 to 2.4. `fast.py` gives the same values.
"""

import numpy as np

from tinynet.kernels.conv import spec as conv
from tinynet.kernels.machine import layout
from tinynet.kernels.machine.backend import kernel


def quantize(x, scale, zero):
    """The nearest of the grid's 256 values, int8, for each of x; halves go to the even one."""
    steps = np.rint(x * x.dtype.type(1 / scale))
    return np.clip(steps + x.dtype.type(zero), -128, 127).astype(np.int8)


def dequantize(q, scale, zero, dtype):
    """The real values scale · (q - zero) of q (int8)."""
    return (q - dtype.type(zero)) * dtype.type(scale)


def requantize(sums, multiplier, zero):
    """zero + round(sums · multiplier / 2**shift) as int8; halves go up."""
    factor, shift = multiplier.astype(np.int64)
    return np.clip(((sums * factor + (1 << (shift - 1))) >> shift) + zero, -128, 127).astype(np.int8)


@kernel
def conv2d(x, grids, w, bias, multiplier, geometry, relu=False, residual=None):
    """relu(y + residual), each on request; y (N, K, P, Q) of x (N, C, H, W), floats, and w (K, C/G, R, S), int8.

    `grids` are those of x and y, `bias` is b (K,) and `multiplier` M (2, K), multipliers and shifts. Outside of its
    border x is 0.
    """
    (of_x, of_y), n, k, (stride, padding, dilation, groups) = grids, x.shape[0], w.shape[0], geometry
    size = conv.out_size(x.shape[2:], w.shape[2:], stride, padding, dilation)
    border = (0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2
    padded = np.pad(quantize(x, *of_x), border, constant_values=of_x[1])
    windows = conv.windows(padded, w.shape[2:], stride, dilation, size)
    weights = w.reshape(groups, k // groups, -1).astype(np.int32)                       # (G, K/G, C/G·R·S)
    q = layout.empty((n, k, *size), np.int8)
    for i in range(n):
        columns = windows[i].reshape(groups, weights.shape[2], -1).astype(np.int32)     # (G, C/G·R·S, P·Q)
        sums = (weights @ columns).reshape(k, *size)                                    # (K, P, Q)
        q[i] = requantize(sums + bias[:, None, None], multiplier[:, :, None, None], of_y[1])
    return conv.add_and_relu(dequantize(q, *of_y, x.dtype), relu, residual)


@kernel
def linear(x, grids, w, bias, multiplier):
    """y (N, K) of x (N, C), floats, and w (K, C), int8; the rest as in `conv2d`."""
    sums = quantize(x, *grids[0]).astype(np.int32) @ w.astype(np.int32).T + bias
    return dequantize(requantize(sums, multiplier, grids[1][1]), *grids[1], x.dtype)
