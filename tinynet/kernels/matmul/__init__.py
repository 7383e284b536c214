"""The product of matrices, and of stacks of them."""

from tinynet.kernels.matmul.spec import matmul

__all__ = ["matmul"]
