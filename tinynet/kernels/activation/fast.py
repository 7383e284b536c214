"""The functions of `spec.py` in compiled loops.

Why they are fast. NumPy goes through memory once for each operation of a formula, and has no erf. Here each formula is
one pass. Its exponentials are those of `vector_math`, arithmetic that LLVM turns into SIMD, in registers of full width.
The threads get chunks of memory, whatever the order of the axes in it.
"""

import numpy as np

from tinynet.kernels.activation.spec import CUBIC, SLOPE
from tinynet.kernels.machine import vector_math as of
from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.flat import each
from tinynet.kernels.machine.vector_math import full_width

VECTORIZE = {"contract", "nsz"}        # NaN and infinity stay what they are


def sigmoid(x):
    return each(sigmoid_loop, x, np.empty_like(x))


def sigmoid_backward(dy, y):
    return each(sigmoid_gradient, dy, y, np.empty_like(y))


def tanh(x):
    return each(tanh_loop, x, np.empty_like(x))


def tanh_backward(dy, y):
    return each(tanh_gradient, dy, y, np.empty_like(y))


def silu(x, out=None):
    y = each(silu_loop, x, np.empty_like(x))
    if out is None:
        return y
    out[...] = y
    return out


def silu_backward(dy, x):
    return each(silu_gradient, dy, x, np.empty_like(x))


def gelu(x, tanh=False):
    return each(gelu_tanh_loop if tanh else gelu_loop, x, np.empty_like(x))


def gelu_backward(dy, x, tanh=False):
    return each(gelu_tanh_gradient if tanh else gelu_gradient, dy, x, np.empty_like(x))


@jit(fastmath=VECTORIZE)
def sigmoid_loop(x, y):
    full_width()
    for i in range(x.size):
        y[i] = of.sigmoid(x[i])


@jit(fastmath=VECTORIZE)
def sigmoid_gradient(dy, y, dx):
    full_width()
    one = y.dtype.type(1)
    for i in range(y.size):
        dx[i] = dy[i] * y[i] * (one - y[i])


@jit(fastmath=VECTORIZE)
def tanh_loop(x, y):
    full_width()
    for i in range(x.size):
        y[i] = of.tanh(x[i])


@jit(fastmath=VECTORIZE)
def tanh_gradient(dy, y, dx):
    full_width()
    one = y.dtype.type(1)
    for i in range(y.size):
        dx[i] = dy[i] * (one - y[i] * y[i])


@jit(fastmath=VECTORIZE)
def silu_loop(x, y):
    full_width()
    for i in range(x.size):
        y[i] = x[i] * of.sigmoid(x[i])


@jit(fastmath=VECTORIZE)
def silu_gradient(dy, x, dx):
    full_width()
    one = x.dtype.type(1)
    for i in range(x.size):
        s = of.sigmoid(x[i])
        dx[i] = dy[i] * s * (one + x[i] * (one - s))


@jit(fastmath=VECTORIZE)
def gelu_loop(x, y):
    full_width()
    for i in range(x.size):
        distribution, _ = of.normal(x[i])
        y[i] = x[i] * distribution


@jit(fastmath=VECTORIZE)
def gelu_gradient(dy, x, dx):
    full_width()
    for i in range(x.size):
        distribution, density = of.normal(x[i])
        dx[i] = dy[i] * (distribution + x[i] * density)


@jit(fastmath=VECTORIZE)
def gelu_tanh_loop(x, y):
    """(1 + tanh u) / 2 is sigmoid(2u), which keeps its digits where it is small."""
    full_width()
    double, cubic = x.dtype.type(2 * SLOPE), x.dtype.type(CUBIC)
    for i in range(x.size):
        v = x[i]
        y[i] = v * of.sigmoid(double * (v + cubic * v * v * v))


@jit(fastmath=VECTORIZE)
def gelu_tanh_gradient(dy, x, dx):
    full_width()
    one, double, cubic, three = x.dtype.type(1), x.dtype.type(2 * SLOPE), x.dtype.type(CUBIC), x.dtype.type(3 * CUBIC)
    for i in range(x.size):
        v = x[i]
        s = of.sigmoid(double * (v + cubic * v * v * v))
        dx[i] = dy[i] * s * (one + v * (one - s) * double * (one + three * v * v))
