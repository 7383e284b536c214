"""The integer kernels, fast: register tiles of bytes (`simd_int8.py`), straight from a padded image.

Why it is fast. One instruction multiplies 64 pairs of bytes and adds them, four by four, to 16 sums: four times as many
as with floats. For that, four neighbouring channels must lie in four neighbouring bytes, and all that a tile reads must
lie in a near cache:

- an image is rounded to its grid into a buffer with its border, the channels of each group filled up to a multiple of
  four; a quarter of the size of floats, most images with their border stay in the second-level cache. The bytes
  themselves are never written to memory;
- they have 128 added, as the instruction wants one factor without a sign: x·w = (x + 128)·w - 128·w, and the last term
  is part of the bias;
- weights lie in panels of one tile's output channels, `(R, S, C/4, lanes, 4)`, walked through from front to
  back;
- the sums of a tile are rounded to the result's grid and become floats again while they are still in the first-level
  cache, and a residual and a ReLU follow at once (`matmul/finish.py`).
"""

from typing import NamedTuple

import numpy as np

from tinynet.kernels.conv.spec import Geometry, add_and_relu, out_size
from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.layout import nhwc
from tinynet.kernels.machine.lanes import LANES
from tinynet.kernels.machine.simd import address, copy
from tinynet.kernels.machine.simd_int8 import TILES, dot_tile, values_of_sums
from tinynet.kernels.machine.threads import parallel_for
from tinynet.kernels.machine.vector_math import full_width
from tinynet.kernels.matmul.finish import NO_FINISH, finish_of, finish_row
from tinynet.kernels.quantized import spec


def linear(x, grids, w, bias, multiplier):
    """The rows of x are the pixels of an image of one row."""
    pixels = np.ascontiguousarray(x)[None, None].transpose(0, 3, 1, 2)                  # (1, C, 1, N)
    y = conv2d(pixels, grids, w[:, :, None, None], bias, multiplier, Geometry())
    return y[0, :, 0].T                                                                 # (N, K)


class Shape(NamedTuple):
    """How `convolve` runs over a padded image. It gets a plain tuple: Numba takes longer for a named one."""

    kind: int                          # the tile's number in the table
    m: int                             # pixels of a tile
    lanes: int                         # output channels of a tile: a panel
    groups: int
    steps: tuple                       # (stride, dilation), pairs
    size: tuple                        # of a tile's reduction: (rows, taps, channels / 4)


