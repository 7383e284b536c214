"""The integer kernels, fast: register tiles of bytes (`simd_int8.py`), straight from a padded image.

Why it is fast. One instruction multiplies 64 pairs of bytes and adds them, four by four, to 16 sums: four times as many
as with floats. For that, four neighbouring channels must lie in four neighbouring bytes, and all that a tile reads must
lie in a near cache:

- an image is copied once into a buffer with its border, the channels of each group filled up to a multiple of
  four; a quarter of the size of floats, most images with their border stay in the second-level cache;
- that copy also adds 128, as the instruction wants one factor without a sign: x·w = (x + 128)·w - 128·w, and
  the last term is part of the bias;
- weights lie in panels of one tile's output channels, `(R, S, C/4, lanes, 4)`, walked through from front to
  back;
- the sums of a tile are scaled and written as bytes while they are still in the first-level cache, without slices:
  to make one and let it go, reference counts and all, takes as long as to scale the sums of a pixel.
"""

from typing import NamedTuple

import numpy as np

from tinynet.kernels.conv.spec import Geometry, out_size
from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.flat import grain_of, over_memory
from tinynet.kernels.machine.layout import nhwc
from tinynet.kernels.machine.lanes import LANES
from tinynet.kernels.machine.simd import address
from tinynet.kernels.machine.simd_int8 import TILES, dot_tile
from tinynet.kernels.machine.threads import parallel_for
from tinynet.kernels.machine.vector_math import full_width
from tinynet.kernels.quantized import spec


def quantize(x, scale, zero):
    kind, q = x.dtype.type, np.empty_like(x, np.int8)                  # empty_like keeps the memory order
    over_memory(lambda _, x, q: to_grid(x, q, kind(1 / scale), kind(zero)), x, q, grain=grain_of(x.size))
    return q


def dequantize(q, scale, zero, dtype):
    x = np.empty_like(q, dtype)
    over_memory(lambda _, q, x: from_grid(q, x, dtype.type(scale), dtype.type(zero)), q, x, grain=grain_of(x.size))
    return x


@jit
def to_grid(x, q, steps, zero):
    full_width()
    low, high = x.dtype.type(-128), x.dtype.type(127)
    for i in range(x.size):
        q[i] = np.int8(min(max(np.rint(x[i] * steps) + zero, low), high))


@jit
def from_grid(q, x, scale, zero):
    full_width()
    for i in range(q.size):
        x[i] = (x.dtype.type(q[i]) - zero) * scale


def linear(x, w, bias, multiplier, zeros):
    """The rows of x are the pixels of an image of one row."""
    pixels = np.ascontiguousarray(x)[None, None].transpose(0, 3, 1, 2)                  # (1, C, 1, N)
    y = conv2d(pixels, w[:, :, None, None], bias, multiplier, zeros, Geometry())
    return y[0, :, 0].T                                                                 # (N, K)


class Shape(NamedTuple):
    """How `convolve` runs over a padded image. It gets a plain tuple: Numba takes longer for a named one."""

    kind: int                          # the tile's number in the table
    m: int                             # pixels of a tile
    lanes: int                         # output channels of a tile: a panel
    groups: int
    steps: tuple                       # (stride, dilation), pairs
    size: tuple                        # of a tile's reduction: (rows, taps, channels / 4)


