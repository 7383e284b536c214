"""Convolution, fast: which branch serves which shape. The reference implementation is `spec.py`.

- `winograd` (winograd.py, winograd_weights.py): fewer multiplications on register tiles. float32, 3x3, stride 1, many
  channels, and enough pixels for the transforms of the weights to pay.
- `matmul`: 1x1 kernels. The pixels already are the rows of a matrix.
- `tiles` (tiles.py, weight_tiles.py): register tiles straight from the image. float32, no dilation.
- `depthwise tiles` (depthwise_tiles.py): one channel per group, so nothing is summed over channels. float32, channels
  in multiples of a vector. `depthwise` (depthwise.py): the same for others.
- `im2col` (im2col.py): everything else.
"""

import functools
import importlib

import numpy as np

from tinynet.kernels.conv import spec
from tinynet.kernels.conv.im2col import col2im, im2col         # noqa: F401  the fast bodies of these two kernels
from tinynet.kernels.conv.panels import groups_in_block
from tinynet.kernels.conv.spec import Geometry
from tinynet.kernels.elementwise.spec import plus
from tinynet.kernels.machine import layout
from tinynet.kernels.machine.lanes import LANES
from tinynet.kernels.matmul.fast import add_product, finished_product, linear, matmul
from tinynet.kernels.matmul.finish import finish_of
from tinynet.kernels.norm.fast import batch_norm_eval

BRANCHES = ("winograd", "matmul", "tiles", "depthwise tiles", "depthwise", "im2col")
ON_TILES = ("winograd", "tiles")                     # branches that take what comes before or after in their own pass
OF_WEIGHTS = {"winograd": "winograd weights", "tiles": "weight tiles"}
MATMUL_CHANNELS = 16         # with fewer, a product is bound by what is around it
WINOGRAD_CHANNELS = 32       # with fewer, passes over Winograd's planes cost more than what is saved
TRANSFORMS = 1900            # multiplications that cost as much as transforming 3x3 weights, and reading 16 of them


def choose(operation, dtype, x_shape, w_shape, geometry):
    """The branch for an operation ("forward", "input" or "weight") on x (N, C, H, W) and weights (K, C/G, R, S)."""
    return branch_by(spec.method, operation, dtype, x_shape, w_shape, geometry)


@functools.lru_cache(4096)
def branch_by(method, operation, dtype, x_shape, w_shape, geometry):
    (outputs, _, r, s), (stride, padding, dilation, groups), channels = w_shape, geometry, x_shape[1]
    if method == "im2col":
        return "im2col"
    if dtype == np.float32 and method != "tiles" and winograd_pays(method, x_shape, w_shape, geometry):
        return "winograd"
    if r == s == groups == 1 and padding == (0, 0) and method == "auto" and min(channels, outputs) >= \
            MATMUL_CHANNELS and (stride == (1, 1) or operation != "input"):
        return "matmul"
    if groups == channels == outputs > 1:
        return "depthwise tiles" if LANES and dtype == np.float32 and channels % LANES == 0 else "depthwise"
    if LANES and dtype == np.float32 and dilation == (1, 1):
        return "tiles"
    return "im2col"


