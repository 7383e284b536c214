"""Kernels: the hot loops of the engine. They take and return arrays; they know no Tensor and no graph.

There are two kinds of folders. `machine/` has the parts that all kernels use: threads, compiling, memory, SIMD. Each of
the others is a family of kernels: `spec.py` is the reference implementation in plain NumPy, to be read first; `fast.py`
has the functions of the same names that run, and chooses a branch for each shape; the other files are the branches.
"""

from tinynet.kernels.machine.backend import backend, use
from tinynet.kernels import (
    activation, attention, conv, elementwise, matmul, norm, pool, quantized, reduce, shortcut, softmax)
from tinynet.kernels.machine import threads

__all__ = ["backend", "use", "activation", "attention", "conv", "elementwise", "matmul", "norm", "pool", "quantized",
           "reduce", "shortcut", "softmax", "threads"]
