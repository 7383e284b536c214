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
    return y.reshape(n, c, -1, p, q)


def _picked(axes, values, otherwise):
    return tuple(otherwise if axis is None else values[axis] for axis in axes)


def _triples(name, kernel_size, stride, padding, dilation=1):
    kernel = check.sizes(name, "kernel_size", kernel_size, 3, 1)
    stride = kernel if stride in (None, ()) else check.sizes(name, "stride", stride, 3, 1)
    return kernel, stride, check.sizes(name, "padding", padding, 3), check.sizes(name, "dilation", dilation, 3, 1)


@whole_numbers_too
def max_pool3d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The maximum of each window of a volume: (N, C, D, H, W) -> (N, C, ..., P, Q). Sizes as `max_pool2d`.

    ValueError for `return_indices`. As PyTorch's.
    """
    check.refuse("max_pool3d", return_indices=return_indices)

    def pooled(images, axes, kernel, stride, padding, dilation):
        return max_pool2d(images, _picked(axes, kernel, 1), _picked(axes, stride, 1), _picked(axes, padding, 0),
                          _picked(axes, dilation, 1), ceil_mode)

    return _by_axes(pooled, "max_pool3d", input, *_triples("max_pool3d", kernel_size, stride, padding, dilation))


@whole_numbers_too
def avg_pool3d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
               divisor_override=None):
    """The mean of each window of a volume: (N, C, D, H, W) -> (N, C, ..., P, Q). Options as `avg_pool2d`.

    ValueError for `divisor_override`. As PyTorch's.
    """
    check.refuse("avg_pool3d", divisor_override=divisor_override)

    def pooled(images, axes, kernel, stride, padding, _):
        return avg_pool2d(images, _picked(axes, kernel, 1), _picked(axes, stride, 1), _picked(axes, padding, 0),
                          ceil_mode, count_include_pad)

    return _by_axes(pooled, "avg_pool3d", input, *_triples("avg_pool3d", kernel_size, stride, padding))


def adaptive_avg_pool3d(input, output_size):
    """Means of windows that tile a volume; None keeps a size. (N, C, D, H, W) -> (N, C, *output_size). As PyTorch's."""
    size = output_size if isinstance(output_size, (tuple, list)) else (output_size,) * 3

    def pooled(images, axes):
        return adaptive_avg_pool2d(images, _picked(axes, size, None))

    return _by_axes(pooled, "adaptive_avg_pool3d", input)
