"""The product of two float32 matrices by register tiles (`simd.py`): y = a b, a (M, K), b (K, N), y (M, N).

Why it is fast. A tile of some rows and columns of y stays in registers during a whole run of the sum. What it
multiplies must come from a near cache, in the order in which it is read:

- b is packed into *panels* of one tile's columns, (panels, run, lanes), which a tile reads from front to back. Where
  one chunk alone needs a panel, that chunk packs it; else all threads pack all panels first;
- rows of a come in blocks, which stay in the second-level cache while all panels of a chunk meet them. A tile reads
  them where they are, rows or columns first. Rows that are a large power of two apart share a few lines of the
  first-level cache; then a tile has so few rows that these lines suffice.

BLAS packs both factors, whatever their sizes. The products of networks are often thin, some hundred rows or some dozen
columns, for which copying takes a good part of the time of multiplying.

The work is cut by shapes alone, and every sum is taken in one fixed order. A product with few results, such as the
gradient of a weight, is cut along the sum; the partial sums are added in order.
"""

import functools
from typing import NamedTuple

import numpy as np

from tinynet.kernels.machine.buffers import address_of, own, scratch
from tinynet.kernels.machine.chunks import CHUNKS, SERIAL_WORK, chunks
from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.share import shared
from tinynet.kernels.machine.simd import LANES, MATRIX_TILES, address, copy, copy_vector, window_tile_of
from tinynet.kernels.machine.threads import on_all_threads, team_for
from tinynet.kernels.matmul.finish import NO_FINISH, finish_row
from tinynet.kernels.matmul.panels import pack

RUN = 384                       # terms of the sum that a tile adds at once
NEAR_FLOATS = 96 * 1024         # what a block of rows, or the panels of a chunk, take of the second-level cache
TERMS, FEW_TERMS = 1024, 256    # of the sum at least, in each part that it is cut into; the second where a is turned
LONG = 8                        # a sum so many times as long as the result's axes is cut
BLOCK_TILES = 8                 # tiles above one another in a block, unless the panels leave it little of the cache
SET_FLOATS, FEW_ROWS = 512, 8   # rows a multiple of so many floats apart share one or two sets of at least 8 lines
LATENCY = 4                     # cycles until a sum can take its next product

product_tile = window_tile_of(MATRIX_TILES)
TALL = np.array([entry[0] for entry in MATRIX_TILES])      # rows of each tile