def conv2d(x, w, bias, multiplier, zeros, geometry):
    stride, padding, dilation, groups = geometry
    images, (k, c, r, s) = nhwc(x), w.shape                                             # (N, H, W, C)
    n, h, width, _ = images.shape
    p, q = out_size((h, width), (r, s), stride, padding, dilation)
    y = np.empty((n, p, q, k), np.int8)
    kind = int(k // groups > LANES)
    m, vectors = TILES[kind]
    lanes, pitch = vectors * LANES, groups * -(-c // 4) * 4
    rows = max(padding[0] + h, (p - 1) * stride[0] + (r - 1) * dilation[0] + 1)
    reach = (-(-q // m) * m - 1) * stride[1] + (s - 1) * dilation[1] + 1    # of the last tile, over the end
    columns = max(padding[1] + width, reach)
    # The taps of a kernel row and their channels, if they lie side by side, are one long reduction.
    taps, quads = (1, s * pitch // 4) if groups == dilation[1] == 1 else (s, pitch // groups // 4)
    shape = tuple(Shape(kind, m, lanes, groups, (stride, dilation), (r, taps, quads)))
    weights = pack(w, groups, lanes)
    start = in_panels(bias - 128 * w.sum((1, 2, 3), np.int32), groups, lanes)
    factor, shift = (in_panels(v, groups, lanes).astype(np.int64) for v in multiplier)
    scaling = factor, np.int64(1) << (shift - 1), shift, zeros[1]                       # (panels, lanes) three times
    runs = (1, width * pitch) if groups * c == pitch else (width * groups, c)      # of a row, copied in one go
    inside = (padding[0] * columns + padding[1]) * pitch
    pixels, place = images.reshape(n, h, *runs), (inside, columns * pitch, pitch // groups)

    def body(first, last):
        padded = np.full((rows, columns, pitch), zeros[0] + 128, np.uint8)
        convolve_images(shape, pixels[first:last], place, padded, weights, start, scaling, y[first:last])
    parallel_for(body, n, max(1, n // 16))
    return y.transpose(0, 3, 1, 2)                                                      # (N, K, P, Q)


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
def convolve_images(shape, images, place, padded, weights, start, scaling, y):
    """One image after the other; `place` = (start, step of a row, step of a run) says where `padded` takes their bytes.

    The images (N, H, runs, run) are bytes with a sign. `padded` has none, and keeps its border from image to image.
    """
    full_width()
    (first, row_step, step), target = place, padded.reshape(-1)
    for n in range(len(images)):
        for row in range(images.shape[1]):
            for i in range(images.shape[2]):
                source, here = images[n, row, i], first + row * row_step + i * step
                out = target[here:here + source.size]
                for j in range(source.size):
                    out[j] = np.uint8(source[j] + 128)
        convolve(shape, padded, weights, start, scaling, y[n])


@jit
def convolve(shape, x, weights, start, scaling, y):
    """One image y (P, Q, K) of the padded x, tile by tile; `scaling` = (multipliers, halves, shifts, the zero of y).

    The sums of a tile become bytes by the formula of `spec.requantize`. Their place in y is a number without a sign:
    only for such a number does Numba not ask whether it counts from the end, which would keep the loop from being SIMD.
    """
    full_width()
    (kind, m, lanes, groups, (stride, dilation), size), (factor, half, shift, zero) = shape, scaling
    (p, q, k), (_, columns, pitch) = y.shape, x.shape
    outputs, depth, panels, out = k // groups, pitch // groups, len(weights) // groups, y.reshape(-1)
    low, high, sums = np.int64(-128), np.int64(127), np.empty((m, lanes), np.int32)
    for panel in range(len(weights)):
        g, k0 = panel // panels, panel // panels * outputs + panel % panels * lanes
        k1 = min(k0 + lanes, (g + 1) * outputs)
        b, init = address(weights[panel], 0), address(start[panel], 0)
        for row in range(p):
            for column in range(0, q, m):
                a = address(x, 0) + (row * stride[0] * columns + column * stride[1]) * pitch + g * depth
                dot_tile(kind, address(sums, 0), init,
                         (a, stride[1] * pitch, dilation[0] * columns * pitch, dilation[1] * pitch), b, size)
                for i in range(min(m, q - column)):
                    here = np.uint64((row * q + column + i) * k + k0)
                    for j in range(k1 - k0):
                        v = ((np.int64(sums[i, j]) * factor[panel, j] + half[panel, j]) >> shift[panel, j]) + zero
                        out[here + np.uint64(j)] = np.int8(min(max(v, low), high))


if not LANES:                          # vectors exist in compiled code only
    conv2d, linear = spec.conv2d.numpy, spec.linear.numpy
