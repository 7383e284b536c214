"""The integer kernels, fast: register tiles of bytes (`simd_int8.py`), straight from a padded image.

Why it is fast. One instruction multiplies 64 pairs of bytes and adds them, four by four, to 16 sums: four times as many
as with floats. For that, four neighbouring channels must lie in four neighbouring bytes, and all that a tile reads must
lie in a near cache:

- an image is rounded to its grid into a buffer with its border, the channels of each group filled up to a multiple of
  four. At a quarter of the size of floats, most images with their border stay in the second-level cache, and the bytes
  never go through memory;
- they have 128 added, as the instruction wants one factor without a sign: x·w = (x + 128)·w - 128·w, and the last term
  is part of the bias;
- weights lie in panels of one tile's output channels, `(R, S, C/4, lanes, 4)`, walked through from front to
  back;
- the sums of a tile are rounded to the result's grid and become floats again while they are still in the first-level
  cache, and a residual and a ReLU follow at once (`matmul/finish.py`).
"""

import functools
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


class Plan(NamedTuple):
    """All that shapes decide."""

    shape: Shape
    output: tuple                      # (P, Q)
    padded: tuple                      # the buffer of an image with its border: (rows, columns, bytes of a pixel)
    runs: tuple                        # how many runs a row of the image has, and the values in each
    place: tuple                       # of the first run in the buffer; from row to row, from run to run


