"""exp, tanh, sigmoid, the normal distribution and the maximum, so that a loop over float32 becomes SIMD.

LLVM turns a loop into SIMD only if everything in it is arithmetic: a call of the C library's `expf` stops it, and
costs some ten nanoseconds for each element. Here they are additions, multiplications and shifts of bits, which LLVM
vectorises like any others: 16 elements at a time where the processor has AVX-512. float64 calls the C library, because
gradient checks want its last bits more than speed.

**exp.** With n the whole number nearest to x / ln 2 and r = x - n ln 2, exp(x) = 2ⁿ exp(r), and |r| is at most 0.35: a
polynomial of degree 6 is enough. Adding and taking away MAGIC = 1.5 · 2²³ + 254 rounds to a whole number. The lowest
bits of the sum are then n + 254, twice the bias of an exponent. Two halves of that number, moved to the place of the
exponent, are the bits of two powers of two, whose product is 2ⁿ. One power alone would not reach the denormal numbers.
`decay` is exp for x ≤ 0 with 0 for those numbers, and needs only the one: softmax and the distributions lose nothing.

**Φ**, the normal distribution function. For z ≥ 0, Φ(-z) = exp(-z²/2) P(z) / Q(z) with polynomials of degree 3 and 4.
Without the exponential, Φ(-z) falls as slowly as 1/z, which such a quotient follows. The density φ needs the same exp.

The coefficients are least-squares fits of ours to the relative error, with weights moved until the error is level. The
largest errors of the float32 functions, relative to the exact value: exp 8e-8, sigmoid 2e-7, tanh 2e-7, Φ 5e-7 for
x > -5, and 4e-6 in the far left tail, where the rounding of x² costs as much.

**The width of the registers.** On many processors with AVX-512, LLVM uses only half of each register, because programs
that mix both widths run better so. A loop full of arithmetic is faster with all of it: `full_width` says so for the
function that calls it.
"""

import math

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.extending import intrinsic, overload

from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.lanes import LANES

F = np.float32
SMALLEST, LARGEST = F(-104), F(89)     # exp is 0 below and infinite above
BIAS = 127                             # of the exponent of a float32
MAGIC, MAGIC_ONCE = F(12582912 + 2 * BIAS), F(12582912 + BIAS)
PER_LN2, LN2_HIGH, LN2_LOW = F(1 / math.log(2)), F(0.693359375), F(math.log(2) - 0.693359375)
E2, E3, E4, E5, E6 = (F(c) for c in (0.49999993, 0.16666515, 0.04166846, 0.00836942, 0.00138131))
T3, T5, T7, T9, T11 = (F(c) for c in (-0.333332856, 0.133315482, -0.0537491184, 0.0206714815, -0.00574300598))
P0, P1, P2, P3 = (F(c) for c in (0.49999982, 0.36101452, 0.11898264, 0.016917659))
Q1, Q2, Q3, Q4 = (F(c) for c in (1.5198957, 0.95080936, 0.29803404, 0.042411592))
ZERO, HALF, ONE, TWO, SHORT, FAR = F(0), F(0.5), F(1), F(2), F(0.62), F(16)
LEAST = F(-87.33)                      # e to this power is about the smallest normal number
DENSITY = F(1 / math.sqrt(2 * math.pi))
HALVED = np.int32(1)                   # by how far bits move
SIGN, ALL_BUT_SIGN, LOWEST = np.int32(31), np.int32(0x7FFFFFFF), np.int32(-0x80000000)


# These functions become part of the loops that call them, and keep their own rules of arithmetic there: a loop that may
# reorder its sums (reassoc) must not reorder x + MAGIC - MAGIC.
INLINED = {"forceinline": True, "fastmath": {"contract", "nsz"}}


@intrinsic
def float_of(typing_context, bits):
    """The float32 whose bits these are."""
    def generate(context, builder, signature, args):
        return builder.bitcast(args[0], ir.FloatType())
    return types.float32(types.int32), generate


@intrinsic
def bits_of(typing_context, x):
    """The bits of a float32, an int32."""
    def generate(context, builder, signature, args):
        return builder.bitcast(args[0], ir.IntType(32))
    return types.int32(types.float32), generate


@intrinsic
def power_of_two(typing_context, exponent):
    """2ⁿ, a float32, of n + 127 in the lowest bits of an int32."""
    def generate(context, builder, signature, args):
        return builder.bitcast(builder.shl(args[0], ir.IntType(32)(23)), ir.FloatType())
    return types.float32(types.int32), generate


