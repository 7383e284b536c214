"""Sums over axes."""

from tinynet.kernels.reduce.spec import all_finite, total

__all__ = ["all_finite", "total"]
