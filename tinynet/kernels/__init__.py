"""Kernels: the hot loops of the engine. Arrays in, arrays out; no Tensor and no gradient graph on this floor."""

from tinynet.kernels.backend import backend, use
from tinynet.kernels import conv, elementwise, gelu, matmul, norm, pool, threads

__all__ = ["backend", "use", "conv", "elementwise", "gelu", "matmul", "norm", "pool", "threads"]
