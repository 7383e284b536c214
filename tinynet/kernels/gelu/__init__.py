"""GELU, exact and with tanh."""

from tinynet.kernels.gelu.spec import gelu, gelu_backward

__all__ = ["gelu", "gelu_backward"]
