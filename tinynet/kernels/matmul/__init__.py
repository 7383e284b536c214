"""The product of matrices, and of stacks of them."""

from tinynet.kernels.matmul.spec import linear, matmul

__all__ = ["linear", "matmul"]
