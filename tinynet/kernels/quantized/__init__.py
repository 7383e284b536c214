"""Arithmetic of 8-bit integers."""

from tinynet.kernels.quantized.spec import conv2d, dequantize, linear, quantize, requantize

__all__ = ["conv2d", "dequantize", "linear", "quantize", "requantize"]
