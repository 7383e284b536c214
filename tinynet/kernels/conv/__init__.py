"""Convolution. Read `spec.py` first, then `fast.py`, then the branch that you want to know."""

from tinynet.kernels.conv.spec import (
    METHODS, Geometry, conv2d, conv2d_backward_input, conv2d_backward_weight, conv2d_norm, joins_norm, norm_conv2d,
    norm_conv2d_backward_weight, out_size, use_method, windows)

__all__ = ["METHODS", "Geometry", "conv2d", "conv2d_backward_input", "conv2d_backward_weight", "conv2d_norm",
           "joins_norm", "norm_conv2d", "norm_conv2d_backward_weight", "out_size", "use_method", "windows"]