@intrinsic
def full_width(typing_context):
    """Loops of the function that calls this use whole vector registers, not halves of them."""
    def generate(context, builder, signature, args):
        if LANES == 16:
            set.add(builder.function.attributes, '"prefer-vector-width"="512"')   # llvmlite's own `add` knows no values
        return context.get_dummy_value()
    return types.void(), generate


if config.DISABLE_JIT:                 # an intrinsic cannot be called from Python
    def full_width():
        pass


def exp(x):
    """eˣ."""
    return np.exp(x)


@overload(exp, jit_options=INLINED)
def compiled_exp(x):
    if x != types.float32:
        return lambda x: math.exp(x)

    def exp32(x):
        x = SMALLEST if x < SMALLEST else x            # written so that NaN stays NaN
        x = LARGEST if x > LARGEST else x
        shifted = x * PER_LN2 + MAGIC
        whole = bits_of(shifted)
        half = np.int32(whole >> HALVED)
        return exp_of_rest(x, shifted - MAGIC) * power_of_two(half) * power_of_two(np.int32(whole - half))

    return exp32


@jit(cache=False, **INLINED)
def exp_of_rest(x, n):
    """exp(x - n ln 2), for n near x / ln 2."""
    r = (x - n * LN2_HIGH) - n * LN2_LOW               # n · LN2_HIGH is exact
    return (((((E6 * r + E5) * r + E4) * r + E3) * r + E2) * r + ONE) * r + ONE


def decay(x):
    """eˣ for x ≤ 0; 0 where that is no normal number."""
    return np.exp(x)


@overload(decay, jit_options=INLINED)
def compiled_decay(x):
    if x != types.float32:
        return lambda x: math.exp(x)

    def decay32(x):
        shifted = x * PER_LN2 + MAGIC_ONCE
        y = exp_of_rest(x, shifted - MAGIC_ONCE) * power_of_two(bits_of(shifted))
        return ZERO if x < LEAST else y

    return decay32


def sigmoid(x):
    """1 / (1 + e⁻ˣ)."""
    return np.exp(-np.logaddexp(0, -x))


@overload(sigmoid, jit_options=INLINED)
def compiled_sigmoid(x):
    one = ONE if x == types.float32 else 1.0

    def sigmoid_of(x):
        e = decay(-abs(x))                             # at most 1: nothing overflows
        return (one if x >= 0 else e) / (one + e)

    return sigmoid_of


def tanh(x):
    """(eˣ - e⁻ˣ) / (eˣ + e⁻ˣ)."""
    return np.tanh(x)


@overload(tanh, jit_options=INLINED)
def compiled_tanh(x):
    if x != types.float32:
        return lambda x: math.tanh(x)

    def tanh32(x):
        s = x * x
        near = x * (ONE + s * ((((T11 * s + T9) * s + T7) * s + T5) * s + T3))
        e = decay(-TWO * abs(x))
        far = (ONE - e) / (ONE + e)
        far = -far if x < ZERO else far
        return near if abs(x) < SHORT else far

    return tanh32


def normal(x):
    """(Φ(x), φ(x)): the distribution function and the density of the normal distribution."""
    return (1 + math.erf(x / math.sqrt(2))) / 2, math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


@overload(normal, jit_options=INLINED)
def compiled_normal(x):
    if x != types.float32:
        return lambda x: ((1 + math.erf(x / math.sqrt(2))) / 2, math.exp(-x * x / 2) / math.sqrt(2 * math.pi))

    def normal32(x):
        z = abs(x)
        z = FAR if z > FAR else z
        e = decay(-HALF * z * z)
        p, q = ((P3 * z + P2) * z + P1) * z + P0, (((Q4 * z + Q3) * z + Q2) * z + Q1) * z + ONE
        tail = e * p / q
        return (ONE - tail if x > ZERO else tail), DENSITY * e

    return normal32


def largest(x):
    """The maximum of a vector of at least one value."""
    return np.max(x)


@overload(largest)
def compiled_largest(x):
    if x.dtype != types.float32:
        def largest64(x):
            top = x[0]
            for i in range(1, x.size):
                top = x[i] if x[i] > top or x[i] != x[i] else top
            return top

        return largest64

    def largest32(x):
        """Whole numbers have a SIMD maximum. Positive floats sort as their bits do, negative ones backwards."""
        top = LOWEST
        for i in range(x.size):
            bits = bits_of(x[i])
            top = max(top, np.int32(bits ^ np.int32(np.int32(bits >> SIGN) & ALL_BUT_SIGN)))
        return float_of(np.int32(top ^ np.int32(np.int32(top >> SIGN) & ALL_BUT_SIGN)))

    return largest32
