"""Lengths of vectors, and how far they are from each other."""

import math

from tinynet.nn import check
from tinynet.ops.choice import where
from tinynet.ops.parts import broadcast_tensors
from tinynet.ops.products import norm


def _length(x, p, dim, keepdim=False):
    """(Σ |x|^p)^(1/p) over `dim`; its gradient at a vector of zeros is 0, as in PyTorch."""
    if p == 1:
        return x.abs().sum(dim, keepdim)
    if p == math.inf:
        return x.abs().amax(dim, keepdim)
    if p == 0:
        return norm(x, 0, dim, keepdim)
    powers = ((x * x) if p == 2 else x.abs() ** p).sum(dim, keepdim)
    zero = powers == 0
    return (where(zero, powers + 1, powers) ** (1 / p)) * where(zero, 0.0, 1.0).to(x.dtype)


def normalize(input, p=2.0, dim=1, eps=1e-12, out=None):
    """x / max(‖x‖_p, eps) along `dim`: any shape -> the same. `p` is the norm's. As PyTorch's."""
    check.floats("normalize", input)
    check.refuse("normalize", out=out)
    return input / _length(input, p, dim, True).clamp(min=eps)


def cosine_similarity(x1, x2, dim=1, eps=1e-8):
    """Σ x1 x2 / (max(‖x1‖, eps) max(‖x2‖, eps)) over `dim`; the two broadcast. As PyTorch's."""
    check.floats("cosine_similarity", x1, x2)
    x1, x2 = broadcast_tensors(x1, x2)
    lengths = [_length(x, 2, dim).clamp(min=eps) for x in (x1, x2)]
    return (x1 * x2).sum(dim) / (lengths[0] * lengths[1])


def pairwise_distance(x1, x2, p=2.0, eps=1e-6, keepdim=False):
    """‖x1 - x2 + eps‖_p over the last axis: (N, D), (N, D) -> (N,); the two broadcast. As PyTorch's.

    `p` is the norm's.
    """
    check.tensor("pairwise_distance", x1)
    return _length(x1 - x2 + eps, p, -1, keepdim)
