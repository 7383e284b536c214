"""Explicit SIMD: register tiles, written as LLVM instructions that Numba compiles into its kernels.

A processor with AVX-512 has 32 registers of 16 floats. In every cycle it can finish two fused multiply-adds of such
registers, but it loads at best two of them from the cache, and often one. A loop that loads what it multiplies is
therefore bound by its loads. The remedy is a *tile*: many sums stay in registers during the whole reduction, so that
each loaded value takes part in several multiply-adds. Compilers seldom find this by themselves, so this file spells it
out.

One formula serves every convolution. `A` is read one float at a time and spread over a register (a broadcast). `B` is
read one register at a time. `row` and `col` run over the reduction:

    window tile:  y[m]    += sum_t A[row, col, m·stride + t] · B[row, col, t]    a broadcast meets several m
    outer tile:   y[t, m] += A[row, col, m] · B[row, col, t]                     a broadcast meets all T taps

The window tile computes M neighbouring pixels of one row of a convolution: A are pixels, B the weights of the T taps
of a kernel row, and each pixel is broadcast once for all T taps that see it. The outer tile computes the weight
gradient. With T = 1 both are the tile of a plain matrix multiplication. The tables list the tiles that are compiled.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tinynet.kernels.machine.emit import INT, Arithmetic, Operands, Tile, emit_tile, switch_over, unpack
from tinynet.kernels.machine.lanes import LANES, REGISTERS

FLOAT = ir.FloatType()
VECTOR = ir.VectorType(FLOAT, max(1, LANES))


def _fits(taps, vectors, sums):
    """Whether all sums, the B vectors of every tap and one broadcast find a register."""
    return sums * vectors + taps * vectors + 1 <= REGISTERS


# (M, T, stride, V): M pixels, T taps, V vectors of output channels.
WINDOW_TILES = tuple(
    (m, taps, stride, vectors)
    for taps, stride in [(1, 1), (2, 1), (3, 1), (3, 2)]
    for vectors, sizes in [(1, (16, 8)), (2, (14, 8, 7, 4))]
    for m in sizes if _fits(taps, vectors, m))
# (M, T, V): M input channels, T taps, V vectors of output channels.
OUTER_TILES = tuple(
    (m, taps, vectors)
    for taps in (1, 2, 3)
    for vectors, sizes in [(1, (16, 8, 4)), (2, (12, 8, 7, 4))]
    for m in sizes if _fits(taps, vectors, m * taps))
# (M, 1, 1, V): M rows of a matrix product, V vectors of its columns.
MATRIX_TILES = tuple(
    (m, 1, 1, vectors)
    for vectors, sizes in [(1, (16, 8, 4, 1)), (2, (14, 8, 4, 1) if REGISTERS >= 32 else (6, 4, 1))]
    for m in sizes if _fits(1, vectors, m))

# Depthwise: A and B are both vectors of channels. (M, 1, 1, 1): M pixels, one tap.
PIXEL_TILES = (8, 1, 1, 1), (4, 1, 1, 1), (1, 1, 1, 1)
# (M, T, stride): M pixels, T taps.
TAP_PIXELS = 4 if REGISTERS >= 32 else 2
TAP_TILES = (TAP_PIXELS, 3, 1), (TAP_PIXELS, 3, 2), (1, 3, 1), (8, 1, 1), (1, 1, 1)


@intrinsic
def address(typing_context, array, index):
    """The address of the float32 at `index` of the array's memory, as an integer."""
    def generate(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        return builder.add(builder.ptrtoint(data, INT), builder.mul(args[1], INT(4)))
    return types.int64(array, types.int64), generate


@intrinsic
def copy(typing_context, target, source, count):
    """Copy `count` floats between two addresses."""
    def generate(context, builder, signature, args):
        target, source = (builder.inttoptr(a, ir.IntType(8).as_pointer()) for a in args[:2])
        cgutils.raw_memcpy(builder, target, source, args[2], 4)
        return context.get_dummy_value()
    return types.void(types.int64, types.int64, types.int64), generate


@intrinsic
def copy_vector(typing_context, target, source):
    """Copy LANES floats between two addresses, where the call that `copy` is would take longer than the copy."""
    def generate(context, builder, signature, args):
        target, source = (builder.inttoptr(a, VECTOR.as_pointer()) for a in args)
        builder.store(builder.load(source, align=4, typ=VECTOR), target, align=4)
        return context.get_dummy_value()
    return types.void(types.int64, types.int64), generate


@intrinsic
def prefetch(typing_context, source):
    """Ask for the cache line at an address, to have it in the second-level cache by the time it is needed."""
    def generate(context, builder, signature, args):
        byte, i32 = ir.IntType(8).as_pointer(), ir.IntType(32)
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [byte, i32, i32, i32]), "llvm.prefetch.p0")
        read, second_level, data = i32(0), i32(2), i32(1)
        builder.call(function, [builder.inttoptr(args[0], byte), read, second_level, data])
        return context.get_dummy_value()
    return types.void(types.int64), generate


