"""Arguments of the functions and layers: checked, and brought into one form.

Results that depend on shapes only are computed once for each combination of shapes (`functools.lru_cache`), so that a
network in use pays nothing for good error messages.
"""

import functools
import math

import numpy as np

from tinynet.kernels.pool import max_pool_size, pool_output_size
from tinynet.tensor import Tensor

# Tensors ------------------------------------------------------------------------------------------------


def tensor(name, x):
    if not isinstance(x, Tensor):
        raise TypeError(f"{name}: expected a tensor, got {type(x).__name__}")
    return x


def floats(name, x, *others):
    """All tensors must have one floating-point type; a tensor among `others` may be None, if it was left out."""
    dtype = tensor(name, x).array.dtype
    if dtype.kind != "f":
        raise TypeError(f"{name}: expected a floating-point tensor, got {dtype}")
    for other in others:
        if other is not None and tensor(name, other).array.dtype != dtype:
            raise TypeError(f"{name}: expected tensors of one dtype, got {dtype} and {other.dtype}")


def integers(name, x):
    if tensor(name, x).dtype.kind not in "iu":
        raise TypeError(f"{name}: expected a tensor of integers, got {x.dtype}")


def shaped(name, shape, **tensors):
    """Tensors (or None) of this shape."""
    for what, x in tensors.items():
        if x is not None and x.array.shape != shape:
            raise ValueError(f"{name}: expected {what} {shape}, got {x.shape}")


def in_range(name, what, values, count, ignored=None):
    """Integers in range(count), or `ignored`."""
    if values.size == 0 or values.min() >= 0 and values.max() < count:
        return
    wrong = (values < 0) | (values >= count)
    if ignored is not None:
        wrong &= values != ignored
    if wrong.any():
        also = "" if ignored is None else f" or {ignored}, which is ignored"
        raise IndexError(f"{name}: expected {what} in [0, {count - 1}]{also}, got {values[wrong].flat[0]}")


# Options ------------------------------------------------------------------------------------------------


def sizes(name, what, value, count, least=0):
    """One integer for all of `count` axes, or one for each of them, as a tuple."""
    found = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    found = found * count if len(found) == 1 else found
    if len(found) != count or not all(isinstance(v, (int, np.integer)) and v >= least for v in found):
        words = {1: "an integer", 2: "one or two integers"}.get(count, f"one or {count} integers")
        raise ValueError(f"{name}: expected {what} to be {words} of at least {least}, got {value!r}")
    return found


def pair(name, what, value, least=0):
    """A number, or two of them for height and width, as a pair."""
    return sizes(name, what, value, 2, least)


def hashable(*values):
    """Lists as tuples: what a cache can take."""
    return tuple(tuple(value) if isinstance(value, list) else value for value in values)


def probability(name, what, p):
    if not 0 <= p <= 1:
        raise ValueError(f"{name}: expected {what} in [0, 1], got {p}")


def refuse(name, **options):
    """Options that PyTorch has and tinynet does not: ValueError unless they are None or False."""
    for option, value in options.items():
        if value not in (None, False):
            raise ValueError(f"{name}: {option} is not supported, got {value!r}")


# Geometry -----------------------------------------------------------------------------------------------


AXES, KERNEL = {1: "L", 2: "H, W", 3: "D, H, W"}, {1: "R", 2: "R, S", 3: "T, R, S"}


def _conv_shapes(name, x, w, letters, stride, dilation, groups):
    """The number of axes, the last digit of the name, "conv2d"; stride and dilation as tuples. Checks the shapes x, w.

    `letters` name the first two axes of the weight: "KC" of a convolution, "CK" of a transposed one.
    """
    axes = int(name[-2])
    if len(w) != axes + 2 or not isinstance(groups, int) or groups < 1 or w[0] % groups:
        raise ValueError(f"{name}: expected weight ({letters[0]}, {letters[1]}/groups, {KERNEL[axes]}), "
                         f"{letters[0]} divisible by groups={groups}, got {w}")
    channels = w[0] if letters == "CK" else w[1] * groups
    if len(x) not in (axes + 1, axes + 2) or x[-axes - 1] != channels:
        form = f"{channels}, {AXES[axes]}"
        raise ValueError(f"{name}: expected input (N, {form}) or ({form}), got {x}")
    return axes, sizes(name, "stride", stride, axes, 1), sizes(name, "dilation", dilation, axes, 1)


