"""Winograd's convolution on register tiles: forward, and the input gradient. `winograd_spec.py` derives the formulas.

Why it is fast. The direct tiles multiply nearly as fast as the processor can; Winograd's algorithm multiplies 2.25
times less. It needs passes over the 16 planes V = Bᵀ d B and m = U ∘ V, which together are four times as large as the
image. So the tiles of 2 x 2 outputs are taken in *bands* of rows of tiles, of several images if need be, whose planes
stay in the second-level cache:

- all tiles of a band are transformed, straight from the image (`winograd_transforms.py`);
- for each panel of output channels, and for each of the 16 places, the register tile of a plain matrix product
  multiplies the band's V with the panel's U. A bias joins the sums of place (1, 1), from where it reaches all outputs;
- the products are transformed back, straight into the result.

A band is cut so that its tiles fill whole register tiles. All threads together transform the weights, once a call.
An infinity or a NaN in one pixel makes its whole tile NaN, because inf - inf is NaN. A call whose results are not
finite is therefore computed again by the direct tiles.

Work is cut into chunks of bands and panels by shape alone, and every sum is taken in one fixed order.
"""

import functools
from typing import NamedTuple

import numpy as np

from tinynet.kernels.conv import grid as grids
from tinynet.kernels.conv import tiles as direct
from tinynet.kernels.conv.grid import Tile
from tinynet.kernels.conv.tiles import ask_for
from tinynet.kernels.conv.winograd_spec import OUTPUTS, SEEN, TAPS
from tinynet.kernels.conv.winograd_transforms import transform_back, transform_image, transform_weights
from tinynet.kernels.machine.buffers import address_of, aligned, own, scratch
from tinynet.kernels.machine.chunks import chunks
from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.layout import nhwc
from tinynet.kernels.machine.share import shared
from tinynet.kernels.machine.simd import LANES, WINDOW_TILES, address, copy, window_tile_of
from tinynet.kernels.machine.threads import on_all_threads, team_for
from tinynet.kernels.matmul.finish import NO_FINISH, finish_row
from tinynet.kernels.matmul.panels import pack

BAND_FLOATS = 32 * 1024         # what the planes V of a band take of the second-level cache, if that is
LEAST_TILES = 56                # at least so many tiles, which should meet all weights when they are read once
APART = 16                      # floats between planes, so that the same place of all planes is not in one cache set
PLACES = SEEN * SEEN
FOR_BIAS = SEEN + 1             # place (1, 1), the point 1 in both dimensions: what is added there reaches all outputs
PRODUCT_TILES = tuple(entry for entry in WINDOW_TILES if entry[1] == 1)     # one tap: a plain matrix product
product_tile = window_tile_of(PRODUCT_TILES)


def conv2d(x, w, geometry, b=None, finish=NO_FINISH, start=NO_FINISH):
    """y (N, K, P, Q) of x (N, C, H, W) with w (K, C, 3, 3); what follows it, and comes before (see `tiles.conv2d`)."""
    y, finite = convolve(nhwc(x), w.transpose(2, 3, 1, 0), b, geometry.padding, finish, start)
    return y if finite else direct.conv2d(x, w, geometry, b, finish, start)


def conv2d_backward_input(dy, w, x_shape, geometry):
    """dx (N, C, H, W): the convolution of dy with turned weights."""
    padding = tuple(2 - pad for pad in geometry.padding)
    dx, finite = convolve(nhwc(dy), w.transpose(2, 3, 0, 1)[::-1, ::-1], None, padding)
    return dx if finite else direct.conv2d_backward_input(dy, w, x_shape, geometry)


def convolve(x, w, b, padding, finish=NO_FINISH, start=NO_FINISH):
    """y (N, K, P, Q) of x (N, H, W, C) with w (3, 3, C, K), and whether all of it is finite."""
    c, k = w.shape[2:]
    plan, grid = plan_for(x.shape, k, padding)
    image, output, band, tile = plan
    y = np.empty((x.shape[0], output.p, output.q, k), np.float32)
    u, bias = aligned(grid.panels * PLACES * c * tile.lanes), np.zeros((2, grid.panels * tile.lanes), np.float32)
    if b is not None:
        bias[1, :k] = b
    outside, totals = np.zeros(c, np.float32), np.zeros((grid.chunks, LANES), np.float32)
    plain_grid, plain_plan, weights = tuple(grid), tuple(map(tuple, plan)), (address_of(w), w.strides, w.shape)

    size = team_for(grid.chunks)
    buffers = (scratch("weights", TAPS * TAPS * c * tile.lanes, size),
               scratch("images", PLACES * band.plane + tile.m * c, size),
               scratch("products", PLACES * band.products + tile.m * tile.lanes, size),
               scratch("spill", tile.lanes, size), scratch("lines", SEEN * image.w * c, size))
    arrays = x, outside, u, bias, y, totals
    on_all_threads(window_chunks, size, plain_grid, plain_plan, weights, arrays, buffers, finish, start)
    return y.transpose(0, 3, 1, 2), bool(np.isfinite(totals.sum()))


