"""Register tiles as LLVM instructions: what `simd.py` (float32) and `simd_int8.py` (bytes) have in common.

A tile keeps many sums in vector registers during a whole reduction. In every step of its loops it loads a few vectors
B, reads single values A, spreads each over a vector (a broadcast), and adds products of the two to the sums. Where no
sum runs over channels, A are vectors of channels, too.
"""

from typing import Callable, NamedTuple

from llvmlite import ir
from numba.core import cgutils

INT = ir.IntType(64)


class Arithmetic(NamedTuple):
    """What is multiplied: the type of a value of A, the type of a vector, and the instructions."""

    scalar: ir.Type
    vector: ir.Type
    multiply_add: Callable             # (builder, total, broadcast A, B) -> the new total
    broadcasts: bool = True            # or else every A is a vector by itself


class Tile(NamedTuple):
    """Which products a step adds up.

    A meeting (i, t, (u, m)) says that the broadcast of A[i] times the vectors B[t] is added to the sums [u, m], all of
    them `vectors` vectors wide. The order of the meetings is the order of the instructions.
    """

    meetings: list
    vectors: int


class Operands(NamedTuple):
    """Where a tile reads and writes: addresses and steps between them, in bytes, all of them LLVM values."""

    y: tuple                           # address of the sums, step of u, step of m
    init: tuple                        # what the sums start from, likewise
    a: tuple                           # address of A, step of i
    b: tuple                           # address of B, step of t
    loops: list                        # (count, step of A, step of B), the outermost loop first


def emit_tile(builder, tile, arithmetic, operands):
    """The instructions of one tile."""
    (y, *y_steps), (init, *init_steps), _, _, loops = operands
    totals = sorted({total for _, _, total in tile.meetings})
    # A stack slot for each sum: LLVM turns it into a register, because its address never escapes.
    sums = {(total, v): cgutils.alloca_once(builder, arithmetic.vector)
            for total in totals for v in range(tile.vectors)}
    for (total, v), slot in sums.items():
        builder.store(_load(builder, arithmetic, at(builder, init, *zip(total, init_steps)), v), slot)
    _emit_loops(builder, tile, arithmetic, operands, sums, operands.a[0], operands.b[0], loops)
    for (total, v), slot in sums.items():
        target = _pointer(builder, arithmetic, at(builder, y, *zip(total, y_steps)), v)
        builder.store(builder.load(slot, typ=arithmetic.vector), target, align=4)


def _emit_loops(builder, tile, arithmetic, operands, sums, a, b, loops):
    if not loops:
        _emit_step(builder, tile, arithmetic, sums, (a, operands.a[1]), (b, operands.b[1]))
        return
    (count, a_step, b_step), *inner = loops
    with cgutils.for_range(builder, count) as loop:
        _emit_loops(builder, tile, arithmetic, operands, sums, at(builder, a, (loop.index, a_step)),
                    at(builder, b, (loop.index, b_step)), inner)


def _emit_step(builder, tile, arithmetic, sums, a, b):
    taps = sorted({t for _, t, _ in tile.meetings})
    weights = {(t, v): _load(builder, arithmetic, at(builder, b[0], (t, b[1])), v)
               for t in taps for v in range(tile.vectors)}
    for i in dict.fromkeys(i for i, _, _ in tile.meetings):
        place = at(builder, a[0], (i, a[1]))
        value = (_broadcast(builder, arithmetic, place) if arithmetic.broadcasts
                 else _load(builder, arithmetic, place, 0))
        for t, total in [(t, total) for other, t, total in tile.meetings if other == i]:
            for v in range(tile.vectors):
                slot = sums[total, v]
                before = builder.load(slot, typ=arithmetic.vector)
                builder.store(arithmetic.multiply_add(builder, before, value, weights[t, v]), slot)


def at(builder, base, *terms):
    """The address base + count·step + ..., for terms (count, step); a count may be a Python int."""
    for count, step in terms:
        count = INT(count) if isinstance(count, int) else count
        base = builder.add(base, builder.mul(count, step))
    return base


def _pointer(builder, arithmetic, base, v):
    """The v-th vector from an address on."""
    width = arithmetic.vector.count * 4            # bytes: every lane, a float32 or an int32, has four
    return builder.inttoptr(builder.add(base, INT(v * width)), arithmetic.vector.as_pointer())


def _load(builder, arithmetic, base, v):
    return builder.load(_pointer(builder, arithmetic, base, v), align=4, typ=arithmetic.vector)


def load(builder, place, vector):
    """The vector of that type at an address."""
    return builder.load(builder.inttoptr(place, vector.as_pointer()), align=4, typ=vector)


def _broadcast(builder, arithmetic, base):
    pointer = builder.inttoptr(base, arithmetic.scalar.as_pointer())
    scalar = builder.load(pointer, align=1 if arithmetic.scalar != ir.FloatType() else 4, typ=arithmetic.scalar)
    return spread(builder, scalar, arithmetic.vector)


def spread(builder, scalar, vector):
    """A vector of that type, all of whose lanes are the scalar."""
    undefined = ir.Constant(vector, ir.Undefined)
    first_lane = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), None)
    return builder.shuffle_vector(builder.insert_element(undefined, scalar, INT(0)), undefined, first_lane)


def switch_over(builder, which, tiles, emit):
    """A `switch` to the tile of number `which`: every tile is a block that emit(tile) fills."""
    done = builder.append_basic_block("done")
    switch = builder.switch(which, done)
    for number, tile in enumerate(tiles):
        block = builder.append_basic_block(f"tile_{number}")
        switch.add_case(INT(number), block)
        builder.position_at_end(block)
        emit(tile)
        builder.branch(done)
    builder.position_at_end(done)


def unpack(builder, *tuples):
    """The members of Numba's tuples of integers, as lists."""
    return [cgutils.unpack_tuple(builder, t) for t in tuples]
