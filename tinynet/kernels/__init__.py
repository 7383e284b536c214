"""Kernels: the hot loops of the engine. Arrays in, arrays out; no Tensor and no gradient graph on this floor.

There are two kinds of folders. `machine/` is what every kernel runs on: threads, compiling, memory, SIMD. Each of the
others is a family of kernels: `spec.py` is the reference implementation in plain NumPy, to be read first; `fast.py` has
the functions of the same names that run, and chooses the branch for a shape; the branches stand beside it.
"""

from tinynet.kernels.machine.backend import backend, use
from tinynet.kernels import (
    activation, attention, conv, elementwise, matmul, norm, pool, quantized, reduce, shortcut, softmax)
from tinynet.kernels.machine import threads

__all__ = ["backend", "use", "activation", "attention", "conv", "elementwise", "matmul", "norm", "pool", "quantized",
           "reduce", "shortcut", "softmax", "threads"]
