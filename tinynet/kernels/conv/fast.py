"""Convolution, fast: which branch serves which shape. The reference implementation is `spec.py`.

- `tiles` (tiles.py, weight_tiles.py): register tiles straight from the image. float32, no dilation.
- `matmul`: the weight gradient of a 1x1 kernel with many channels. The pixels already are the rows of a matrix.
- `depthwise` (depthwise.py): one channel per group, so nothing is summed over channels.
- `im2col` (im2col.py): everything else.
"""

import numpy as np

from tinynet.kernels.conv import depthwise, spec
from tinynet.kernels.conv import im2col as columns
from tinynet.kernels.conv.im2col import col2im, im2col         # noqa: F401  the fast bodies of these two kernels
from tinynet.kernels.conv.spec import Geometry
from tinynet.kernels.elementwise.spec import plus
from tinynet.kernels.machine import layout
from tinynet.kernels.machine.lanes import LANES
from tinynet.kernels.machine.threads import parallel_for
from tinynet.kernels.matmul.fast import matmul

BRANCHES = ("tiles", "matmul", "depthwise", "im2col")
MATMUL_CHANNELS = 64         # from here on BLAS outruns the tiles in the weight gradient of a 1x1 kernel
GROUPS_OF_IMAGES = 8         # partial sums of a weight gradient


def choose(operation, dtype, channels, w_shape, geometry):
    """The branch for an operation ("forward", "input" or "weight") on so many channels, and weights (K, C/G, R, S)."""
    (outputs, _, r, s), (_, padding, dilation, groups) = w_shape, geometry
    if spec.method == "im2col":
        return "im2col"
    if operation == "weight" and r == s == groups == 1 and padding == (0, 0) and spec.method == "auto" \
            and min(channels, outputs) >= MATMUL_CHANNELS:
        return "matmul"
    if groups == channels == outputs > 1:
        return "depthwise"
    if LANES and dtype == np.float32 and dilation == (1, 1):
        return "tiles"
    return "im2col"


def conv2d(x, w, geometry, b=None):
    geometry, dtype = Geometry(*geometry), np.result_type(x, w)
    branch = choose("forward", dtype, x.shape[1], w.shape, geometry)
    if branch == "tiles":
        from tinynet.kernels.conv import tiles                           # late: it needs explicit SIMD
        return tiles.conv2d(x, w, geometry, b)
    p, q = spec.out_size(x.shape[2:], w.shape[2:], *geometry[:3])
    y = layout.empty((x.shape[0], w.shape[0], p, q), dtype)
    run = depthwise.forward if branch == "depthwise" else columns.forward
    run(_pixels(x, dtype), w, _pixels(y, dtype), geometry)
    return y if b is None else np.add(y, b[:, None, None], out=y)


def conv2d_backward_input(dy, w, x_shape, geometry, add_to=None):
    geometry, dtype = Geometry(*geometry), np.result_type(dy, w)
    branch = choose("input", dtype, x_shape[1], w.shape, geometry)
    if branch == "tiles" and (add_to is None or add_to.dtype == dtype and layout.is_channels_last(add_to)):
        from tinynet.kernels.conv import tiles
        return tiles.conv2d_backward_input(dy, w, x_shape, geometry, add_to)
    if add_to is not None:
        return plus(add_to, conv2d_backward_input(dy, w, x_shape, geometry), add_to)
    dx = layout.empty(x_shape, dtype)
    run = depthwise.backward_input if branch == "depthwise" else columns.backward_input
    run(_pixels(dx, dtype), w, _pixels(dy, dtype), geometry)
    return dx


def conv2d_backward_weight(x, dy, w_shape, geometry):
    geometry, dtype = Geometry(*geometry), np.result_type(x, dy)
    branch = choose("weight", dtype, x.shape[1], w_shape, geometry)
    if branch == "tiles":
        from tinynet.kernels.conv import weight_tiles
        return weight_tiles.conv2d_backward_weight(x, dy, w_shape, geometry)
    images, outputs = _pixels(x, dtype), _pixels(dy, dtype)
    if branch == "matmul":
        dw = _matmul_backward_weight(images, outputs, geometry.stride)
    elif branch == "depthwise":
        dw = depthwise.backward_weight(images, outputs, w_shape, geometry)
    else:
        dw = columns.backward_weight(images, outputs, w_shape, geometry)
    return dw.transpose(3, 2, 0, 1)                                       # (K, C/G, R, S)


def _pixels(x, dtype):
    return layout.nhwc(x.astype(dtype, copy=False))


def _matmul_backward_weight(x, dy, stride):
    """xᵀ · dy over all pixels that the kernel saw, (1, 1, C, K).

    Many pixels: partial sums of groups of images, added in order. A large result: pieces of it at a time.
    """
    x = x[:, ::stride[0], ::stride[1]]
    if dy[..., 0].size < x.shape[3] * dy.shape[3]:
        return matmul(x.reshape(-1, x.shape[3]).T, dy.reshape(-1, dy.shape[3]))[None, None]
    grain = max(1, -(-len(x) // GROUPS_OF_IMAGES))
    partial = np.empty((-(-len(x) // grain), x.shape[3], dy.shape[3]), x.dtype)

    def body(start, stop):
        seen, rows = x[start:stop].reshape(-1, x.shape[3]), dy[start:stop].reshape(-1, dy.shape[3])
        np.matmul(seen.T, rows, out=partial[start // grain])                            # (C, K)
    parallel_for(body, len(x), grain, blas=True)
    return partial.sum(axis=0)[None, None]
