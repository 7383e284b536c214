"""Scaled dot-product attention."""

from tinynet.kernels.attention.spec import attention, attention_backward

__all__ = ["attention", "attention_backward"]
