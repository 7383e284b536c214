"""Softmax of many rows, from its definition to the kernel that tinynet runs.

    python examples/softmax_ladder.py [--rows 4096] [--classes 128]

exp(x) / Σ exp(x) is one line, but six passes over memory in NumPy. Each step says what it improves.
"""

import math

import numba
import numpy as np
from ladder import Rung, arguments, climb, on_threads

from tinynet.kernels import softmax
from tinynet.kernels.machine.vector_math import exp


def definition(x):
    """Word for word. It overflows for x above 88: e⁸⁹ is no float32."""
    y = np.empty_like(x)
    for row in range(len(x)):
        total = 0.0
        for value in x[row]:
            total += math.exp(value)
        for i, value in enumerate(x[row]):
            y[row, i] = math.exp(value) / total
    return y


def shifted(x):
    """NumPy, and safe: the largest value becomes 0. Max, difference, exp, sum, quotient: five passes."""
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def rows_of(exponential):
    """The same, row by row in one compiled loop: a row stays in the nearest cache."""
    @numba.njit(nogil=True, error_model="numpy", fastmath={"contract", "nsz"})
    def compiled(x):
        y = np.empty_like(x)
        for row in range(len(x)):
            values, out, top, total = x[row], y[row], x[row, 0], np.float32(0)
            for i in range(values.size):
                top = values[i] if values[i] > top else top
            for i in range(values.size):
                out[i] = exponential(values[i] - top)
            for i in range(values.size):
                total += out[i]
            for i in range(values.size):
                out[i] /= total
        return y
    return compiled


RUNGS = (
    Rung("Python loops, word for word", definition, 1 / 64),
    Rung("NumPy, the maximum subtracted", shifted),
    Rung("one compiled loop, the C library's exp", rows_of(math.exp)),
    Rung("the same with an exp that becomes SIMD", rows_of(exp)),
    Rung("and SIMD sums and maxima (tinynet, one thread)", on_threads(1, lambda x: softmax.softmax(x, 1))),
    Rung("the same on two threads", on_threads(2, lambda x: softmax.softmax(x, 1))),
)


if __name__ == "__main__":
    sizes = arguments(__doc__, rows=4096, classes=128)
    scores = np.random.default_rng(0).standard_normal((sizes.rows, sizes.classes), np.float32)
    climb(RUNGS, scores, item="row", work=8 * sizes.classes, unit="GB/s")