@intrinsic
def transpose(typing_context, target, target_step, source, source_step):
    """A square of LANES x LANES floats, rows `step` floats apart, turned over its diagonal by shuffles alone.

    Each round swaps the off-diagonal quarters of squares of twice the size, as in Eklundh's algorithm.
    """
    vector, mask = ir.VectorType(FLOAT, LANES), ir.VectorType(ir.IntType(32), LANES)

    def generate(context, builder, signature, args):
        def row(base, step, i):
            offset = builder.mul(builder.mul(INT(i), step), INT(4))
            return builder.inttoptr(builder.add(base, offset), vector.as_pointer())

        rows = [builder.load(row(args[2], args[3], i), align=4, typ=vector) for i in range(LANES)]
        half = 1
        while half < LANES:
            upper = mask([j if not j & half else j - half + LANES for j in range(LANES)])
            lower = mask([j + half if not j & half else j + LANES for j in range(LANES)])
            for i in [i for i in range(LANES) if not i & half]:
                pair = rows[i], rows[i + half]
                rows[i], rows[i + half] = (builder.shuffle_vector(*pair, choice) for choice in (upper, lower))
            half *= 2
        for i in range(LANES):
            builder.store(rows[i], row(args[0], args[1], i), align=4)
        return context.get_dummy_value()
    return types.void(*[types.int64] * 4), generate


def multiply_add(builder, total, value, weights):
    kind = ir.FunctionType(VECTOR, [VECTOR] * 3)
    fma = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fmuladd.v{LANES}f32")
    return builder.call(fma, [value, weights, total])


FLOATS = Arithmetic(FLOAT, VECTOR, multiply_add)
CHANNELS = Arithmetic(FLOAT, VECTOR, multiply_add, broadcasts=False)


def _tile(meetings_of, table, arithmetic=FLOATS, vectors=None):
    """An intrinsic that runs the tile `table[which]`; `meetings_of(*entry)` lists its products (see `emit.Tile`).

    Its other arguments are tuples of addresses and of steps, in floats:

        y = (address, step of t, step of m)            where the sums go
        init = (address, step of t, step of m)         what they start from; steps of 0: one bias for all pixels
        a = (address, step of m, of row, of col)
        b = (address, step of t, of row, of col)
        size = (rows, cols)
    """
    def tile(typing_context, which, y, init, a, b, size):
        def generate(context, builder, signature, args):
            operands = _in_bytes(builder, *unpack(builder, *args[1:]))
            switch_over(builder, args[0], table, lambda entry: emit_tile(
                builder, Tile(meetings_of(*entry), vectors or entry[-1]), arithmetic, operands))
            return context.get_dummy_value()
        three, four, two = (types.UniTuple(types.int64, n) for n in (3, 4, 2))
        return types.void(types.int64, three, three, four, four, two), generate
    return intrinsic(tile)


def _in_bytes(builder, y, init, a, b, size):
    """The operands of a tile from tuples as `_tile` describes them."""
    def places(address, *steps):
        return [address, *[builder.mul(step, INT(4)) for step in steps]]
    (a, a_m, *a_steps), (b, b_t, *b_steps) = places(*a), places(*b)
    return Operands(places(*y), places(*init), (a, a_m), (b, b_t), list(zip(size, a_steps, b_steps)))


def _window(m, taps, stride, vectors):
    # Neighbouring pixels feed the same sums, and a sum can take a product only every fourth cycle. So visit
    # every `apart`-th pixel, then those beside them, and so on: products in a row are then independent.
    apart = stride * -(-taps // stride)
    return sorted([(i * stride + t, t, (0, i)) for i in range(m) for t in range(taps)],
                  key=lambda meeting: (meeting[0] % apart, meeting[0]))


def _outer(m, taps, vectors):
    return [(i, t, (t, i)) for i in range(m) for t in range(taps)]


def window_tile_of(table):
    """`window_tile` for some entries of its table alone: kernels that need no others compile sooner."""
    return _tile(_window, table)


def outer_tile_of(table):
    """`outer_tile` for some entries of its table alone."""
    return _tile(_outer, table)


def _channels(m, taps, stride):
    return [(i * stride + t, i, (t, i)) for i in range(m) for t in range(taps)]


window_tile = window_tile_of(WINDOW_TILES)
outer_tile = outer_tile_of(OUTER_TILES)
pixel_tile = _tile(_window, PIXEL_TILES, CHANNELS, 1)
tap_tile = _tile(_channels, TAP_TILES, CHANNELS, 1)
