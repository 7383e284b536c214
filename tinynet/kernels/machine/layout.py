"""Memory order of activations: the shape is always (N, C, H, W), the fast path keeps C innermost in memory.

Neighbouring memory then holds the channels of one pixel, which is what a vector register loads. Such an array is what
`(N, H, W, C).transpose(0, 3, 1, 2)` gives. NumPy's element-wise functions keep the order, so that activations stay
channels-last from the first layer to the last without a copy. `count` is the number of copies that were needed.
"""

import numpy as np

count = 0


def _innermost(x):
    """A view of x (N, C, ...) with its channels as the last axis."""
    return x.transpose(0, 2, 3, 1) if x.ndim == 4 else np.moveaxis(x, 1, -1)       # the first is ten times as quick


def is_channels_last(x):
    """Whether the channels of `x`, (N, C, ...), lie innermost in one contiguous block."""
    return _innermost(x).flags.c_contiguous


def channels_last(x):
    """`x` itself if its memory is channels-last, else a copy that is (and is counted)."""
    global count
    view = _innermost(x)
    if view.flags.c_contiguous:
        return x
    count += 1
    return np.moveaxis(np.ascontiguousarray(view), -1, 1)


def nhwc(x):
    """A view (N, H, W, C) of x (N, C, H, W) without gaps; of a channels-last copy if `x` has another order."""
    return channels_last(x).transpose(0, 2, 3, 1)


def empty(shape, dtype):
    """An uninitialised array of shape (N, C, ...) in channels-last memory."""
    n, c, *rest = shape
    return np.moveaxis(np.empty((n, *rest, c), dtype), -1, 1)
