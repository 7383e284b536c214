"""Fully connected layers."""

from tinynet.nn import check
from tinynet.ops.linear import Linear


def linear(input, weight, bias=None):
    """y = x wᵀ + b. (..., C), (K, C), (K,) -> (..., K). As PyTorch's."""
    check.floats("linear", input, weight, bias)
    if weight.ndim != 2 or input.shape[-1:] != weight.shape[1:]:
        c = weight.shape[-1]
        raise ValueError(f"linear: expected input (..., {c}) and weight (K, {c}), "
                         f"got {input.shape} and {weight.shape}")
    check.shaped("linear", weight.shape[:1], bias=bias)
    return Linear.apply(input, weight, bias)
