"""Fully connected layers."""

from tinynet.nn import check
from tinynet.nn.functional.whole_numbers import whole_numbers_too
from tinynet.ops.linear import Linear
from tinynet.ops.matmul import einsum


@whole_numbers_too
def linear(input, weight, bias=None):
    """y = x wᵀ + b. (..., C), (K, C), (K,) -> (..., K). As PyTorch's."""
    check.floats("linear", input, weight, bias)
    w_shape = weight.array.shape
    if len(w_shape) != 2 or input.array.shape[-1:] != w_shape[1:]:
        c = w_shape[-1]
        raise ValueError(f"linear: expected input (..., {c}) and weight (K, {c}), "
                         f"got {input.shape} and {weight.shape}")
    if bias is not None:
        check.shaped("linear", w_shape[:1], bias=bias)
    return Linear.apply(input, weight, bias)


def bilinear(input1, input2, weight, bias=None):
    """y_k = x1ᵀ W_k x2 + b_k. (..., C), (..., D), (K, C, D), (K,) -> (..., K). As PyTorch's."""
    check.floats("bilinear", input1, input2, weight, bias)
    if weight.ndim != 3 or (input1.shape[-1:], input2.shape[-1:]) != (weight.shape[1:2], weight.shape[2:]):
        raise ValueError(f"bilinear: expected (..., C), (..., D) and weight (K, C, D), got {input1.shape}, "
                         f"{input2.shape} and {weight.shape}")
    y = (einsum("...c,kcd->...kd", input1, weight) * input2.unsqueeze(-2)).sum(-1)
    return y if bias is None else y + bias