def winograd_pays(method, x_shape, w_shape, geometry):
    """Whether Winograd's convolution can be used, and will be faster (or is asked for by `use_method`)."""
    (n, channels, h, w), (outputs, _, *kernel), (stride, padding, dilation, groups) = x_shape, w_shape, geometry
    if not LANES or kernel != [3, 3] or stride != (1, 1) or dilation != (1, 1) or groups > 1 \
            or channels % LANES or outputs % LANES:
        return False
    p, q = h + 2 * padding[0] - 2, w + 2 * padding[1] - 2
    saved = n * (9 * p * q - 16 * -(-p // 2) * -(-q // 2))            # multiplications, for each pair of channels
    if method == "winograd":
        return n * p * q > 0
    return min(channels, outputs) >= WINOGRAD_CHANNELS and saved >= TRANSFORMS


@functools.cache
def module_of(branch):
    """The module of a branch other than "matmul", imported when it is needed first."""
    return importlib.import_module(f"tinynet.kernels.conv.{branch.replace(' ', '_')}")


def conv2d(x, w, geometry, b=None):
    geometry, dtype = Geometry(*geometry), np.result_type(x, w)
    branch = choose("forward", dtype, x.shape, w.shape, geometry)
    if branch in ON_TILES:
        return module_of(branch).conv2d(x, w, geometry, b)
    if branch == "matmul":
        seen = seen_by_one_tap(x, geometry.stride, dtype)
        return rows_to_images(linear(as_rows(seen), w[:, :, 0, 0], b), seen.shape)
    p, q = spec.out_size(x.shape[2:], w.shape[2:], *geometry[:3])
    y = layout.empty((x.shape[0], w.shape[0], p, q), dtype)
    module_of(branch).forward(_pixels(x, dtype), w, _pixels(y, dtype), geometry)
    return y if b is None else np.add(y, b[:, None, None], out=y)


def conv2d_norm(x, w, geometry, b, norm, relu=False, residual=None):
    geometry, dtype, y = Geometry(*geometry), np.result_type(x, w), None
    branch = choose("forward", dtype, x.shape, w.shape, geometry)
    added = None if residual is None else _pixels(residual, dtype)
    if branch == "matmul":
        seen = seen_by_one_tap(x, geometry.stride, dtype)
        y = finished_product(as_rows(seen), w[:, :, 0, 0].T, b, norm, relu, added)
        y = None if y is None else rows_to_images(y, seen.shape)
    elif branch in ON_TILES and has_whole_vectors(w.shape[0] // geometry.groups, w.shape[0], geometry.groups):
        y = module_of(branch).conv2d(x, w, geometry, b, finish_of(norm, relu, added, w.shape[0]))
    if y is not None:
        return y
    y = conv2d(x, w, geometry, b)
    return spec.add_and_relu(y, relu, residual) if norm is None else batch_norm_eval(y, *norm, relu, residual)


def joins_norm(x, w, geometry):
    """The branches on tiles normalise the copies of x that they make anyway, by whole vectors of channels."""
    return x.dtype == w.dtype == np.float32 and all(
        choose(operation, x.dtype, x.shape, w.shape, geometry) in ON_TILES for operation in ("forward", "weight")
    ) and has_whole_vectors(w.shape[1], w.shape[0], geometry[3])


def norm_conv2d(x, norm, w, geometry, b=None):
    geometry = Geometry(*geometry)
    if not joins_norm(x, w, geometry):
        return conv2d(batch_norm_eval(x, *norm, True), w, geometry, b)
    branch = choose("forward", x.dtype, x.shape, w.shape, geometry)
    return module_of(branch).conv2d(x, w, geometry, b, start=finish_of(norm, True, None, x.shape[1]))


def norm_conv2d_backward_weight(x, norm, dy, w_shape, geometry):
    geometry = Geometry(*geometry)
    branch = choose("weight", x.dtype, x.shape, w_shape, geometry)
    if branch not in ON_TILES or not has_whole_vectors(w_shape[1], w_shape[0], geometry.groups):
        return conv2d_backward_weight(batch_norm_eval(x, *norm, True), dy, w_shape, geometry)
    start = finish_of(norm, True, None, x.shape[1])
    return module_of(OF_WEIGHTS[branch]).conv2d_backward_weight(x, dy, w_shape, geometry, start)


def has_whole_vectors(channels, outputs, groups):
    """Whether the channels of a block (see `panels.blocks`), so many in each of its groups, are whole vectors."""
    return groups_in_block(groups, outputs // groups) * channels % LANES == 0


def conv2d_backward_input(dy, w, x_shape, geometry, add_to=None):
    geometry, dtype = Geometry(*geometry), np.result_type(dy, w)
    branch = choose("input", dtype, x_shape, w.shape, geometry)
    adds = add_to is not None and add_to.dtype == dtype and layout.is_channels_last(add_to)
    if branch == "tiles" and (add_to is None or adds):
        return module_of(branch).conv2d_backward_input(dy, w, x_shape, geometry, add_to)
    if branch == "matmul" and adds:
        add_product(as_rows(_pixels(dy, dtype)), w[:, :, 0, 0], as_rows(layout.nhwc(add_to)))
        return add_to
    if add_to is not None:
        return plus(add_to, conv2d_backward_input(dy, w, x_shape, geometry), add_to)
    if branch == "winograd":
        return module_of(branch).conv2d_backward_input(dy, w, x_shape, geometry)
    outputs = _pixels(dy, dtype)
    if branch == "matmul":
        return rows_to_images(matmul(as_rows(outputs), w[:, :, 0, 0]), outputs.shape)
    dx = layout.empty(x_shape, dtype)
    module_of(branch).backward_input(_pixels(dx, dtype), w, outputs, geometry)
    return dx


def conv2d_backward_weight(x, dy, w_shape, geometry):
    geometry, dtype = Geometry(*geometry), np.result_type(x, dy)
    branch = choose("weight", dtype, x.shape, w_shape, geometry)
    if branch in ON_TILES:
        return module_of(OF_WEIGHTS[branch]).conv2d_backward_weight(x, dy, w_shape, geometry)
    outputs = _pixels(dy, dtype)
    if branch == "matmul":
        dw = matmul(as_rows(seen_by_one_tap(x, geometry.stride, dtype)).T, as_rows(outputs))[None, None]
    else:
        dw = module_of(branch).backward_weight(_pixels(x, dtype), outputs, w_shape, geometry)
    return dw.transpose(3, 2, 0, 1)                                       # (K, C/G, R, S)


def _pixels(x, dtype):
    return layout.nhwc(x.astype(dtype, copy=False))


def seen_by_one_tap(x, stride, dtype):
    """The pixels of x (N, C, H, W) that a 1x1 kernel sees, (N, P, Q, C)."""
    x = _pixels(x, dtype)
    return x if stride == (1, 1) else x[:, ::stride[0], ::stride[1]]


def as_rows(x):
    return x.reshape(-1, x.shape[3])                                        # (N·H·W, C)


def rows_to_images(y, shape):
    return y.reshape(*shape[:3], -1).transpose(0, 3, 1, 2)                  # (N, K, P, Q)
