"""Sigmoid σ(x), tanh, SiLU x σ(x), and GELU x Φ(x). NumPy has no erf: here it is called for one element at a time."""

import math

import numpy as np

from tinynet.kernels.machine.backend import kernel

SLOPE, CUBIC = math.sqrt(2 / math.pi), 0.044715        # Φ(x) ≈ (1 + tanh(SLOPE (x + CUBIC x³))) / 2
erf = np.vectorize(math.erf, otypes=[np.float64])


@kernel
def sigmoid(x):
    """y = 1 / (1 + e⁻ˣ), written with tanh, which cannot overflow."""
    half = x.dtype.type(0.5)
    return (1 + np.tanh(x * half)) * half


@kernel
def sigmoid_backward(dy, y):
    """dx = dy y (1 - y)."""
    return dy * y * (1 - y)


@kernel
def tanh(x):
    """y = tanh x."""
    return np.tanh(x)


@kernel
def tanh_backward(dy, y):
    """dx = dy (1 - y²)."""
    return dy * (1 - y * y)


@kernel
def silu(x, out=None):
    """y = x σ(x). `out` may be x itself."""
    return np.multiply(x, sigmoid.numpy(x), out=out)


@kernel
def silu_backward(dy, x):
    """dx = dy σ (1 + x (1 - σ))."""
    s = sigmoid.numpy(x)
    return dy * s * (1 + x * (1 - s))


@kernel
def gelu(x, tanh=False):
    """y = x Φ(x)."""
    return (x * _distribution(x, tanh)).astype(x.dtype)


@kernel
def gelu_backward(dy, x, tanh=False):
    """dx = dy (Φ(x) + x Φ'(x))."""
    return (dy * (_distribution(x, tanh) + x * _density(x, tanh))).astype(x.dtype)


def _distribution(x, tanh):
    return (1 + (np.tanh(SLOPE * (x + CUBIC * x**3)) if tanh else erf(x / math.sqrt(2)))) / 2


def _density(x, tanh):
    if not tanh:
        return np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    t = np.tanh(SLOPE * (x + CUBIC * x**3))
    return (1 - t * t) * SLOPE * (1 + 3 * CUBIC * x * x) / 2
