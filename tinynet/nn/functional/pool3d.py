"""Pooling of volumes: of two of their axes, then of the third."""

from tinynet.nn import check
from tinynet.nn.functional.pool import adaptive_avg_pool2d, avg_pool2d, max_pool2d
from tinynet.nn.functional.whole_numbers import whole_numbers_too


def _by_axes(function, name, input, *options):
    """A pooling of volumes (N, C, D, H, W) as one of all its slices, then one over the depth.

    `function(images, axes, *options)` pools images whose axes stand for the axes `axes` of the volume (None: for
    an axis that is not pooled).
    """
    check.floats(name, input)
    if input.ndim == 4:
        return _by_axes(function, name, input.unsqueeze(0), *options).squeeze(0)
    if input.ndim != 5:
        raise ValueError(f"{name}: expected input (N, C, D, H, W) or (C, D, H, W), got {input.shape}")
    n, c, d, h, w = input.shape
    y = function(input.reshape(n, c * d, h, w), (1, 2), *options)                             # (N, C·D, P, Q)
    p, q = y.shape[2:]
    y = function(y.reshape(n, c, d, p * q), (0, None), *options)                              # (N, C, D out, P·Q)
    return y.reshape(n, c, y.shape[2], p, q)


def _picked(axes, values, otherwise):
    return tuple(otherwise if axis is None else values[axis] for axis in axes)


def _triples(name, kernel_size, stride, padding, dilation=1):
    kernel = check.sizes(name, "kernel_size", kernel_size, 3, 1)
    stride = kernel if stride in (None, ()) else check.sizes(name, "stride", stride, 3, 1)
    return kernel, stride, check.sizes(name, "padding", padding, 3), check.sizes(name, "dilation", dilation, 3, 1)


@whole_numbers_too
def max_pool3d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The maximum of each window of a volume: (N, C, D, H, W) -> (N, C, ..., P, Q). Sizes as `max_pool2d`.

    `return_indices`: also its place (d·H + h) W + w. As PyTorch's.
    """
    if return_indices:
        triples = _triples("max_pool3d", kernel_size, stride, padding, dilation)
        return _max_pool3d_with_places(input, *triples, ceil_mode)

    def pooled(images, axes, kernel, stride, padding, dilation):
        return max_pool2d(images, _picked(axes, kernel, 1), _picked(axes, stride, 1), _picked(axes, padding, 0),
                          _picked(axes, dilation, 1), ceil_mode)

    return _by_axes(pooled, "max_pool3d", input, *_triples("max_pool3d", kernel_size, stride, padding, dilation))


def _max_pool3d_with_places(input, kernel, stride, padding, dilation, ceil_mode):
    """The maxima and their places: first those within each slice, then that of the slice."""
    if input.ndim == 4:
        batch = _max_pool3d_with_places(input.unsqueeze(0), kernel, stride, padding, dilation, ceil_mode)
        return tuple(y.squeeze(0) for y in batch)
    n, c, d, h, w = input.shape
    y, within = max_pool2d(input.reshape(n, c * d, h, w), kernel[1:], stride[1:], padding[1:], dilation[1:], ceil_mode,
                           return_indices=True)
    p, q = y.shape[2:]
    y, slices = max_pool2d(y.reshape(n, c, d, p * q), (kernel[0], 1), (stride[0], 1), (padding[0], 0), (dilation[0], 1),
                           ceil_mode, return_indices=True)                                   # (N, C, D out, P·Q)
    shape = n, c, y.shape[2], p, q
    chosen = slices.reshape(n, c, y.shape[2] * p * q)                                         # d·P·Q + p·Q + q
    places = within.reshape(n, c, d * p * q).gather(2, chosen) + chosen // (p * q) * (h * w)
    return y.reshape(shape), places.reshape(shape)


@whole_numbers_too
def avg_pool3d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
               divisor_override=None):
    """The mean of each window of a volume: (N, C, D, H, W) -> (N, C, ..., P, Q). Options as `avg_pool2d`.

    ValueError for a `divisor_override` of 0. As PyTorch's.
    """
    if divisor_override == 0:
        raise ValueError("avg_pool3d: expected divisor_override to be None or not 0")
    sums = None if divisor_override is None else 1

    def pooled(images, axes, kernel, stride, padding, _):
        return avg_pool2d(images, _picked(axes, kernel, 1), _picked(axes, stride, 1), _picked(axes, padding, 0),
                          ceil_mode, count_include_pad, sums)

    y = _by_axes(pooled, "avg_pool3d", input, *_triples("avg_pool3d", kernel_size, stride, padding))
    return y if sums is None else y / divisor_override


def adaptive_avg_pool3d(input, output_size):
    """Means of windows that tile a volume; None keeps a size. (N, C, D, H, W) -> (N, C, *output_size). As PyTorch's."""
    size = output_size if isinstance(output_size, (tuple, list)) else (output_size,) * 3

    def pooled(images, axes):
        return adaptive_avg_pool2d(images, _picked(axes, size, None))

    return _by_axes(pooled, "adaptive_avg_pool3d", input)