def conv2d(x, grids, w, bias, multiplier, geometry, relu=False, residual=None):
    """Tiles write float32, and finish whole vectors of channels. What else is asked for is a pass of its own."""
    (scale, zero), (step, middle) = grids
    kind, (stride, padding, dilation, groups) = x.dtype.type, geometry
    images, (k, c, r, s) = nhwc(x), w.shape                                             # (N, H, W, C)
    n, h, width, _ = images.shape
    p, q = out_size((h, width), (r, s), stride, padding, dilation)
    y = np.empty((n, p, q, k), np.float32)
    which = int(k // groups > LANES)
    m, vectors = TILES[which]
    lanes, pitch = vectors * LANES, groups * -(-c // 4) * 4
    rows = max(padding[0] + h, (p - 1) * stride[0] + (r - 1) * dilation[0] + 1)
    reach = (-(-q // m) * m - 1) * stride[1] + (s - 1) * dilation[1] + 1    # of the last tile, over the end
    columns = max(padding[1] + width, reach)
    # The taps of a kernel row and their channels, if they lie side by side, are one long reduction.
    taps, quads = (1, s * pitch // 4) if groups == dilation[1] == 1 else (s, pitch // groups // 4)
    shape = tuple(Shape(which, m, lanes, groups, (stride, dilation), (r, taps, quads)))
    weights = pack(w, groups, lanes)
    start = in_panels(bias - 128 * w.sum((1, 2, 3), np.int32), groups, lanes)
    factor, shift = (in_panels(v, groups, lanes) for v in multiplier)
    wide = shift.astype(np.int64)
    alone = kind is np.float32                       # whether a step of the result's grid is added in this type
    scaling = (factor, np.int64(1) << (wide - 1), wide), (-128 - middle, 127 - middle), np.float32(step if alone else 1)
    runs = (1, width * pitch) if groups * c == pitch else (width * groups, c)      # of a row, rounded in one go
    inside = (padding[0] * columns + padding[1]) * pitch
    pixels, place = images.reshape(n, h, *runs), (inside, columns * pitch, pitch // groups)
    finishes = alone and k // groups % LANES == 0
    added = None if residual is None else nhwc(residual.astype(np.float32, copy=False))
    finish = finish_of(None, relu, added, k) if finishes else NO_FINISH

    def body(first, last):
        padded = np.full((rows, columns, pitch), zero + 128, np.uint8)
        convolve_images((first, last), shape, pixels, (kind(1 / scale), kind(zero)), place, padded, weights, start,
                        scaling, finish, y)
    parallel_for(body, n, max(1, n // 16))
    y = y.transpose(0, 3, 1, 2)                                                         # (N, K, P, Q)
    if finishes:
        return y
    return add_and_relu(y if alone else y.astype(kind) * kind(step), relu, residual)


def pack(w, groups, lanes):
    """w (K, C/G, R, S) in panels of `lanes` output channels, (G·panels, R, S, C/4, lanes, 4), filled up by zeros."""
    k, c, r, s = w.shape
    outputs, quads = k // groups, -(-c // 4)
    panels = -(-outputs // lanes)
    full = np.zeros((groups, panels * lanes, 4 * quads, r, s), np.int8)
    full[:, :outputs, :c] = w.reshape(groups, outputs, c, r, s)
    full = full.reshape(groups * panels, lanes, quads, 4, r, s)
    return np.ascontiguousarray(full.transpose(0, 4, 5, 2, 1, 3))


def in_panels(v, groups, lanes):
    """A value for each output channel, (K,), as (G·panels, lanes); ones after the last channel of a group."""
    outputs = v.size // groups
    full = np.ones((groups, -(-outputs // lanes) * lanes), np.int32)
    full[:, :outputs] = v.reshape(groups, outputs)
    return full.reshape(-1, lanes)


@jit
def convolve_images(span, shape, images, grid, place, padded, weights, start, scaling, finish, y):
    """The images of a span, one after the other; `place` = (start, step of a row, step of a run) says where `padded`
    takes them.

    The images (N, H, runs, run) are floats, `grid` = (1 / scale, zero). `padded` keeps its border from image to image.
    """
    full_width()
    (first, row_step, step), (steps, zero), target = place, grid, padded.reshape(-1)
    low, high = images.dtype.type(-128), images.dtype.type(127)
    for n in range(span[0], span[1]):
        for row in range(images.shape[1]):
            for i in range(images.shape[2]):
                source, here = images[n, row, i], first + row * row_step + i * step
                out = target[here:here + source.size]
                for j in range(source.size):
                    out[j] = np.uint8(np.int32(min(max(np.rint(source[j] * steps) + zero, low), high)) + 128)
        convolve(shape, padded, weights, start, scaling, finish, n, y)


@jit
def convolve(shape, x, weights, start, scaling, finish, n, y):
    """Image n of y (N, P, Q, K), of the padded x, tile by tile.

    `scaling` = ((multipliers, halves, shifts), bounds, step): the constants of `spec.requantize` for each channel, the
    least and the greatest q - zero, and what one such step is worth.
    """
    (kind, m, lanes, groups, (stride, dilation), size), ((factor, half, shift), bounds, step) = shape, scaling
    (_, p, q, k), (_, columns, pitch) = y.shape, x.shape
    outputs, depth, panels = k // groups, pitch // groups, len(weights) // groups
    sums, spill = np.empty((m, lanes), np.int32), np.empty((m, lanes), np.float32)
    for panel in range(len(weights)):
        g, k0 = panel // panels, panel // panels * outputs + panel % panels * lanes
        some = min(lanes, (g + 1) * outputs - k0)
        b, init = address(weights[panel], 0), address(start[panel], 0)
        for row in range(p):
            for column in range(0, q, m):
                a = address(x, 0) + (row * stride[0] * columns + column * stride[1]) * pitch + g * depth
                dot_tile(kind, address(sums, 0), init,
                         (a, stride[1] * pitch, dilation[0] * columns * pitch, dilation[1] * pitch), b, size)
                pixels, here = min(m, q - column), ((n * p + row) * q + column) * k + k0
                target = (address(y, here), k) if some == lanes else (address(spill, 0), lanes)
                for v in range(0, lanes, LANES):
                    constants = address(factor[panel], v), address(half[panel], 2 * v), address(shift[panel], 2 * v)
                    values_of_sums((address(sums, v), lanes), (target[0] + 4 * v, target[1]), constants, bounds, pixels,
                                   step)
                if some < lanes:
                    for i in range(pixels):
                        copy(address(y, here + i * k), address(spill, i * lanes), some)
                if finish[0]:
                    finish_row(finish, (here, k, pixels), (k0, some), y)


if not LANES:                          # vectors exist in compiled code only
    conv2d, linear = spec.conv2d.numpy, spec.linear.numpy
