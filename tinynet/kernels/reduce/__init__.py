"""Sums over axes."""

from tinynet.kernels.reduce.spec import total

__all__ = ["total"]
