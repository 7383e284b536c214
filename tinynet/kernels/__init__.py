"""Kernels: the hot loops of the engine. Arrays in, arrays out; no Tensor and no gradient graph on this floor."""

from tinynet.kernels.backend import backend, use

__all__ = ["backend", "use"]
