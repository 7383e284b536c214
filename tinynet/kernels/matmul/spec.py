"""The product of matrices, and of stacks of them."""

import numpy as np

from tinynet.kernels.machine.backend import kernel


@kernel
def matmul(a, b):
    """a @ b for (..., M, K) and (..., K, N); the leading axes broadcast."""
    return np.matmul(a, b)


@kernel
def linear(x, w, b):
    """x wᵀ + b for rows x (M, C), w (K, C), b (K,) or None."""
    y = x @ w.T
    return y if b is None else y + b