@functools.lru_cache(4096)
def plan_for(image, w_shape, geometry):
    (h, width), (k, c, r, s), (stride, padding, dilation, groups) = image, w_shape, geometry
    p, q = out_size(image, (r, s), stride, padding, dilation)
    kind = int(k // groups > LANES)
    m, vectors = TILES[kind]
    pitch = groups * -(-c // 4) * 4
    rows = max(padding[0] + h, (p - 1) * stride[0] + (r - 1) * dilation[0] + 1)
    reach = (-(-q // m) * m - 1) * stride[1] + (s - 1) * dilation[1] + 1    # of the last tile, over the end
    columns = max(padding[1] + width, reach)
    # The taps of a kernel row and their channels, if they lie side by side, are one long reduction.
    taps, quads = (1, s * pitch // 4) if groups == dilation[1] == 1 else (s, pitch // groups // 4)
    runs = (1, width * pitch) if groups * c == pitch else (width * groups, c)
    place = (padding[0] * columns + padding[1]) * pitch, columns * pitch, pitch // groups
    shape = Shape(kind, m, vectors * LANES, groups, (stride, dilation), (r, taps, quads))
    return Plan(shape, (p, q), (rows, columns, pitch), runs, place)


def conv2d(x, grids, w, bias, multiplier, geometry, relu=False, residual=None):
    """Tiles write float32, and finish whole vectors of channels. What else is asked for is a pass of its own."""
    images, kind, groups, k = nhwc(x), x.dtype.type, geometry.groups, len(w)            # (N, H, W, C)
    plan, ((scale, zero), (step, middle)) = plan_for(images.shape[1:3], w.shape, geometry), grids
    y = np.empty((len(images), *plan.output, k), np.float32)
    weights, start, constants = in_panels(w, bias, multiplier, groups, plan.shape.lanes)
    alone = kind is np.float32                       # whether values are made of steps of the grid in this type
    scaling = constants, (-128 - middle, 127 - middle), np.float32(step if alone else 1)
    pixels, grid = images.reshape(*images.shape[:2], *plan.runs), (kind(1 / scale), kind(zero))
    finishes = alone and k // groups % LANES == 0
    added = nhwc(residual.astype(np.float32, copy=False)) if finishes and residual is not None else None
    finish, shape = finish_of(None, relu, added, k) if finishes else NO_FINISH, tuple(plan.shape)

    def body(first, last):
        padded = np.full(plan.padded, zero + 128, np.uint8)
        convolve_images((first, last), shape, pixels, grid, plan.place, padded, (weights, start), scaling, finish, y)
    parallel_for(body, len(images), max(1, len(images) // 16))
    y = y.transpose(0, 3, 1, 2)                                                         # (N, K, P, Q)
    return y if finishes else add_and_relu(y if alone else y.astype(kind) * kind(step), relu, residual)


def in_panels(w, bias, multiplier, groups, lanes):
    """Weights (panels, R, S, C/4, lanes, 4); what sums start from, and what they are scaled by, (panels, lanes)."""
    k, c, r, s = w.shape
    panels = groups * -(-(k // groups) // lanes)
    weights = np.zeros((panels, r, s, -(-c // 4), lanes, 4), np.int8)
    start, factor = np.ones((2, panels, lanes), np.int32)
    half, shift = np.ones((2, panels, lanes), np.int64)
    fill_panels(np.ascontiguousarray(w), bias, multiplier, groups, weights, start, (factor, half, shift))
    return weights, start, (factor, half, shift)


@jit
def fill_panels(w, bias, multiplier, groups, weights, start, constants):
    """What `in_panels` returns; after the last channel of a group, panels keep what they have."""
    (factor, half, shift), outputs, lanes = constants, len(w) // groups, start.shape[1]
    for k in range(len(w)):
        panel, lane = k // outputs * (len(weights) // groups) + k % outputs // lanes, k % outputs % lanes
        whole = np.int32(0)
        for c in range(w.shape[1]):
            for r in range(w.shape[2]):
                for s in range(w.shape[3]):
                    weights[panel, r, s, c // 4, lane, c % 4] = w[k, c, r, s]
                    whole += w[k, c, r, s]
        start[panel, lane] = bias[k] - 128 * whole
        factor[panel, lane], shift[panel, lane] = multiplier[0, k], multiplier[1, k]
        half[panel, lane] = np.int64(1) << np.int64(multiplier[1, k] - 1)


@jit
def convolve_images(span, shape, images, grid, place, padded, packed, scaling, finish, y):
    """The images of a span, one after the other. Each is rounded into `padded`, which keeps its border.

    The images (N, H, runs, run) are floats, `grid` = (1 / scale, zero). For `place` see `Plan`.
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
        convolve(shape, padded, packed, scaling, finish, n, y)


@jit
def convolve(shape, x, packed, scaling, finish, n, y):
    """Image n of y (N, P, Q, K), of the padded x, tile by tile; `packed` = weights and what sums start from, in panels.

    `scaling` = ((multipliers, halves, shifts), bounds, step): the constants of `spec.requantize` for each channel, the
    least and the greatest q - zero, and what one such step is worth.
    """
    (kind, m, lanes, groups, (stride, dilation), size), ((factor, half, shift), bounds, step) = shape, scaling
    (weights, start), (_, p, q, k), (_, columns, pitch) = packed, y.shape, x.shape
    outputs, depth, panels, quads = k // groups, pitch // groups, len(start) // groups, weights.size // len(start) // 4
    sums, spill = np.empty((m, lanes), np.int32), np.empty((m, lanes), np.float32)
    for panel in range(len(start)):
        g, k0 = panel // panels, panel // panels * outputs + panel % panels * lanes
        some = min(lanes, (g + 1) * outputs - k0)
        b, init = address(weights, panel * quads), address(start, panel * lanes)
        for row in range(p):
            for column in range(0, q, m):
                a = address(x, 0) + (row * stride[0] * columns + column * stride[1]) * pitch + g * depth
                dot_tile(kind, address(sums, 0), init,
                         (a, stride[1] * pitch, dilation[0] * columns * pitch, dilation[1] * pitch), b, size)
                pixels, here = min(m, q - column), ((n * p + row) * q + column) * k + k0
                target = (address(y, here), k) if some == lanes else (address(spill, 0), lanes)
                for v in range(0, lanes, LANES):
                    c = panel * lanes + v
                    constants = address(factor, c), address(half, 2 * c), address(shift, 2 * c)
                    values_of_sums((address(sums, v), lanes), (target[0] + 4 * v, target[1]), constants, bounds, pixels,
                                   step)
                if some < lanes:
                    for i in range(pixels):
                        copy(address(y, here + i * k), address(spill, i * lanes), some)
                if finish[0]:
                    finish_row(finish, (here, k, pixels), (k0, some), y)


if not LANES:                          # vectors exist in compiled code only
    conv2d, linear = spec.conv2d.numpy, spec.linear.numpy
