"""Attention: over channels (squeeze-and-excitation), over the pixels of a map, and over sequences.

The arithmetic of the latter two, softmax(q kᵀ / √E) v, is `F.scaled_dot_product_attention`.
"""

import contextlib
import math

import numpy as np

from tinynet import dtypes
from tinynet.nn import functional as F, init
from tinynet.nn.activation import ReLU, Sigmoid
from tinynet.nn.containers import Sequential
from tinynet.nn.conv import Conv2d
from tinynet.nn.linear import Linear
from tinynet.nn.module import Module
from tinynet.nn.parameter import Parameter, parameter_dtype
from tinynet.ops.joining import cat
from tinynet.tensor import Tensor


class SEBlock(Module):
    """y = g · x, each channel scaled by a gate g = σ(W₂ relu(W₁ mean(x))) that looks at all channels' means.

    (N, C, H, W) -> the same; W₁ (C / reduction, C) and W₂ (C, C / reduction) have no bias: 2 C² / reduction
    parameters. `reduction` is 16 unless given, or C where there are fewer channels. ValueError unless it is from 1
    to C. Hu, Shen & Sun 2018, "Squeeze-and-Excitation Networks", section 3.

    The block looks at each image by itself, so its gates do not depend on the batch; a BatchNorm around it does
    (docs/optimization.md, "Small batches"). Set `gates` to a list, and every forward pass appends its gates to it,
    an array (N, C); `watch_gates(model)` does so for all blocks of a network.
    """

    def __init__(self, channels, reduction=None):
        super().__init__()
        reduction = min(16, channels) if reduction is None else reduction
        if not 1 <= reduction <= channels:
            raise ValueError(f"SEBlock: expected a reduction from 1 to {channels}, the number of channels, "
                             f"got {reduction}")
        self.channels, self.reduction = channels, reduction
        self.fc = Sequential(Linear(channels, channels // reduction, bias=False), ReLU(),
                             Linear(channels // reduction, channels, bias=False), Sigmoid())
        self.gates = None

    def forward(self, x):
        check_map(self, x, self.channels)
        n, c = x.shape[:2]
        gates = self.fc(F.adaptive_avg_pool2d(x, 1).reshape(n, c))
        if self.gates is not None:
            self.gates.append(gates.array.copy())
        return x * gates.reshape(n, c, 1, 1)

    def title(self):
        return f"SEBlock({self.channels})"

    def extra_repr(self):
        return f"{self.channels}, reduction={self.reduction}"


@contextlib.contextmanager
def watch_gates(model):
    """Record the gates of every SEBlock of `model`: {path: [array (N, C) of each forward pass]}.

        with watch_gates(model) as gates:
            model(images)

    Hu, Shen & Sun 2018, section 7.2, look at gates in this way.
    """
    blocks = {path: module for path, module in model.named_modules() if isinstance(module, SEBlock)}
    before = {path: block.gates for path, block in blocks.items()}
    for block in blocks.values():
        block.gates = []
    try:
        yield {path: block.gates for path, block in blocks.items()}
    finally:
        for path, block in blocks.items():
            block.gates = before[path]


class SelfAttention(Module):
    """y = x + γ · attention(q, k, v), every pixel looking at all others; γ starts at 0, so at first y = x.

    q, k, v are 1x1 convolutions of x (`query`, `key`, `value`); the scores are divided by √(C / num_heads).
    ValueError unless the heads divide C.
    (N, C, H, W) -> the same; 3 C (C + 1) + 1 parameters, memory for (H·W)² scores of each head.
    Zhang et al. 2019, "Self-Attention Generative Adversarial Networks", section 3 (with narrower q and k).
    """

    def __init__(self, channels, num_heads=1):
        super().__init__()
        check_heads("SelfAttention", channels, num_heads)
        self.channels, self.num_heads = channels, num_heads
        self.query, self.key, self.value = (Conv2d(channels, channels, 1) for _ in range(3))
        self.gamma = Parameter(np.zeros(1, dtypes.float32))

    def forward(self, x):
        check_map(self, x, self.channels)
        n, c, h, w = x.shape
        q, k, v = (layer(x).reshape(n, self.num_heads, -1, h * w).transpose(2, 3)   # (N, heads, H·W, C/heads)
                   for layer in (self.query, self.key, self.value))
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2)                 # (N, H·W, heads, C/heads)
        y = y.reshape(n, h, w, c).permute(0, 3, 1, 2)                               # (N, C, H, W)
        return x + self.gamma * y

    def title(self):
        return f"SelfAttention({self.channels})"

    def extra_repr(self):
        return f"{self.channels}, num_heads={self.num_heads}"


class MultiheadAttention(Module):
    """y = W_o concat(head₁, ..., head_h) + b_o, head_i = softmax(q_i k_iᵀ / √(E/h)) v_i.

    q, k and v are linear in query, key and value; where these are one tensor, it is self-attention.
    query (L, N, E), key (S, N, kdim), value (S, N, vdim) -> y (L, N, E), mean weights of the heads (N, L, S)
    or all of them, (N, heads, L, S), with `average_attn_weights=False`; None with `need_weights=False`, which
    is faster. With `batch_first` N comes first; a single sequence has no N.

    `key_padding_mask` (N, S) and `attn_mask` (L, S) or (N·heads, L, S) forbid where they are True; floats are
    added to the scores. With `is_causal`, query i sees keys 0 ... i; if there is an `attn_mask`, `is_causal` has no
    effect (PyTorch requires both). A query that may see no key gets zeros. Dropout acts on the weights.

    `add_bias_kv` adds a learned key and value to every sequence, `add_zero_attn` a key and value of zeros.

    4 E (E + 1) parameters: `in_proj_weight` (3E, E) holds those of q, k, v one below the other; if kdim or
    vdim is not E, they are apart. ValueError unless the heads divide E.
    Vaswani et al. 2017, "Attention Is All You Need", section 3.2.2.
    """

    def __init__(self, embed_dim, num_heads, dropout=0.0, bias=True, add_bias_kv=False, add_zero_attn=False,
                 kdim=None, vdim=None, batch_first=False, device=None, dtype=None):
        super().__init__()
        check_heads("MultiheadAttention", embed_dim, num_heads)
        dtype = parameter_dtype(device, dtype)
        self.embed_dim, self.num_heads = embed_dim, num_heads
        self.dropout, self.batch_first = dropout, batch_first
        self.kdim, self.vdim = (embed_dim if dim is None else dim for dim in (kdim, vdim))
        if self.kdim == self.vdim == embed_dim:
            self.in_proj_weight = Parameter(np.empty((3 * embed_dim, embed_dim), dtype))
        else:
            self.in_proj_weight = None
            for name, dim in ("q", embed_dim), ("k", self.kdim), ("v", self.vdim):
                setattr(self, f"{name}_proj_weight", Parameter(np.empty((embed_dim, dim), dtype)))
        self.in_proj_bias = Parameter(np.empty(3 * embed_dim, dtype)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, dtype=dtype)
        self.add_zero_attn = add_zero_attn
        for name in ("bias_k", "bias_v"):
            setattr(self, name, Parameter(np.empty((1, 1, embed_dim), dtype)) if add_bias_kv else None)
        self.reset_parameters()

    def reset_parameters(self):
        """Draw new initial values: Xavier's for the weights and for the added key and value, 0 for the biases."""
        for name, parameter in self.named_parameters(recurse=False):
            draw = {"in_proj_bias": init.zeros_, "bias_k": init.xavier_normal_, "bias_v": init.xavier_normal_}
            draw.get(name, init.xavier_uniform_)(parameter)
        self.out_proj.reset_parameters()
        if self.out_proj.bias is not None:
            init.zeros_(self.out_proj.bias)

    def forward(self, query, key, value, key_padding_mask=None, need_weights=True, attn_mask=None,
                average_attn_weights=True, is_causal=False):
        self._check(query, key, value)
        q, k, v = self._project(query, key, value)                               # (N, heads, L or S, E/heads)
        mask = self._mask(attn_mask, key_padding_mask, is_causal, q, k.shape[2])
        k, v, mask = self._with_added_keys(k, v, mask)
        y, weights = attend(q, k, v, mask, self.dropout if self.training else 0.0, need_weights)
        y = self.out_proj(y.transpose(1, 2).flatten(2))                          # (N, L, E)
        if need_weights and average_attn_weights:
            weights = weights.mean(1)                                            # (N, L, S)
        if query.ndim == 2:
            return y.squeeze(0), weights.squeeze(0) if need_weights else None
        return (y if self.batch_first else y.transpose(0, 1)), weights

    def _check(self, query, key, value):
        shapes = query.shape, key.shape, value.shape
        sizes = [shape[-1:] for shape in shapes]
        batch = [shape[not self.batch_first:][:1] for shape in shapes if len(shape) == 3]
        if (sizes != [(self.embed_dim,), (self.kdim,), (self.vdim,)] or key.shape[:-1] != value.shape[:-1]
                or query.ndim not in (2, 3) or query.ndim != key.ndim or len(set(batch)) > 1):
            form = "(N, {}, {})" if self.batch_first else "({}, N, {})"
            wanted = ", ".join(form.format(*which) for which in
                               (("L", self.embed_dim), ("S", self.kdim), ("S", self.vdim)))
            raise ValueError(f"{self.title()}: expected query, key and value {wanted}, or all without N, got "
                             f"{', '.join(map(str, shapes))}")

    def _project(self, query, key, value):
        """q, k and v of each head; one product makes all of them where the three inputs are one."""
        if query is key and key is value and self.in_proj_weight is not None:
            x = self._batch_first(query)
            projected = F.linear(x, self.in_proj_weight, self.in_proj_bias).chunk(3, -1)
        else:
            apart = self.in_proj_weight is None
            weights = ((self.q_proj_weight, self.k_proj_weight, self.v_proj_weight) if apart else
                       self.in_proj_weight.chunk(3))
            biases = [None] * 3 if self.in_proj_bias is None else self.in_proj_bias.chunk(3)
            projected = map(F.linear, map(self._batch_first, (query, key, value)), weights, biases)
        return [x.reshape(*x.shape[:2], self.num_heads, self.embed_dim // self.num_heads).transpose(1, 2)
                for x in projected]

    def _with_added_keys(self, k, v, mask):
        """One more key and value, `bias_k` and `bias_v`, and one of zeros, where asked for. Every query sees them."""
        n, heads, _, width = k.shape
        added = [] if self.bias_k is None else [(self.bias_k, self.bias_v)]
        added += [(k.new_zeros(width * heads),) * 2] if self.add_zero_attn else []
        for one in added:
            k, v = (cat([x, y.reshape(1, heads, 1, width).expand(n, heads, 1, width)], 2) for x, y in zip((k, v), one))
        return k, v, F.pad(mask, (0, len(added))) if added and mask is not None else mask

    def _batch_first(self, x):
        if x.ndim == 2:
            return x.unsqueeze(0)
        return x if self.batch_first else x.transpose(0, 1)

    def _mask(self, attn_mask, key_padding_mask, is_causal, q, s):
        """Both masks as one, added to scores (N, heads, L, S); None if there is nothing to forbid."""
        n, heads, l, _ = q.shape
        mask = None
        if attn_mask is None and is_causal:
            attn_mask = Tensor(~np.tri(l, s, dtype=bool))
        if attn_mask is not None:
            mask = self._added("attn_mask", attn_mask, q.dtype, (l, s), (n * heads, l, s))
            mask = mask.reshape(n, heads, l, s) if mask.ndim == 3 else mask
        if key_padding_mask is not None:
            padding = self._added("key_padding_mask", key_padding_mask, q.dtype, (n, s), *[(s,)] * (n == 1))
            padding = padding.reshape(n, 1, 1, s)
            mask = padding if mask is None else mask + padding
        return mask

    def _added(self, name, mask, dtype, *shapes):
        """The mask as a float tensor: -inf where a boolean one is True."""
        if mask.shape not in shapes:
            wanted = " or ".join(map(str, shapes))
            raise ValueError(f"{self.title()}: expected {name} {wanted}, got {mask.shape}")
        if mask.dtype not in (dtypes.bool, dtype):
            raise TypeError(f"{self.title()}: expected {name} of bool or {dtype}, got {mask.dtype}")
        return Tensor(np.where(mask.array, -np.inf, 0).astype(dtype)) if mask.dtype == dtypes.bool else mask

    def title(self):
        return f"MultiheadAttention({self.embed_dim}, {self.num_heads} heads)"

    def extra_repr(self):
        return f"{self.embed_dim}, {self.num_heads}, dropout={self.dropout}, batch_first={self.batch_first}"


def attend(q, k, v, mask, dropout, need_weights):
    """softmax(q kᵀ / √E + mask) v and, if needed, the weights, as they are after dropout."""
    if not need_weights:
        return F.scaled_dot_product_attention(q, k, v, mask, dropout), None
    scores = q @ k.transpose(-1, -2) * (1 / math.sqrt(q.shape[-1]))               # (N, heads, L, S)
    if mask is None:
        weights = F.softmax(scores, -1)
    else:
        blind = Tensor((mask.array == -np.inf).all(-1, keepdims=True))             # queries without a key
        weights = F.softmax((scores + mask).masked_fill(blind, 0), -1).masked_fill(blind, 0)
    weights = F.dropout(weights, dropout)
    return weights @ v, weights


def check_map(module, x, channels):
    """ValueError unless `x` is a batch of feature maps with so many channels."""
    if x.ndim != 4 or x.shape[1] != channels:
        raise ValueError(f"{module.title()}: expected input (N, {channels}, H, W), got {x.shape}")


def check_heads(name, size, num_heads):
    if num_heads < 1 or size % num_heads:
        raise ValueError(f"{name}: expected a size that {num_heads} heads can share equally, got {size}")
