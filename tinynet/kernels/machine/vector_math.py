"""exp, tanh, sigmoid, the normal distribution and the maximum, so that a loop over float32 becomes SIMD.

LLVM turns a loop into SIMD only if everything in it is arithmetic: a call of the C library's `expf` stops it, and
costs some ten nanoseconds for each element. Here they are additions, multiplications and shifts of bits, which LLVM
vectorises like any others: 16 elements at a time where the processor has AVX-512. float64 calls the C library, because
gradient checks want its last bits more than speed.

**exp.** With n the whole number nearest to x / ln 2 and r = x - n ln 2, exp(x) = 2ⁿ exp(r), and |r| is at most 0.35: a
polynomial of degree 6 is enough. 2ⁿ needs no multiplication, because n is added to the exponent's bits. Adding and
taking away MAGIC = 1.5 · 2²³ rounds to a whole number, which then stands in the lowest bits of the sum.

**Φ**, the normal distribution function. For z ≥ 0, Φ(-z) = exp(-z²/2) P(t) with t = 1 / (1 + 0.35 z) (the form is that
of Abramowitz & Stegun 1964, 26.2.17). The density φ needs the same exp.

The coefficients are least-squares fits of ours to the relative error, with weights moved until the error is level. The
largest errors of the float32 functions, relative to the exact value: exp 9e-8, sigmoid 2e-7, tanh 2e-7, Φ 7e-7 for
x > -5, and 4e-6 in the far left tail, where the rounding of x² costs as much.
"""

import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

F = np.float32
SMALLEST, LARGEST = F(-104), F(89)     # exp is 0 below and infinite above
MAGIC, MAGIC_BITS = F(12582912), np.int32(0x4B400000)
PER_LN2, LN2_HIGH, LN2_LOW = F(1 / math.log(2)), F(0.693359375), F(math.log(2) - 0.693359375)
E2, E3, E4, E5, E6 = (F(c) for c in (0.49999993, 0.16666515, 0.04166846, 0.00836942, 0.00138131))
T3, T5, T7, T9, T11 = (F(c) for c in (-0.333332856, 0.133315482, -0.0537491184, 0.0206714815, -0.00574300598))
P1, P2, P3, P4, P5, P6, P7, P8, P9 = (F(c) for c in (
    0.139621404, 0.139861876, 0.11983282, 0.105508201, -0.0231103229, 0.159174897, -0.255714921, 0.143972029,
    -0.029146))
ZERO, HALF, ONE, TWO, SHORT, SCALE = F(0), F(0.5), F(1), F(2), F(0.62), F(0.35)
DENSITY = F(1 / math.sqrt(2 * math.pi))
EXPONENT, BIAS, EVEN = np.int32(23), np.int32(127), np.int32(1)
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
        n = shifted - MAGIC
        r = (x - n * LN2_HIGH) - n * LN2_LOW           # n · LN2_HIGH is exact
        p = ((((E6 * r + E5) * r + E4) * r + E3) * r + E2) * r * r + r + ONE
        whole = bits_of(shifted) - MAGIC_BITS
        half = whole >> EVEN                           # 2ⁿ in two factors: near the ends one alone is no normal number
        return p * float_of((half + BIAS) << EXPONENT) * float_of((whole - half + BIAS) << EXPONENT)

    return exp32


def sigmoid(x):
    """1 / (1 + e⁻ˣ)."""
    return np.exp(-np.logaddexp(0, -x))


@overload(sigmoid, jit_options=INLINED)
def compiled_sigmoid(x):
    one = ONE if x == types.float32 else 1.0

    def sigmoid_of(x):
        e = exp(-abs(x))                               # at most 1: nothing overflows
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
        size = abs(x)
        far = ONE - TWO / (exp(size + size) + ONE)
        far = -far if x < ZERO else far
        return near if size < SHORT else far

    return tanh32


def normal(x):
    """(Φ(x), φ(x)): the distribution function and the density of the normal distribution."""
    return (1 + math.erf(x / math.sqrt(2))) / 2, math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


@overload(normal, jit_options=INLINED)
def compiled_normal(x):
    if x != types.float32:
        return lambda x: ((1 + math.erf(x / math.sqrt(2))) / 2, math.exp(-x * x / 2) / math.sqrt(2 * math.pi))

    def normal32(x):
        e = exp(-HALF * x * x)
        t = ONE / (ONE + SCALE * abs(x))
        tail = e * t * ((((((((P9 * t + P8) * t + P7) * t + P6) * t + P5) * t + P4) * t + P3) * t + P2) * t + P1)
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