def product(a, b, bias=None, out=None, finish=NO_FINISH):
    """a b + bias (N,), for float32 a (M, K) and b (K, N) with strides of whole floats; and what follows the product.

    Given `out`, the product is added to it.
    """
    (m, terms), n, (by_m, by_k) = a.shape, b.shape[1], a.strides
    setup = setup_for(m, n, terms, by_m // 4, out is not None, finish[0])
    y, size = out[None] if setup.adds else np.empty((setup.sums, m, n), np.float32), team_for(setup.chunks)
    starts = setup.no_bias
    if bias is not None:
        starts = np.zeros_like(starts)                      # of the later parts of a sum, of the first
        starts[1, :n] = bias
    left, right = (address_of(a), by_m // 4, by_k // 4), (address_of(b), *b.strides)
    buffers = (scratch("weights", setup.weights, size), scratch("spill", setup.spill, size),
               scratch("strips", setup.strips, size))
    packed = scratch("packed", setup.packed, 1)[0]
    on_all_threads(product_chunks, size, setup.plan, left, right, packed, starts, y, buffers, finish)
    return y[0] if out is None or setup.adds else np.add(out, y[0], out=out)


class Tile(NamedTuple):
    """The largest tile that is used; smaller ones finish the rows."""

    kind: int                   # its number in the table
    tall: int                   # rows
    lanes: int                  # columns: a panel


class Shares(NamedTuple):
    """How an axis is cut: `count` parts of this `size`; the last may be smaller."""

    count: int
    size: int


class Plan(NamedTuple):
    """How to multiply; the compiled loops get plain tuples, because Numba takes longer for named ones."""

    shape: tuple                # M, N, K
    tile: Tile
    sums: Shares                # of K
    rows: Shares                # of M
    columns: Shares             # of the panels
    panels: int
    block: int                  # rows that meet all panels of a chunk
    together: bool              # all threads pack all panels first
    adds: bool                  # the sums start from what is in y
    turned: bool                # a lies in memory columns first


class Setup(NamedTuple):
    """A Plan for the compiled loops, and what `product` has to know; sizes of buffers are in floats."""

    plan: tuple
    chunks: int
    sums: int                   # parts of the sum
    adds: bool
    packed: int                 # panels that all threads pack first
    weights: int                # of one thread, as those that follow
    spill: int
    strips: int
    no_bias: np.ndarray         # zeros, (2, columns)


@functools.lru_cache(4096)
def setup_for(m, n, terms, row_step, adds=False, whole=False):
    """How to multiply, by shape and memory order alone."""
    plan = plan_for(m, n, terms, row_step, adds, whole)
    tile, run, size = plan.tile, min(terms, RUN), plan.panels * plan.tile.lanes
    some = 0 if plan.together else plan.columns.size * run * tile.lanes
    copied = -(-plan.block // tile.tall) * (run * tile.tall + LANES) if plan.turned else 0
    plain = tuple(tuple(part) if isinstance(part, tuple) else part for part in plan)
    return Setup(plain, plan.sums.count * plan.rows.count * plan.columns.count, plan.sums.count, plan.adds,
                 size * terms if plan.together else 0, some, tile.tall * tile.lanes, copied,
                 np.zeros((2, size), np.float32))


def plan_for(m, n, terms, row_step, adds=False, whole=False):
    """The longest axis is cut first; the sum is not cut if it must be `whole`."""
    turned = row_step == 1 < min(m, terms)
    tile, run = tile_for(m, n, row_step), min(terms, RUN)
    lanes, panels = tile.lanes, -(-n // tile.lanes)
    wanted = CHUNKS if m * n * terms >= SERIAL_WORK else 1
    least = FEW_TERMS if turned else TERMS if terms >= LONG * max(m, n) else terms
    sums = shares(terms, min(wanted, terms // least) if not whole else 1)
    wanted = -(-wanted // sums.count)
    rows = shares(m, min(m // (2 * tile.tall), wanted if m > n or turned else -(-wanted // panels)), tile.tall)
    columns = shares(panels, max(-(-wanted // rows.count), panels * run * lanes // NEAR_FLOATS))
    few = BLOCK_TILES if columns.size * run * lanes <= NEAR_FLOATS and not turned else 1
    room = max(few, NEAR_FLOATS // (run * tile.tall))
    return Plan((m, n, terms), tile, sums, rows, columns, panels, min(rows.size, room * tile.tall), rows.count > 1,
                adds and sums.count == 1, turned)


def shares(extent, count, multiple=1):
    """An axis in about `count` equal parts, their size a multiple of so many."""
    size = -(-extent // max(1, min(count, extent)))
    size = -(-size // multiple) * multiple
    return Shares(-(-extent // size), size)


@functools.lru_cache(4096)
def tile_for(m, n, row_step):
    """The tile to begin with, so that it and those after it cover M rows in the least time."""
    vectors, most = 2 if n > LANES else 1, FEW_ROWS if row_step % SET_FLOATS == 0 else max(m, 1)
    sizes = [(number, entry[0]) for number, entry in enumerate(MATRIX_TILES) if entry[3] == vectors]

    def cost(which):
        left, total = m, 0
        for _, size in sizes[sizes.index(which):]:
            total += left // size * (max(size, LATENCY) + 0.5)
            left %= size
        return total
    return Tile(*min([tile for tile in sizes if tile[1] <= most], key=cost), vectors * LANES)


# The compiled loops. Each unpacks its part of the plan once, in the order of the classes above. ------------------

@shared
def product_chunks(team, plan, a, b, packed, starts, y, buffers, finish):
    """The chunks of a product, as many as this thread gets. `a` and `b` are addresses and steps, b's in bytes."""
    (m, n, terms), tile, (sums, cut), (groups, group), (parts, part), count, block, together, adds, _ = plan
    (left, by_m, by_k), (right, by_row, by_column), lanes = a, b, tile[2]
    some_panels, spill, strips = own(buffers, team)
    panels = packed if together else some_panels
    if together:
        for panel in chunks(team, 2, count):
            pack((right, (0, 0, by_row, by_column), (1, 1, terms, n)), panel, panel + 1, lanes,
                 panels[panel * terms * lanes:])
    for chunk in chunks(team, 1, sums * groups * parts):
        first, last = chunk % parts * part, min(count, chunk % parts * part + part)
        row, end = chunk // parts % groups * group, min(m, chunk // parts % groups * group + group)
        which = chunk // (parts * groups)
        for k in range(which * cut, min(terms, which * cut + cut), RUN):
            run = min(RUN, min(terms, which * cut + cut) - k)
            here, apart = address(panels, k * lanes), terms * lanes
            if not together:
                pack((right + k * by_row, (0, 0, by_row, by_column), (1, 1, run, n)), first, last, lanes, panels)
                here, apart = address(panels, -first * run * lanes), run * lanes
            for top in range(row, end, block):
                rows = min(block, end - top), left + 4 * (top * by_m + k * by_k), by_m, by_k, tile[1] * by_m
                if strips.size:
                    rows = in_strips(rows, tile[1], run, strips)
                for panel in range(first, last):
                    target = address(y, (which * m + top) * n + panel * lanes), n, min(lanes, n - panel * lanes)
                    bias = address(starts, (which == 0) * starts.shape[1] + panel * lanes)
                    goes_on = adds or k > which * cut
                    rows_of_panel(tile, rows, (here + 4 * panel * apart, run), target, (goes_on, bias), spill)
                    if finish[0] and k + run == terms:
                        finish_row(finish, (top * n + panel * lanes, n, rows[0]), (panel * lanes, target[2]), y)
    if sums > 1:
        for row in chunks(team, 0, m):
            add_parts(y, row)


@jit
def add_parts(y, row):
    """Adds a row of the later parts of a sum to that of the first."""
    for part in range(1, len(y)):
        for i in range(y.shape[2]):
            y[0, row, i] += y[part, row, i]


@jit
def in_strips(rows, tall, run, out):
    """The `rows` of a (see `rows_of_panel`) that lie in memory columns first, again in `out`: a strip for each tile.

    A strip is (run, tall), and some floats apart from the next: whole vectors are copied, which reach over its end.
    """
    (some, a, _, by_k, _), strip = rows, run * tall + LANES
    whole = max(0, some - LANES) // tall                        # vectors that begin here do not reach over the rows
    for k in range(run):
        source, target = a + 4 * k * by_k, address(out, k * tall)
        for i in range(whole):
            for j in range(0, tall, LANES):
                copy_vector(target + 4 * (i * strip + j), source + 4 * (i * tall + j))
        for i in range(whole, -(-some // tall)):
            copy(target + 4 * i * strip, source + 4 * i * tall, min(tall, some - i * tall))
    return some, address(out, 0), 1, tall, strip


@jit
def rows_of_panel(tile, rows, panel, target, start, spill):
    """Some rows times one panel: tiles from the largest to the smallest, each as often as it fits.

    `rows` = (how many, address, step to the next row, to the next term, to the next tile of the first size), `panel` =
    (address, terms), `target` = (address, step to the next row, columns). Sums start from what is there, or from a row
    of biases: `start` = (whether they do, address of the biases). A panel with fewer columns than the tile goes through
    the spill buffer.
    """
    (kind, size, lanes), (some, a, by_m, by_k, by_tile), (b, run), tall = tile, rows, panel, tile[1]
    (y, by_row, columns), (goes_on, bias) = target, start
    whole, done, aside = columns == lanes, 0, address(spill, 0)
    while done < some:
        while size > some - done:
            kind += 1
            size = TALL[kind]
        here = y + 4 * done * by_row
        out, step = (here, by_row) if whole else (aside, lanes)
        init, init_step = (out, step) if goes_on else (bias, 0)
        if goes_on and not whole:
            for i in range(size):
                copy(aside + 4 * i * lanes, here + 4 * i * by_row, columns)
        left = a + 4 * (done // tall * by_tile + done % tall * by_m)
        product_tile(kind, (out, 0, step), (init, 0, init_step), (left, by_m, 0, by_k), (b, 0, 0, lanes), (1, run))
        if not whole:
            for i in range(size):
                copy(here + 4 * i * by_row, aside + 4 * i * lanes, columns)
        done += size


@jit
def small_product(shape, tile, a, b, y, buffers):
    """y = a b, or y += a b, on this thread, for loops that make many small products of (M, N, K) = `shape`.

    `a` = (address, step to the next row, to the next term), `b` = (address, its strides in bytes), `y` = (address, step
    to the next row, whether to add). `buffers` = (for all panels of b, the spill buffer, a row of zeros).
    """
    (m, n, terms), lanes = shape, tile[2]
    (left, by_m, by_k), (right, by_row, by_column), (out, step, adds), (packed, spill, zeros) = a, b, y, buffers
    panels = -(-n // lanes)
    pack((right, (0, 0, by_row, by_column), (1, 1, terms, n)), 0, panels, lanes, packed)
    rows = m, left, by_m, by_k, tile[1] * by_m
    for panel in range(panels):
        target = out + 4 * panel * lanes, step, min(lanes, n - panel * lanes)
        rows_of_panel(tile, rows, (address(packed, panel * terms * lanes), terms), target, (adds, address(zeros, 0)),
                      spill)