class Image(NamedTuple):
    h: int
    w: int
    c: int
    top: int                    # padding
    left: int


class Output(NamedTuple):
    p: int
    q: int
    k: int
    down: int                   # tiles in a column
    across: int                 # tiles in a row


class Band(NamedTuple):
    """Some rows of tiles, counted over all images, and where their planes lie."""

    rows: int                   # in a band; the last band may have fewer
    all: int                    # rows of tiles of all images
    plane: int                  # floats from one plane of V to the next
    products: int               # floats from one plane of products to the next


class Plan(NamedTuple):
    """All that the compiled loops have to know. They get plain tuples: Numba takes longer for named ones."""

    image: Image
    output: Output
    band: Band
    tile: Tile


@functools.lru_cache(4096)
def plan_for(x_shape, k, padding):
    """A Plan and the grid of its chunks, by shape alone."""
    n, (image, output, vectors) = x_shape[0], sizes(x_shape, k, padding)
    rows, kind, m = best_band(n * output.down, output.across, most_tiles(image.c), vectors)
    tile = Tile(kind, m, 1, vectors * LANES)
    band, units, panels, work = cut(n, image, output, rows, tile.lanes)
    return Plan(image, output, band, tile), grids.cut_units(units, panels, work)


def sizes(x_shape, k, padding):
    """The Image and the Output of a convolution, and how many vectors of output channels a panel has."""
    _, h, w, c = x_shape
    p, q = h + 2 * padding[0] - 2, w + 2 * padding[1] - 2
    return Image(h, w, c, *padding), Output(p, q, k, -(-p // OUTPUTS), -(-q // OUTPUTS)), 2 if k > LANES else 1


def most_tiles(c):
    """How many tiles of c channels a band should have at most."""
    return max(LEAST_TILES, BAND_FLOATS // (PLACES * c))


def cut(n, image, output, rows, lanes):
    """The Band of so many rows of tiles of n images; how many bands and panels there are; all multiply-adds."""
    band = Band(rows, n * output.down, rows * output.across * image.c + APART, rows * output.across * lanes + APART)
    work = n * output.p * output.q * output.k * image.c * TAPS * TAPS
    return band, -(-band.all // rows), -(-output.k // lanes), work


def best_band(rows, across, most, vectors):
    """How many of the rows, of at most some `most` tiles together, waste least; with which tile: its number and M."""
    form = 1, 1, vectors
    sizes = [entry[0] for entry in PRODUCT_TILES if entry[1:] == form]

    def waste(some):
        return min(grids.cost(some * across, m) for m in sizes) / some, -some
    best = min(range(1, max(1, min(rows, most // across)) + 1), key=waste)
    return best, *grids.pick(PRODUCT_TILES, best * across, form)


# The compiled loops. Each unpacks its part of the plan once, in the order of the classes above. ------------------

@shared
def window_chunks(team, grid, plan, weights, arrays, buffers, finish, start):
    """All chunks of a grid; `arrays` = (x, outside, u, bias, y, totals), a chunk adds its results to its total."""
    (borders, parts, part, panels), (_, _, _, (_, _, _, lanes)) = grid, plan
    (x, outside, u, bias, y, totals), (_, _, (_, _, c, _)) = arrays, weights
    packed, v, products, spill, lines = own(buffers, team)
    for panel in chunks(team, 1, panels):
        pack(weights, panel, panel + 1, lanes, packed)
        transform_weights((address(packed, 0), c * lanes), (address(u, panel * PLACES * c * lanes), c * lanes),
                          c * lanes // LANES)
    for chunk in chunks(team, 0, (len(borders) - 1) * parts):
        group, first = chunk // parts, chunk % parts * part
        for band in range(borders[group], borders[group + 1]):
            transform_band(plan, x, outside, band, v, start, lines)
            for panel in range(first, min(panels, first + part)):
                multiply(plan, v, u, bias, band, panel, products)
                write_band(plan, products, band, panel, (y, spill), address(totals, chunk * LANES), finish)


@jit
def rows_of(band, rows, all_rows):
    """The rows of tiles of a band: first, end."""
    return band * rows, min(all_rows, (band + 1) * rows)


@jit
def transform_band(plan, x, outside, band, v, start, lines):
    """The planes V of a band, (16, tiles, C). Meanwhile the pixels of the next band are asked for.

    A `start` is applied to a copy of the rows of pixels that a row of tiles sees, in `lines`.
    """
    (h, w, c, top, left), (_, _, _, down, across), (rows, all_rows, plane, _), _ = plan
    first, end = rows_of(band, rows, all_rows)
    zeros = address(outside, 0)
    for unit in range(first, end):
        n, row = unit // down, unit % down
        image = address(x, n * h * w * c)
        later = (unit + rows) // down * h + (unit + rows) % down * OUTPUTS      # rows of pixels, over all images
        ask_for(x, later * w * c, (later + OUTPUTS) * w * c)
        if start[0]:
            image = started_rows(image, OUTPUTS * row - top, unit > first and row > 0, (h, w, c), start, lines)
        for column in range(across):
            target = address(v, ((unit - first) * across + column) * c)
            pixels = image, zeros, OUTPUTS * row - top, OUTPUTS * column - left, h, w, c
            transform_image(pixels, (target, plane), c // LANES)


@jit
def started_rows(image, low, goes_on, shape, start, lines):
    """The rows of an image from `low` on that a row of tiles sees, after the `start`, in `lines`.

    If it `goes_on`, its first rows are the last ones of the tiles above. Returns where the image would begin.
    """
    (h, w, c), line, new = shape, address(lines, 0), 0
    if goes_on:
        new = SEEN - OUTPUTS
        copy(line, line + 4 * OUTPUTS * w * c, new * w * c)
    begin, end = max(0, low + new), min(h, low + SEEN)
    if begin < end:
        copy(line + 4 * (begin - low) * w * c, image + 4 * begin * w * c, (end - begin) * w * c)
        finish_row(start, ((begin - low) * w * c, c, (end - begin) * w), (0, c), lines)
    return line - 4 * low * w * c


@jit
def multiply(plan, v, u, bias, band, panel, products):
    """The products of a band with one panel of weights, (16, tiles, lanes).

    The last register tile of a plane reaches into the next plane, which is computed after it.
    """
    (_, _, c, _, _), (_, _, _, _, across), (rows, all_rows, plane, apart), (kind, m, _, lanes) = plan
    first, end = rows_of(band, rows, all_rows)
    for place in range(PLACES):
        weights = address(u, (panel * PLACES + place) * c * lanes)
        start = address(bias[1 if place == FOR_BIAS else 0], panel * lanes)
        for tile in range(0, (end - first) * across, m):
            product_tile(kind, (address(products, place * apart + tile * lanes), 0, lanes), (start, 0, 0),
                         (address(v, place * plane + tile * c), c, 0, 1), (weights, 0, 0, lanes), (1, c))


@jit
def write_band(plan, products, band, panel, arrays, total, finish):
    """The outputs of a band and a panel; `arrays` = (y, what takes the outputs beyond the image)."""
    _, (p, q, k, down, across), (rows, all_rows, _, apart), (_, _, _, lanes) = plan
    (y, spill), (first, end) = arrays, rows_of(band, rows, all_rows)
    some = min(lanes, k - panel * lanes) // LANES
    nowhere = address(spill, 0)
    for unit in range(first, end):
        n, row = unit // down, unit % down
        image = address(y, n * p * q * k + panel * lanes)
        for column in range(across):
            source = address(products, ((unit - first) * across + column) * lanes)
            transform_back((source, apart), (image, nowhere, OUTPUTS * row, OUTPUTS * column, p, q, k), some, total)
        if finish[0]:
            for line in range(OUTPUTS * row, min(p, OUTPUTS * (row + 1))):
                place = (n * p + line) * q * k + panel * lanes
                finish_row(finish, (place, k, q), (panel * lanes, some * LANES), y)
