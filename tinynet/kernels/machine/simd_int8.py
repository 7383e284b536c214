"""A register tile of bytes, in the manner of `simd.py`: sums of M pixels times V vectors of output channels.

    sums[m, k] = init[k] + sum over r, s, c of a[r, s, c + m·step] · b[r, s, c, k]        a: uint8, b: int8

Four channels at a time: a lane holds the four bytes of four neighbouring channels, and its sum is an int32.
Intel's VNNI does a lane's four products and additions in one instruction. Older processors of that family have one for
two products of 16 bits and their sum: there, the even and the odd bytes are taken by themselves. Elsewhere the same is
written with general instructions, from which LLVM chooses.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tinynet.kernels.machine.emit import (
    INT, Arithmetic, Operands, Tile, at, emit_tile, load, spread, switch_over, unpack)
from tinynet.kernels.machine.lanes import LANES, has_feature

TILES = (16, 1), (8, 2)                # M pixels, V vectors: 16 sums, since each takes some cycles
VNNI = LANES == 16 and has_feature("avx512vnni")
BYTE, SHORT, LANE = ir.IntType(8), ir.IntType(16), ir.IntType(32)
VECTOR, SHORTS = ir.VectorType(LANE, max(1, LANES)), ir.VectorType(SHORT, max(1, 2 * LANES))
PAIRS = {4: ("sse2", "llvm.x86.sse2.pmadd.wd"), 8: ("avx2", "llvm.x86.avx2.pmadd.wd"),
         16: ("avx512bw", "llvm.x86.avx512.pmaddw.d.512")}       # by lanes: the feature, and the instruction


@intrinsic
def dot_tile(typing_context, which, sums, init, a, b, size):
    """Run the tile TILES[which]. Addresses, and steps in bytes:

    `sums`, (M, V·LANES) without gaps, and `init`, (V·LANES,), are int32. a = (address, step of m, of row, of tap).
    `b` is the address of weights that are read from front to back. size = (rows, taps, channels / 4).
    """
    def generate(context, builder, signature, args):
        switch_over(builder, args[0], TILES, lambda tile: _emit(builder, *tile, *args[1:]))
        return context.get_dummy_value()
    return types.void(*[types.int64] * 3, types.UniTuple(types.int64, 4), types.int64,
                      types.UniTuple(types.int64, 3)), generate


def _emit(builder, m, vectors, sums, init, a, b, size):
    (a, a_m, a_row, a_tap), (rows, taps, quads) = unpack(builder, a, size)
    step = INT(4 * LANES * vectors)                # bytes of the vectors that one step reads
    of_tap = builder.mul(quads, step)
    loops = [(rows, a_row, builder.mul(taps, of_tap)), (taps, a_tap, of_tap), (quads, INT(4), step)]
    meetings = [(i, 0, (0, i)) for i in range(m)]
    emit_tile(builder, Tile(meetings, vectors), BYTES,
              Operands((sums, INT(0), step), (init, INT(0), INT(0)), (a, a_m), (b, INT(0)), loops))


def _multiply_add(builder, total, pixel, weights):
    """total + the four products of uint8 and int8 of each lane."""
    if VNNI:
        kind = ir.FunctionType(total.type, [total.type] * 3)
        dot = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.avx512.vpdpbusd.512")
        return builder.call(dot, [total, pixel, weights])
    if LANES in PAIRS and has_feature(PAIRS[LANES][0]):
        kind = ir.FunctionType(VECTOR, [SHORTS] * 2)
        pairs = cgutils.get_or_insert_function(builder.module, kind, PAIRS[LANES][1])
        pixel, weights = builder.bitcast(pixel, SHORTS), builder.bitcast(weights, SHORTS)
        byte, eight = (ir.Constant(SHORTS, [n] * SHORTS.count) for n in (255, 8))
        even = builder.call(pairs, [builder.and_(pixel, byte), builder.ashr(builder.shl(weights, eight), eight)])
        odd = builder.call(pairs, [builder.lshr(pixel, eight), builder.ashr(weights, eight)])
        return builder.add(builder.add(total, even), odd)
    flat, wide = ir.VectorType(BYTE, 4 * LANES), ir.VectorType(LANE, 4 * LANES)
    products = builder.mul(builder.zext(builder.bitcast(pixel, flat), wide),
                           builder.sext(builder.bitcast(weights, flat), wide))
    for j in range(4):
        mask = ir.Constant(VECTOR, list(range(j, 4 * LANES, 4)))
        total = builder.add(total, builder.shuffle_vector(products, products, mask))
    return total


BYTES = Arithmetic(LANE, VECTOR, _multiply_add)


@intrinsic
def values_of_sums(typing_context, sums, y, constants, bounds, pixels, step):
    """y = step · clip(round(sums · factor / 2**shift)), one vector of channels of each pixel; halves go up.

    `sums`, int32, and `y`, float32, = (address, values from pixel to pixel). `constants` are the addresses of the
    vectors factor (int32), half = 2**(shift - 1) and shift (int64), `bounds` the least and the greatest value.
    """
    def generate(context, builder, signature, args):
        (sums, sums_step), (y, y_step), constants, bounds = unpack(builder, *args[:4])
        floats, wide = ir.VectorType(ir.FloatType(), LANES), ir.VectorType(INT, LANES)
        factor, half, shift = (load(builder, place, kind) for place, kind in zip(constants, (VECTOR, wide, wide)))
        low, high = (spread(builder, bound, wide) for bound in bounds)
        factor, step = builder.sext(factor, wide), spread(builder, args[5], floats)
        with cgutils.for_range(builder, args[4]) as loop:
            here, there = (at(builder, base, (loop.index, builder.mul(values, INT(4))))
                           for base, values in ((sums, sums_step), (y, y_step)))
            value = builder.mul(builder.sext(load(builder, here, VECTOR), wide), factor)
            value = builder.ashr(builder.add(value, half), shift)
            value = builder.select(builder.icmp_signed("<", value, low), low, value)
            value = builder.select(builder.icmp_signed(">", value, high), high, value)
            value = builder.fmul(builder.sitofp(builder.trunc(value, VECTOR), floats), step)
            builder.store(value, builder.inttoptr(there, floats.as_pointer()), align=4)
        return context.get_dummy_value()
    two, three = types.UniTuple(types.int64, 2), types.UniTuple(types.int64, 3)
    return types.void(two, two, three, two, types.int64, types.float32), generate
