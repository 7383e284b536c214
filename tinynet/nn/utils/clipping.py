"""Clipping gradients between `backward()` and the optimizer's step."""

import math

import numpy as np

from tinynet.tensor import Tensor


def clip_grad_norm_(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False):
    """Scale all gradients by min(1, max_norm / (norm + 1e-6)), in place, where `norm` is that of all of them
    together as one vector (Pascanu et al. 2013, https://arxiv.org/abs/1211.5063). Returns it, ().

    `norm_type` p > 0 (else: ValueError) takes (sum |g|^p)^(1/p), math.inf the largest |g|; sums are formed in
    float64. RuntimeError for a norm of NaN or infinity, if `error_if_nonfinite`.
    """
    norm_type = float(norm_type)
    if not norm_type > 0:
        raise ValueError(f"clip_grad_norm_: expected norm_type > 0, got {norm_type}")
    gradients = _gradients(parameters)
    if not gradients:
        return Tensor(np.zeros((), np.float32))
    norm = _norm([g.array for g in gradients], norm_type)
    if error_if_nonfinite and not math.isfinite(norm):
        raise RuntimeError(f"clip_grad_norm_: expected a finite norm of the gradients, got {norm}")
    scale = float(max_norm) / (norm + 1e-6)
    if not scale >= 1:                 # NaN too: it spreads, as in PyTorch
        for g in gradients:
            g.array *= scale
            g.bump()
    return Tensor(np.asarray(norm, np.result_type(*(g.dtype for g in gradients))))


def clip_grad_value_(parameters, clip_value):
    """Clip each element of the gradients to [-clip_value, clip_value], in place, as PyTorch does."""
    for g in _gradients(parameters):
        np.clip(g.array, -float(clip_value), float(clip_value), out=g.array)
        g.bump()


def _gradients(parameters):
    parameters = [parameters] if isinstance(parameters, Tensor) else parameters
    return [p.grad for p in parameters if p.grad is not None]


def _norm(arrays, p):
    if p == math.inf:
        return float(np.max([np.abs(g).max(initial=0) for g in arrays]))
    if p == 2:
        return math.sqrt(sum(float(np.square(g, dtype=np.float64).sum()) for g in arrays))
    return sum(float((np.abs(g, dtype=np.float64) ** p).sum()) for g in arrays) ** (1 / p)
