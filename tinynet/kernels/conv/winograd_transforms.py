"""The transforms of Winograd's convolution (`winograd_spec.py`) as SIMD: matrix · (square of vectors) · matrixᵀ.

Why it is fast. A square of up to 4 x 4 vectors is loaded once, transformed in registers by additions alone (and halves
for the weights), and stored once. The matrix is known when the code is made, so that its zeros cost nothing: Bᵀ d B
takes 32 additions of vectors, Aᵀ m A takes 24. The image is not copied to put zeros around it. Instead, the addresses
of pixels beyond it are replaced by that of a row of zeros, or, for results, by that of a place that nobody reads.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tinynet.kernels.conv.winograd_spec import A_T, B_T, G
from tinynet.kernels.machine.emit import INT, at, unpack
from tinynet.kernels.machine.simd import LANES, VECTOR, multiply_add

FLOAT_BYTES = 4


def planes(builder, members, size):
    """Addresses of a square of places that lie `step` floats apart; `members` = (address, step)."""
    address, step = members
    step = builder.mul(step, INT(FLOAT_BYTES))
    return [[at(builder, address, (i * size + j, step)) for j in range(size)] for i in range(size)]


def pixels(builder, members, size):
    """Addresses of a square of pixels of an image; those beyond the image have the address `outside`.

    `members` = (address, outside, row, column, height, width, step): those of pixel (0, 0) and of what stands for the
    pixels beyond; of the square's first pixel; of the image; floats from one pixel to the next.
    """
    address, outside, first_row, first_column, height, width, step = members
    step = builder.mul(step, INT(FLOAT_BYTES))

    def line(first, end, step):
        """Offsets in bytes of `size` neighbouring rows or columns, and whether each is one of the image."""
        places = [builder.add(first, INT(i)) for i in range(size)]
        # Unsigned: a negative number is a large one.
        return [(builder.mul(i, step), builder.icmp_unsigned("<", i, end)) for i in places]

    rows, columns = line(first_row, height, builder.mul(width, step)), line(first_column, width, step)
    rows = [(builder.add(address, offset), inside) for offset, inside in rows]
    return [[builder.select(builder.and_(row_inside, inside), builder.add(row, offset), outside)
             for offset, inside in columns] for row, row_inside in rows]


MEMBERS = {planes: 2, pixels: 7}


def _transform(matrix, source, target, checks=False):
    """An intrinsic: `matrix` · x · `matrix`ᵀ for a square of pixels or planes, `count` vectors of channels of each.

    Its arguments: where x is, where the result goes (see `planes` and `pixels`), `count`, and with `checks` the address
    of a vector to which every result is added. That sum is finite only if all results are.
    """
    kinds = [types.UniTuple(types.int64, MEMBERS[kind]) for kind in (source, target)]

    def make(context, builder, signature, args):
        read, written = unpack(builder, *args[:2])
        read, written = source(builder, read, matrix.shape[1]), target(builder, written, matrix.shape[0])
        total = builder.inttoptr(args[3], VECTOR.as_pointer()) if checks else None
        with cgutils.for_range(builder, args[2]) as loop:
            offset = builder.mul(loop.index, INT(FLOAT_BYTES * LANES))
            square = [[builder.load(_pointer(builder, place, offset), align=4, typ=VECTOR) for place in row]
                      for row in read]
            square = _turned(_times(builder, matrix, _turned(_times(builder, matrix, square))))
            for row, places in zip(square, written):
                for value, place in zip(row, places):
                    builder.store(value, _pointer(builder, place, offset), align=4)
            if checks:
                rows = [_sum(builder, row) for row in square]
                seen = builder.load(total, align=4, typ=VECTOR)
                builder.store(builder.fadd(seen, _sum(builder, rows)), total, align=4)
        return context.get_dummy_value()

    if checks:
        def transform(typing_context, source, target, count, total):
            return types.void(*kinds, types.int64, types.int64), make
    else:
        def transform(typing_context, source, target, count):
            return types.void(*kinds, types.int64), make
    return intrinsic(transform)


def _pointer(builder, place, offset):
    return builder.inttoptr(builder.add(place, offset), VECTOR.as_pointer())


def _turned(square):
    return list(zip(*square))


def _times(builder, matrix, square):
    """The matrix times a square of vectors, a list of rows."""
    return [[_weighted_sum(builder, coefficients, column) for column in _turned(square)] for coefficients in matrix]


def _weighted_sum(builder, coefficients, vectors):
    """Σ coefficient · vector. A term with the coefficient 1 comes first, if there is one."""
    terms = [(float(c), vector) for c, vector in zip(coefficients, vectors) if c != 0]
    (first, total), *others = sorted(terms, key=lambda term: term[0] != 1)
    if first != 1:
        total = builder.fmul(total, ir.Constant(VECTOR, [first] * LANES))
    for c, vector in others:
        if abs(c) == 1:
            total = (builder.fadd if c == 1 else builder.fsub)(total, vector)
        else:
            total = multiply_add(builder, total, vector, ir.Constant(VECTOR, [c] * LANES))
    return total


def _sum(builder, vectors):
    total, *others = vectors
    for vector in others:
        total = builder.fadd(total, vector)
    return total


transform_image = _transform(B_T, pixels, planes)                    # V = Bᵀ d B
transform_weights = _transform(G, planes, planes)                    # U = G g Gᵀ
transform_back = _transform(A_T, planes, pixels, checks=True)        # y = Aᵀ m A
transform_output_gradient = _transform(A_T.T, pixels, planes)        # A dy Aᵀ
transform_weight_gradient = _transform(G.T, planes, planes)          # dw = Gᵀ dU G
