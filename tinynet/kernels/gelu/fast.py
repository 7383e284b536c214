"""GELU in compiled loops, one element at a time in float64; the formulas are in `gelu.py`."""

import math

import numpy as np

from tinynet.kernels.machine.compile import jit
from tinynet.kernels.gelu.spec import CUBIC, SLOPE
from tinynet.kernels.machine.threads import parallel_for

GRAIN = 1 << 14
ROOT_2, ROOT_2_PI = math.sqrt(2), math.sqrt(2 * math.pi)


def gelu(x, tanh=False):
    y = np.empty_like(x)
    _walk(forward_tanh if tanh else forward_erf, x, y)
    return y


def gelu_backward(dy, x, tanh=False):
    dx = np.empty_like(x)
    _walk(backward_tanh if tanh else backward_erf, dy, x, dx)
    return dx


def _walk(loop, *arrays):
    """Call `loop` on chunks of flat memory; all arrays are brought into the order of the last, the result."""
    result = arrays[-1]
    flat = [_like(array, result).ravel("K") for array in arrays[:-1]] + [result.ravel("K")]
    parallel_for(lambda start, stop: loop(*(a[start:stop] for a in flat)), result.size, GRAIN)


def _like(array, result):
    if array.strides == result.strides:
        return array
    copied = np.empty_like(result)
    copied[...] = array
    return copied


@jit
def forward_erf(x, y):
    for i in range(x.size):
        v = float(x[i])
        y[i] = v * (1 + math.erf(v / ROOT_2)) / 2


@jit
def forward_tanh(x, y):
    for i in range(x.size):
        v = float(x[i])
        y[i] = v * (1 + math.tanh(SLOPE * (v + CUBIC * v * v * v))) / 2


@jit
def backward_erf(dy, x, dx):
    for i in range(x.size):
        v = float(x[i])
        dx[i] = dy[i] * ((1 + math.erf(v / ROOT_2)) / 2 + v * math.exp(-v * v / 2) / ROOT_2_PI)


@jit
def backward_tanh(dy, x, dx):
    for i in range(x.size):
        v = float(x[i])
        t = math.tanh(SLOPE * (v + CUBIC * v * v * v))
        dx[i] = dy[i] * ((1 + t) / 2 + v * (1 - t * t) * SLOPE * (1 + 3 * CUBIC * v * v) / 2)
