"""Softmax, its logarithm, and cross-entropy."""

from tinynet.kernels.softmax.spec import (
    cross_entropy, cross_entropy_backward, log_softmax, log_softmax_backward, softmax, softmax_backward)

__all__ = ["cross_entropy", "cross_entropy_backward", "log_softmax", "log_softmax_backward", "softmax",
           "softmax_backward"]
