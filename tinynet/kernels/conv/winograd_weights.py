"""The weight gradient by Winograd's convolution: dw = Gᵀ (Σ V ∘ (A dy Aᵀ)) G, summed over tiles (`winograd_spec.py`).

Why it is fast. As in `winograd.py`, 16 multiplications do the work of 36, and the planes of a band of tiles stay in the
second-level cache. For each of the 16 places the sum over tiles is a plain product, channels of x times channels of dy:
an outer tile (`simd.py`) holds M of the former times one or two vectors of the latter in registers, while it runs over
the tiles of the band. Each group of bands has partial sums of its own, which are added in order and only then
transformed to weights: no bit depends on the threads.
"""

import functools

import numpy as np

from tinynet.kernels.conv import grid as grids
from tinynet.kernels.conv.grid import Tile
from tinynet.kernels.conv.winograd import PLACES, Plan, cut, most_tiles, rows_of, sizes, transform_band
from tinynet.kernels.conv.winograd_spec import OUTPUTS, SEEN
from tinynet.kernels.conv.winograd_transforms import transform_output_gradient, transform_weight_gradient
from tinynet.kernels.machine.buffers import aligned, own, scratch
from tinynet.kernels.machine.chunks import chunks
from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.layout import nhwc
from tinynet.kernels.machine.share import shared
from tinynet.kernels.machine.simd import LANES, OUTER_TILES, address, outer_tile_of
from tinynet.kernels.machine.threads import on_all_threads, team_for
from tinynet.kernels.matmul.finish import NO_FINISH

# Those for one tap, a plain matrix product, that are best for some number of channels.
PRODUCT_TILES = tuple({OUTER_TILES[grids.pick(OUTER_TILES, channels, (1, vectors))[0]]: None
                       for vectors in (1, 2) for channels in range(LANES, 16 * LANES, LANES)})
product_tile = outer_tile_of(PRODUCT_TILES)


def conv2d_backward_weight(x, dy, w_shape, geometry, start=NO_FINISH):
    """dw (K, C, 3, 3), in memory (3, 3, C, K); `start` as in `tiles.conv2d`."""
    x, dy, (k, c, r, s) = nhwc(x), nhwc(dy), w_shape
    plan, grid = plan_for(x.shape, k, geometry.padding)
    _, _, band, tile = plan
    shape = len(grid.borders) - 1, grid.panels, PLACES, -(-c // tile.m) * tile.m, tile.lanes
    partial, dw = aligned(int(np.prod(shape))).reshape(shape), np.empty((r, s, c, k), np.float32)
    outside, plain_grid, plain_plan = np.zeros(max(c, k), np.float32), tuple(grid), tuple(map(tuple, plan))

    size = team_for(grid.chunks)
    buffers = (scratch("images", PLACES * band.plane + tile.m, size),
               scratch("gradients", PLACES * band.products, size), scratch("lines", SEEN * x.shape[2] * c, size))
    on_all_threads(outer_chunks, size, plain_grid, plain_plan, (x, dy, outside, partial, dw), buffers, start)
    return dw.transpose(3, 2, 0, 1)                                         # (K, C, 3, 3)


@functools.lru_cache(4096)
def plan_for(x_shape, k, padding):
    """A Plan and the grid of its chunks, by shape alone."""
    n, (image, output, vectors) = x_shape[0], sizes(x_shape, k, padding)
    rows = max(1, min(n * output.down, most_tiles(image.c) // output.across))
    tile = Tile(*grids.pick(PRODUCT_TILES, image.c, (1, vectors)), 1, vectors * LANES)
    band, units, panels, work = cut(n, image, output, rows, tile.lanes)
    return Plan(image, output, band, tile), grids.cut_panels(units, panels, work)


@shared
def outer_chunks(team, grid, plan, arrays, buffers, start):
    """The partial sums of all chunks of a grid, then the gradient; `arrays` = (x, dy, outside, partial, dw)."""
    (borders, parts, part, panels), (x, dy, outside, partial, dw) = grid, arrays
    v, dm, lines = own(buffers, team)
    for chunk in chunks(team, 1, (len(borders) - 1) * parts):
        group, first = chunk // parts, chunk % parts * part
        partial[group, first:min(panels, first + part)] = 0
        for band in range(borders[group], borders[group + 1]):
            transform_band(plan, x, outside, band, v, start, lines)
            for panel in range(first, min(panels, first + part)):
                transform_gradient(plan, dy, outside, band, panel, dm)
                add_products(plan, v, dm, band, partial[group, panel])
    for panel in chunks(team, 0, panels):
        collect(partial, dw, panel)


@jit
def transform_gradient(plan, dy, outside, band, panel, dm):
    """The planes A dy Aᵀ of a band and a panel, (16, tiles, lanes)."""
    _, (p, q, k, down, across), (rows, all_rows, _, apart), (_, _, _, lanes) = plan
    first, end = rows_of(band, rows, all_rows)
    zeros, some = address(outside, 0), min(lanes, k - panel * lanes) // LANES
    for unit in range(first, end):
        n, row = unit // down, unit % down
        image = address(dy, n * p * q * k + panel * lanes)
        for column in range(across):
            target = address(dm, ((unit - first) * across + column) * lanes)
            transform_output_gradient((image, zeros, OUTPUTS * row, OUTPUTS * column, p, q, k), (target, apart), some)


@jit
def add_products(plan, v, dm, band, partial):
    """Adds to partial (16, C, lanes) the products of all tiles of a band, summed."""
    (_, _, c, _, _), (_, _, _, _, across), (rows, all_rows, plane, apart), (kind, m, _, lanes) = plan
    first, end = rows_of(band, rows, all_rows)
    for place in range(PLACES):
        for start in range(0, c, m):
            sums = address(partial[place, start], 0), 0, lanes
            product_tile(kind, sums, sums, (address(v, place * plane + start), 1, 0, c),
                         (address(dm, place * apart), 0, 0, lanes), (1, (end - first) * across))


@jit
def collect(partial, dw, panel):
    """One panel of dw (3, 3, C, K): adds the groups of partial (groups, panels, 16, C or more, lanes) to the first."""
    groups, _, _, depth, lanes = partial.shape
    _, _, c, k = dw.shape
    total = partial[0, panel].ravel()
    for group in range(1, groups):
        more = partial[group, panel].ravel()
        for i in range(total.size):
            total[i] += more[i]
    some = min(lanes, k - panel * lanes) // LANES
    for channel in range(c):
        transform_weight_gradient((address(total, channel * lanes), depth * lanes),
                                  (address(dw, channel * k + panel * lanes), c * k), some)