@functools.lru_cache(4096)
def conv(name, x, w, stride, padding, dilation, groups):
    """stride, padding and dilation as tuples, and how many more zeros "same" needs after than before.

    x and w are the shapes of input and weight.
    """
    axes, stride, dilation = _conv_shapes(name, x, w, "KC", stride, dilation, groups)
    reach = [d * (r - 1) for d, r in zip(dilation, w[2:])]     # from a kernel's first to its last pixel
    padding, extra = _conv_padding(name, padding, stride, reach)
    if any(h + 2 * p + e <= n for h, p, e, n in zip(x[-axes:], padding, extra, reach)):
        raise ValueError(f"{name}: a kernel of {w[2:]} with dilation {dilation} does not fit into {x[-axes:]} "
                         f"pixels with padding {padding}")
    return stride, padding, dilation, extra


def _conv_padding(name, padding, stride, reach):
    none = (0,) * len(reach)
    if not isinstance(padding, str):
        return sizes(name, "padding", padding, len(reach)), none
    if padding == "valid":
        return none, none
    if padding != "same" or max(stride) != 1:
        raise ValueError(f'{name}: expected padding "valid", or "same" with stride 1, or numbers; '
                         f"got {padding!r} with stride {stride}")
    return tuple(n // 2 for n in reach), tuple(n % 2 for n in reach)


@functools.lru_cache(4096)
def conv_transpose(name, x, w, stride, padding, output_padding, groups, dilation):
    """stride, padding, output padding and dilation as tuples, and the size of the output without channels."""
    axes, stride, dilation = _conv_shapes(name, x, w, "CK", stride, dilation, groups)
    padding, more = sizes(name, "padding", padding, axes), sizes(name, "output_padding", output_padding, axes)
    if any(m >= max(s, d) for m, s, d in zip(more, stride, dilation)):
        raise ValueError(f"{name}: expected output_padding below stride {stride} or dilation {dilation}, got {more}")
    size = tuple((n - 1) * s - 2 * p + d * (r - 1) + m + 1
                 for n, s, p, d, r, m in zip(x[-axes:], stride, padding, dilation, w[2:], more))
    if min(size) < 1:
        raise ValueError(f"{name}: expected an output of at least 1 pixel, got {size} for input {x}")
    return stride, padding, dilation, size


@functools.lru_cache(4096)
def pool2d(name, x, window, stride, padding, dilation, ceil_mode):
    """window, stride (the window, if None), padding and dilation as pairs; x is the shape of the input."""
    window, dilation = pair(name, "kernel_size", window, 1), pair(name, "dilation", dilation, 1)
    stride = window if stride in (None, ()) else pair(name, "stride", stride, 1)
    padding = pair(name, "padding", padding)
    if any(2 * p > w for p, w in zip(padding, window)):
        raise ValueError(f"{name}: expected padding of at most half the window {window}, got {padding}")
    if 0 in x[1:] or min(max_pool_size(x, window, stride, padding, dilation, ceil_mode)) < 1:
        raise ValueError(f"{name}: a window of {window} does not fit into input {x} with padding {padding}")
    return window, stride, padding, dilation


@functools.lru_cache(4096)
def windows(name, size, kernel_size, dilation, padding, stride):
    """(kernel, stride, padding, dilation) as pairs, and how many windows there are in an image (H, W)."""
    kernel, dilation = pair(name, "kernel_size", kernel_size, 1), pair(name, "dilation", dilation, 1)
    stride, padding = pair(name, "stride", stride, 1), pair(name, "padding", padding)
    counts = [pool_output_size(*axis) for axis in zip(size, kernel, stride, padding, dilation)]
    if min(counts) < 1:
        raise ValueError(f"{name}: a kernel of {kernel} with dilation {dilation} does not fit into {size} "
                         f"pixels with padding {padding}")
    return (kernel, stride, padding, dilation), math.prod(counts)
