"""GELU in compiled loops, which `vector_math` lets become SIMD. The formulas are in `spec.py`."""

import numpy as np

from tinynet.kernels.gelu.spec import CUBIC, SLOPE
from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.flat import matched, over_memory
from tinynet.kernels.machine.vector_math import normal, sigmoid

GRAIN = 1 << 14
VECTORIZE = {"contract", "nsz"}        # NaN and infinity stay what they are


def gelu(x, tanh=False):
    y = np.empty_like(x)
    _each(forward_tanh if tanh else forward_erf, x, y)
    return y


def gelu_backward(dy, x, tanh=False):
    dx = np.empty_like(x)
    _each(backward_tanh if tanh else backward_erf, dy, x, dx)
    return dx


def _each(loop, *arrays):
    """loop(part, ...) on chunks of memory. All arrays are brought into the order of the last one, the result."""
    over_memory(lambda _, *parts: loop(*parts), *[matched(a, arrays[-1]) for a in arrays], grain=GRAIN)


@jit(fastmath=VECTORIZE)
def forward_erf(x, y):
    for i in range(x.size):
        distribution, _ = normal(x[i])
        y[i] = x[i] * distribution


@jit(fastmath=VECTORIZE)
def backward_erf(dy, x, dx):
    for i in range(x.size):
        distribution, density = normal(x[i])
        dx[i] = dy[i] * (distribution + x[i] * density)


@jit(fastmath=VECTORIZE)
def forward_tanh(x, y):
    """(1 + tanh u) / 2 is sigmoid(2u), which keeps its digits where it is small."""
    double, cubic = x.dtype.type(2 * SLOPE), x.dtype.type(CUBIC)
    for i in range(x.size):
        v = x[i]
        y[i] = v * sigmoid(double * (v + cubic * v * v * v))


@jit(fastmath=VECTORIZE)
def backward_tanh(dy, x, dx):
    one, double, cubic, three = x.dtype.type(1), x.dtype.type(2 * SLOPE), x.dtype.type(CUBIC), x.dtype.type(3 * CUBIC)
    for i in range(x.size):
        v = x[i]
        s = sigmoid(double * (v + cubic * v * v * v))
        dx[i] = dy[i] * s * (one + v * (one - s) * double * (one + three * v * v))
