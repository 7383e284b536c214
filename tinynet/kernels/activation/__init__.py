"""Activation functions with exponentials in them: sigmoid, tanh, SiLU, and GELU, exact and with tanh."""

from tinynet.kernels.activation.spec import (
    gelu, gelu_backward, sigmoid, sigmoid_backward, silu, silu_backward, tanh, tanh_backward)

__all__ = ["gelu", "gelu_backward", "sigmoid", "sigmoid_backward", "silu", "silu_backward", "tanh", "tanh_backward"]
