"""Pooling: each output is the maximum, or the mean, of a window of the input."""

from tinynet import dtypes
from tinynet.nn import check
from tinynet.nn.functional.batch import unbatched
from tinynet.ops import pool
from tinynet.tensor import Tensor


def max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The maximum of each window. (N, C, H, W) -> (N, C, P, Q). `return_indices`: also its place h·W + w.

    P = floor((H + 2 padding - dilation (R - 1) - 1) / stride) + 1; `ceil_mode` rounds up. The padding, at
    most half a window, never wins. Boureau, Ponce & LeCun 2010.
    """
    name = "max_pool2d"
    check.floats(name, input)
    if input.ndim != 4:
        return unbatched(max_pool2d, name, input, kernel_size, stride, padding, dilation, ceil_mode,
                         return_indices)
    options = check.hashable(kernel_size, stride, padding, dilation)
    geometry = check.pool2d(name, input.shape, *options, ceil_mode)
    y, positions = pool.MaxPool2d.apply(input, *geometry, ceil_mode)
    return (y, Tensor(positions.array.astype(dtypes.int64))) if return_indices else y


def avg_pool2d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
               divisor_override=None):
    """The mean of each window: see `ops.pool.AvgPool2d`. (N, C, H, W) -> (N, C, P, Q).

    Zeros of the padding count unless `count_include_pad` is False; `divisor_override` (ValueError for 0)
    stands in for the count. P is `max_pool2d`'s. LeCun et al. 1998.
    """
    name = "avg_pool2d"
    check.floats(name, input)
    if input.ndim != 4:
        return unbatched(avg_pool2d, name, input, kernel_size, stride, padding, ceil_mode, count_include_pad,
                         divisor_override)
    if divisor_override == 0:
        raise ValueError("avg_pool2d: expected divisor_override to be None or not 0")
    options = check.hashable(kernel_size, stride, padding)
    window, stride, padding, _ = check.pool2d(name, input.shape, *options, 1, ceil_mode)
    return pool.AvgPool2d.apply(input, window, stride, padding, ceil_mode, count_include_pad,
                                divisor_override)


def adaptive_avg_pool2d(input, output_size):
    """Means of P x Q windows that tile the input; None keeps a size. (N, C, H, W) -> (N, C, P, Q).

    1 is the global average of Lin et al. 2013.
    """
    name = "adaptive_avg_pool2d"
    check.floats(name, input)
    if input.ndim != 4:
        return unbatched(adaptive_avg_pool2d, name, input, output_size)
    size = output_size if isinstance(output_size, (tuple, list)) else (output_size, output_size)
    if len(size) == 2:
        size = [n if p is None else p for n, p in zip(input.shape[2:], size)]
    return pool.AdaptiveAvgPool2d.apply(input, check.pair(name, "output_size", size, 1))
