"""Sums over axes, of floating-point arrays."""

import numpy as np

from tinynet.kernels.machine.backend import kernel


@kernel
def total(x, axes):
    """Σ x over a tuple of axes, which the result lacks; summed in float64, and float64 it is."""
    return np.asarray(np.sum(x, axes, np.float64))


@kernel
def all_finite(x):
    """Whether no element is infinite or NaN; sometimes False for very large ones, whose sum overflows."""
    return bool(np.isfinite(x.sum()))
