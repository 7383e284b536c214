"""Pooling: each output is the maximum, or the mean, of a window of the input."""

from tinynet import dtypes
from tinynet.nn import check
from tinynet.nn.functional.batch import unbatched
from tinynet.nn.functional.whole_numbers import whole_numbers_too
from tinynet.ops import pool
from tinynet.ops.joining import cat
from tinynet.tensor import Tensor


@whole_numbers_too
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


@whole_numbers_too
def avg_pool2d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
               divisor_override=None):
    """The mean of each window: see `ops.pool.AvgPool2d`. (N, C, H, W) -> (N, C, P, Q).

    Zeros of the padding count unless `count_include_pad` is False; `divisor_override` (ValueError for 0)
    replaces the count. P is `max_pool2d`'s. LeCun et al. 1998.
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


def adaptive_max_pool2d(input, output_size, return_indices=False):
    """Maxima of P x Q windows that tile the input; None keeps a size. (N, C, H, W) -> (N, C, P, Q).

    `return_indices`: also their places h·W + w. He et al. 2015, "Spatial Pyramid Pooling".
    """
    name = "adaptive_max_pool2d"
    check.floats(name, input)
    if input.ndim != 4:
        return unbatched(adaptive_max_pool2d, name, input, output_size, return_indices)
    (h, w), size = input.shape[2:], output_size if isinstance(output_size, (tuple, list)) else (output_size,) * 2
    p, q = check.pair(name, "output_size", [n if m is None else m for n, m in zip((h, w), size)], 1)
    if h % p == w % q == 0:            # windows of one size
        return max_pool2d(input, (h // p, w // q), return_indices=return_indices)
    rows = [_of_windows(input, top, bottom, q) for top, bottom in _borders(h, p)]
    y, places = (cat(parts, 2) for parts in zip(*rows))
    return (y, places) if return_indices else y


def _borders(size, count):
    return [(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]


def _of_windows(input, top, bottom, count):
    """The maxima, and their places, of a row of windows: (N, C, 1, count)."""
    found, w = [], input.shape[3]
    for left, right in _borders(w, count):
        y, places = max_pool2d(input[:, :, top:bottom, left:right], (bottom - top, right - left), return_indices=True)
        r, s = places.array // (right - left), places.array % (right - left)
        found.append((y, Tensor((r + top) * w + s + left)))
    return tuple(cat(parts, 3) for parts in zip(*found))


def max_unpool2d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """Zeros with each input where `max_pool2d` found it: (N, C, P, Q) -> (N, C, H, W). Zeiler & Fergus 2014.

    `indices` are those of `return_indices`; H = (P - 1) stride - 2 padding + kernel_size unless `output_size` says.
    """
    name = "max_unpool2d"
    check.floats(name, input)
    check.shaped(name, input.shape, indices=indices)
    kernel = check.pair(name, "kernel_size", kernel_size, 1)
    stride = kernel if stride is None else check.pair(name, "stride", stride, 1)
    padding = check.pair(name, "padding", padding)
    size = [(n - 1) * s - 2 * p + k for n, s, p, k in zip(input.shape[-2:], stride, padding, kernel)]
    h, w = size if output_size is None else tuple(output_size)[-2:]
    check.in_range(name, "indices", indices.array, h * w)
    return pool.MaxUnpool2d.apply(input, indices.array, (h, w))
