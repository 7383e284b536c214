"""Explicit SIMD: register tiles, written as LLVM instructions that Numba compiles into its kernels.

A processor with AVX-512 has 32 registers of 16 floats and can finish two fused multiply-adds of them in
every cycle, but at best it loads two values from the cache in that time, and often one. A loop that loads
what it multiplies is therefore bound by its loads. The way out is a *tile*: many sums live in registers
during the whole reduction, so that each loaded value takes part in several multiply-adds. Compilers seldom
find this by themselves; this file spells it out.

One formula serves every convolution. `A` is read a float at a time and spread over a register (a
broadcast), `B` a register at a time, and `row`, `col` run over the reduction:

    window tile:  y[m]    += sum_t A[row, col, m·stride + t] · B[row, col, t]    a broadcast meets several m
    outer tile:   y[t, m] += A[row, col, m] · B[row, col, t]                     a broadcast meets all T taps

The window tile computes M neighbouring pixels of one row of a convolution: A are pixels, B the weights of
the T taps of a kernel row; each pixel is broadcast once for all T taps that see it. The outer tile computes
the weight gradient. With T = 1 both are the tile of a plain matrix multiplication. The tables hold the
shapes that are compiled.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tinynet.kernels.machine.lanes import LANES

REGISTERS = 32 if LANES == 16 else 16
FLOAT, INT = ir.FloatType(), ir.IntType(64)


def _fits(m, taps, vectors, sums):
    """All sums, the B vectors of every tap and one broadcast must find a register."""
    return sums * vectors + taps * vectors + 1 <= REGISTERS


# (M, T, stride, V): M pixels, T taps, V vectors of output channels.
WINDOW_TILES = tuple(
    (m, taps, stride, vectors)
    for taps, stride in [(1, 1), (2, 1), (3, 1), (3, 2)]
    for vectors, sizes in [(1, (16, 8)), (2, (14, 8, 7, 4))]
    for m in sizes if _fits(m, taps, vectors, m))
# (M, T, V): M input channels, T taps, V vectors of output channels.
OUTER_TILES = tuple(
    (m, taps, vectors)
    for taps in (1, 2, 3)
    for vectors, sizes in [(1, (16, 8, 4)), (2, (12, 8, 7, 4))]
    for m in sizes if _fits(m, taps, vectors, m * taps))


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


def switch_over(builder, which, tiles, emit):
    """A `switch` to the tile of number `which`, each of them a block that emit(tile) fills."""
    done = builder.append_basic_block("done")
    switch = builder.switch(which, done)
    for number, tile in enumerate(tiles):
        block = builder.append_basic_block(f"tile_{number}")
        switch.add_case(INT(number), block)
        builder.position_at_end(block)
        emit(tile)
        builder.branch(done)
    builder.position_at_end(done)


def _tile(meetings_of, table):
    """An intrinsic that runs the tile `table[which]`: one `switch` over all of them.

    `meetings_of(*entry)` lists who meets whom in one step: (i, t, (u, m)) says that the broadcast of A[i]
    times the vectors B[t] is added to the sum y[u, m]. The arguments are addresses and steps, in floats:
    y[u, m] lies at y + u·y_t + m·y_m; its sum starts from `init`, with steps of its own (zero steps: one bias
    for all pixels); A[row, col, i] lies at a + row·a_row + col·a_col + i·a_m, and B[row, col, t], V vectors
    wide, likewise.
    """
    def tile(typing_context, which, y, y_t, y_m, init, init_t, init_m,
             a, a_m, a_row, a_col, b, b_t, b_row, b_col, rows, cols):
        def generate(context, builder, signature, args):
            switch_over(builder, args[0], table,
                        lambda entry: _emit(builder, meetings_of(*entry), entry[-1], *args[1:]))
            return context.get_dummy_value()
        return types.void(*[types.int64] * 17), generate
    return intrinsic(tile)


def _emit(builder, meetings, vectors, y, y_t, y_m, init, init_t, init_m,
          a, a_m, a_row, a_col, b, b_t, b_row, b_col, rows, cols):
    vector = ir.VectorType(FLOAT, LANES)
    fma = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fmuladd.v{LANES}f32")
    undefined = ir.Constant(vector, ir.Undefined)
    lane_0 = ir.Constant(ir.VectorType(ir.IntType(32), LANES), None)

    def at(base, *terms):
        for count, step in terms:
            count = INT(count) if isinstance(count, int) else count
            base = builder.add(base, builder.mul(builder.mul(count, step), INT(4)))
        return base

    def pointer(base, v):
        return builder.inttoptr(at(base, (v, INT(LANES))), vector.as_pointer())

    def load(base, v):
        return builder.load(pointer(base, v), align=4, typ=vector)

    def broadcast(base):
        scalar = builder.load(builder.inttoptr(base, FLOAT.as_pointer()), align=4, typ=FLOAT)
        return builder.shuffle_vector(builder.insert_element(undefined, scalar, INT(0)), undefined, lane_0)

    targets = sorted({target for _, _, target in meetings})
    taps = sorted({t for _, t, _ in meetings})
    # A stack slot per sum: LLVM turns it into a register, because its address never escapes.
    sums = {(target, v): cgutils.alloca_once(builder, vector) for target in targets for v in range(vectors)}
    for (t, m), v in sums:                          # t of the sum, 0 in a window tile
        builder.store(load(at(init, (t, init_t), (m, init_m)), v), sums[(t, m), v])
    with cgutils.for_range(builder, rows) as row:
        a_here, b_here = at(a, (row.index, a_row)), at(b, (row.index, b_row))
        with cgutils.for_range(builder, cols) as col:
            a_now, b_now = at(a_here, (col.index, a_col)), at(b_here, (col.index, b_col))
            weights = {(t, v): load(at(b_now, (t, b_t)), v) for t in taps for v in range(vectors)}
            for i in dict.fromkeys(i for i, _, _ in meetings):
                value = broadcast(at(a_now, (i, a_m)))
                for t, target in [(t, target) for other, t, target in meetings if other == i]:
                    for v in range(vectors):
                        total = sums[target, v]
                        product = builder.call(fma, [value, weights[t, v], builder.load(total, typ=vector)])
                        builder.store(product, total)
    for (t, m), v in sums:
        total = builder.load(sums[(t, m), v], typ=vector)
        builder.store(total, pointer(at(y, (t, y_t), (m, y_m)), v), align=4)


def _window(m, taps, stride, vectors):
    # Neighbouring pixels feed the same sums, and a sum can take a product only every fourth cycle. So visit
    # every `apart`-th pixel, then those beside them, and so on: products in a row are then independent.
    apart = stride * -(-taps // stride)
    return sorted([(i * stride + t, t, (0, i)) for i in range(m) for t in range(taps)],
                  key=lambda meeting: (meeting[0] % apart, meeting[0]))


def _outer(m, taps, vectors):
    return [(i, t, (t, i)) for i in range(m) for t in range(taps)]


window_tile = _tile(_window, WINDOW_TILES)
outer_tile = _tile(_outer, OUTER_TILES)
