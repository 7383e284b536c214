"""Convolution tap by tap, for weights or gradients that hold infinities or NaN.

The other branches multiply zeros of their own: borders, gaps of a stride, unused lanes. Beside finite numbers that adds
0; beside an infinity it adds 0 · inf = NaN where none belongs. Here each weight w[:, :, r, s] meets only the pixels
that it sees. In float64 the borders do take part, as in PyTorch: those of `spec.im2col` are multiplied there, too.
"""

import numpy as np

from tinynet.kernels.conv import spec


def conv2d(x, w, geometry, b=None):
    """As `spec.conv2d`."""
    if x.dtype == np.float64:
        return spec.conv2d.numpy(x, w, geometry, b)
    y = np.zeros((x.shape[0], w.shape[0], *spec.out_size(x.shape[2:], w.shape[2:], *geometry[:3])), x.dtype)
    for r, s, seen, made in _taps(x, y, w.shape, geometry):
        y[made] += _product(_grouped(w[:, :, r, s], geometry.groups), x[seen], geometry.groups)
    return y if b is None else y + b[:, None, None]


def conv2d_backward_input(dy, w, x_shape, geometry, add_to=None):
    """As `spec.conv2d_backward_input`."""
    dx = np.zeros(x_shape, dy.dtype)
    for r, s, seen, made in _taps(dx, dy, w.shape, geometry):
        dx[seen] += _product(_grouped(w[:, :, r, s], geometry.groups).mT, dy[made], geometry.groups)
    return dx if add_to is None else np.add(add_to, dx, out=add_to)


def conv2d_backward_weight(x, dy, w_shape, geometry):
    """As `spec.conv2d_backward_weight`."""
    if x.dtype == np.float64:
        return spec.conv2d_backward_weight.numpy(x, dy, w_shape, geometry)
    dw = np.zeros(w_shape, x.dtype)
    for r, s, seen, made in _taps(x, dy, w_shape, geometry):
        tap = _stacked(dy[made], geometry.groups) @ _stacked(x[seen], geometry.groups).mT    # (N, G, K/G, C/G)
        dw[:, :, r, s] = tap.sum(0).reshape(w_shape[:2])
    return dw


def _taps(x, y, w_shape, geometry):
    """For each tap (r, s): the pixels of x that it sees, and those of y that it helps to make, as indices."""
    stride, padding, dilation, _ = geometry
    for r in range(w_shape[2]):
        for s in range(w_shape[3]):
            rows, columns = (_meeting(x.shape[2 + i], y.shape[2 + i], tap * dilation[i] - padding[i], stride[i])
                             for i, tap in enumerate((r, s)))
            yield r, s, (..., rows[0], columns[0]), (..., rows[1], columns[1])


def _meeting(size, outputs, offset, stride):
    """The slices of x and of y along one axis where y[p] sees x[p · stride + offset]."""
    first = max(0, -(offset // stride))
    last = min(outputs - 1, (size - 1 - offset) // stride)
    count = max(last - first + 1, 0)
    start = first * stride + offset
    return slice(start, start + max(count * stride - stride + 1, 0) if count else start, stride), \
        slice(first, first + count)


def _grouped(tap, groups):
    return tap.reshape(groups, tap.shape[0] // groups, tap.shape[1])                    # (G, K/G, C/G)


def _stacked(pixels, groups):
    n, c, h, w = pixels.shape
    return pixels.reshape(n, groups, c // groups, h * w)                                # (N, G, C/G, H·W)


def _product(weights, pixels, groups):
    n, _, h, w = pixels.shape
    return (weights @ _stacked(pixels, groups)).reshape(n, groups * weights.shape[1], h, w)
