"""A register tile of bytes, in the manner of `simd.py`: sums of M pixels times V vectors of output channels.

    sums[m, k] = init[k] + sum over r, s, c of a[r, s, c + m·step] · b[r, s, c, k]        a: uint8, b: int8

Four channels at a time: a lane holds the four bytes of four neighbouring channels, and its sum is an int32.
Intel's VNNI does a lane's four products and additions in one instruction; elsewhere it is spelled out, and
left to LLVM.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tinynet.kernels.machine.simd import switch_over
from tinynet.kernels.machine.lanes import LANES, has_feature

TILES = (16, 1), (8, 2)                # M pixels, V vectors: 16 sums, since each takes some cycles
VNNI = LANES == 16 and has_feature("avx512vnni")
BYTE, INT = ir.IntType(8), ir.IntType(64)


@intrinsic
def dot_tile(typing_context, which, sums, init, a, a_m, a_row, a_tap, b, rows, taps, quads):
    """Run the tile TILES[which]; addresses, and steps in bytes. b is walked through from front to back."""
    def generate(context, builder, signature, args):
        switch_over(builder, args[0], TILES, lambda tile: _emit(builder, *tile, *args[1:]))
        return context.get_dummy_value()
    return types.void(*[types.int64] * 11), generate


def _emit(builder, m, vectors, sums, init, a, a_m, a_row, a_tap, b, rows, taps, quads):
    vector = ir.VectorType(ir.IntType(32), LANES)
    width = 4 * LANES                              # bytes of a vector

    def at(base, *terms):
        for count, step in terms:
            base = builder.add(base, builder.mul(count, step))
        return base

    def pointer(base, bytes=0, kind=vector):
        return builder.inttoptr(builder.add(base, INT(bytes)), kind.as_pointer())

    def broadcast(base):
        four = builder.load(pointer(base, kind=ir.IntType(32)), align=1)
        first = builder.insert_element(ir.Constant(vector, ir.Undefined), four, ir.IntType(32)(0))
        return builder.shuffle_vector(first, first, ir.Constant(vector, None))

    totals = {(i, v): cgutils.alloca_once(builder, vector) for i in range(m) for v in range(vectors)}
    for (i, v), total in totals.items():
        builder.store(builder.load(pointer(init, v * width), align=4), total)
    with cgutils.for_range(builder, rows) as row:
        with cgutils.for_range(builder, taps) as tap:
            a_here = at(a, (row.index, a_row), (tap.index, a_tap))
            b_here = at(b, (at(tap.index, (row.index, taps)), builder.mul(quads, INT(vectors * width))))
            with cgutils.for_range(builder, quads) as quad:
                a_now = at(a_here, (quad.index, INT(4)))
                b_now = at(b_here, (quad.index, INT(vectors * width)))
                weights = [builder.load(pointer(b_now, v * width), align=1) for v in range(vectors)]
                for i in range(m):
                    pixel = broadcast(at(a_now, (INT(i), a_m)))
                    for v in range(vectors):
                        total = totals[i, v]
                        builder.store(_dot(builder, builder.load(total), pixel, weights[v]), total)
    for (i, v), total in totals.items():
        builder.store(builder.load(total), pointer(sums, (i * vectors + v) * width), align=4)


def _dot(builder, total, pixel, weights):
    """total + the four products of uint8 and int8 of each lane."""
    if VNNI:
        kind = ir.FunctionType(total.type, [total.type] * 3)
        dot = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.avx512.vpdpbusd.512")
        return builder.call(dot, [total, pixel, weights])
    flat, wide = ir.VectorType(BYTE, 4 * LANES), ir.VectorType(ir.IntType(32), 4 * LANES)
    products = builder.mul(builder.zext(builder.bitcast(pixel, flat), wide),
                           builder.sext(builder.bitcast(weights, flat), wide))
    for j in range(4):
        mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), list(range(j, 4 * LANES, 4)))
        total = builder.add(total, builder.shuffle_vector(products, products, mask))
    return total
