"""Scaled dot-product attention."""

import math

import numpy as np

from tinynet import dtypes
from tinynet.nn import check
from tinynet.ops.attention import Attention
from tinynet.tensor import Tensor


def scaled_dot_product_attention(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False,
                                 scale=None, enable_gqa=False):
    """softmax(scale · q kᵀ + mask) v: see `ops.attention.Attention`. scale defaults to 1 / √E.

    q (..., L, E), k (..., S, E), v (..., S, Ev) -> (..., L, Ev). `attn_mask` broadcasts to (..., L, S): bool,
    true where a query may look, or float, added to the scores. `is_causal`: query i sees keys 0 ... i.
    `dropout_p`, a probability, is applied whether training or not, as in PyTorch. ValueError for `attn_mask`
    and `is_causal` together. Vaswani et al. 2017, section 3.2.1.
    """
    name = "scaled_dot_product_attention"
    check.refuse(name, enable_gqa=enable_gqa)
    check.floats(name, query, key, value)
    check.probability(name, "dropout_p", dropout_p)
    if is_causal and attn_mask is not None:
        raise ValueError(f"{name}: expected attn_mask or is_causal, got both")
    _check_attention(name, query.shape, key.shape, value.shape, () if attn_mask is None else attn_mask.shape)
    if is_causal:
        attn_mask = Tensor(np.tri(query.shape[-2], key.shape[-2], dtype=bool))
    if attn_mask is not None and attn_mask.dtype == dtypes.bool:
        attn_mask = Tensor(np.where(attn_mask.array, 0, -np.inf).astype(query.dtype))
    check.floats(name, query, attn_mask)
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    return Attention.apply(query, key, value, attn_mask, scale, dropout_p)


def _check_attention(name, q, k, v, mask):
    if min(map(len, (q, k, v))) < 2 or q[-1] != k[-1] or k[-2] != v[-2]:
        raise ValueError(f"{name}: expected (..., L, E), (..., S, E), (..., S, Ev), got {q}, {k}, {v}")
    scores = q[-2], k[-2]
    try:
        batch = np.broadcast_shapes(q[:-2], k[:-2], v[:-2])
        fits = np.broadcast_shapes(batch + scores, mask) == batch + scores
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"{name}: query {q}, key {k}, value {v} and attn_mask {mask} do not broadcast to "
                         f"(..., {scores[0]}, {scores[1]})")
