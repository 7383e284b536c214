"""The transformer's encoder: attention mixes the values of different positions, a small network works on each.

Vaswani et al. 2017, "Attention Is All You Need". Attention does not see the order: positions are added first.
"""

import copy

import numpy as np

from tinynet import dtypes
from tinynet.nn import functional as F, init
from tinynet.nn.blocks.attention import MultiheadAttention
from tinynet.nn.containers import ModuleList
from tinynet.nn.dropout import Dropout
from tinynet.nn.linear import Linear
from tinynet.nn.module import Module
from tinynet.nn.parameter import Parameter
from tinynet.nn.norm import LayerNorm
from tinynet.tensor import Tensor

ACTIVATIONS = {"relu": F.relu, "gelu": F.gelu}


def activation_of(name, activation):
    """The function that "relu" or "gelu" names; a callable is returned as it is."""
    if not callable(activation) and activation not in ACTIVATIONS:
        raise ValueError(f'{name}: expected activation "relu", "gelu" or a callable, got {activation!r}')
    return ACTIVATIONS.get(activation, activation)


class FeedForward(Module):
    """y = W₂ dropout(act(W₁ x + b₁)) + b₂ at each place by itself. (..., d_model) -> the same.

    2 d_model dim_feedforward + dim_feedforward + d_model parameters. Vaswani et al. 2017, section 3.3.
    `activation` is "relu", "gelu" or a callable, else ValueError.
    """

    def __init__(self, d_model, dim_feedforward=2048, dropout=0.0, activation="relu"):
        super().__init__()
        self.linear1 = Linear(d_model, dim_feedforward)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model)
        self.activation = activation_of("FeedForward", activation)

    def forward(self, x):
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


class TransformerEncoderLayer(Module):
    """Self-attention, then a network at each place, each with a residual and a LayerNorm.

    Post-norm (Vaswani et al. 2017): x = norm(x + f(x)). Pre-norm, `norm_first=True`: x = x + f(norm(x)),
    which trains without a warm-up (Xiong et al. 2020, "On Layer Normalization in the Transformer
    Architecture"). (L, N, d_model), or (N, L, d_model) if `batch_first` -> the same. Masks are those of
    MultiheadAttention.
    """

    def __init__(self, d_model, nhead, dim_feedforward=2048, dropout=0.1, activation=F.relu,
                 layer_norm_eps=1e-5, batch_first=False, norm_first=False, bias=True, device=None,
                 dtype=None):
        super().__init__()
        kind = {"device": device, "dtype": dtype}
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first, **kind)
        self.linear1 = Linear(d_model, dim_feedforward, bias, **kind)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, **kind)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias, **kind)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias, **kind)
        self.dropout1, self.dropout2 = Dropout(dropout), Dropout(dropout)
        self.activation = activation_of("TransformerEncoderLayer", activation)

    def forward(self, src, src_mask=None, src_key_padding_mask=None, is_causal=False):
        masks = src_mask, src_key_padding_mask, is_causal
        if self.norm_first:
            x = src + self._attention(self.norm1(src), *masks)
            return x + self._feed_forward(self.norm2(x))
        x = self.norm1(src + self._attention(src, *masks))
        return self.norm2(x + self._feed_forward(x))

    def _attention(self, x, mask, padding, is_causal):
        y, _ = self.self_attn(x, x, x, padding, need_weights=False, attn_mask=mask, is_causal=is_causal)
        return self.dropout1(y)

    def _feed_forward(self, x):
        return self.dropout2(self.linear2(self.dropout(self.activation(self.linear1(x)))))


class TransformerEncoder(Module):
    """`num_layers` copies of a layer, one after another, then `norm`, if given (pre-norm layers want one).

    The copies start with the same weights, as PyTorch's do. There are no nested tensors here: the options
    `enable_nested_tensor` and `mask_check` change nothing, and the outputs at padded places have no meaning.
    (L, N, d_model), or (N, L, d_model) if the layer is `batch_first` -> the same.
    Vaswani et al. 2017, section 3.1.
    """

    def __init__(self, encoder_layer, num_layers, norm=None, enable_nested_tensor=True, mask_check=True):
        super().__init__()
        self.layers = ModuleList(copy.deepcopy(encoder_layer) for _ in range(num_layers))
        self.num_layers, self.norm = num_layers, norm

    def forward(self, src, mask=None, src_key_padding_mask=None, is_causal=None):
        for layer in self.layers:
            src = layer(src, mask, src_key_padding_mask, bool(is_causal))
        return src if self.norm is None else self.norm(src)


class SinusoidalPositions(Module):
    """x + p with p(i, 2j) = sin(i / 10000^(2j / d_model)), p(i, 2j+1) = cos of the same: nothing to learn.

    (N, L, d_model) or (L, d_model) -> the same, L up to `max_len`. Vaswani et al. 2017, section 3.5.
    """

    def __init__(self, d_model, max_len=5000):
        super().__init__()
        angles = np.arange(max_len)[:, None] / 10000 ** (np.arange(0, d_model, 2) / d_model)
        table = np.empty((max_len, d_model), dtypes.float32)
        table[:, 0::2], table[:, 1::2] = np.sin(angles), np.cos(angles[:, :d_model // 2])
        self.register_buffer("table", Tensor(table), persistent=False)

    def forward(self, x):
        return add_positions("SinusoidalPositions", x, self.table)


class LearnedPositions(Module):
    """x + weight[:L], a learned vector for each place. Gehring et al. 2017.

    (N, L, d_model) or (L, d_model) -> the same, L up to `max_len`; max_len d_model parameters.
    """

    def __init__(self, d_model, max_len):
        super().__init__()
        self.weight = Parameter(np.empty((max_len, d_model), dtypes.float32))
        init.normal_(self.weight, std=0.02)

    def forward(self, x):
        return add_positions("LearnedPositions", x, self.weight)


def add_positions(name, x, table):
    longest, size = table.shape
    if x.ndim not in (2, 3) or x.shape[-1] != size or x.shape[-2] > longest:
        raise ValueError(f"{name}: expected input (N, L, {size}) or (L, {size}), L up to {longest}, "
                         f"got {x.shape}")
    return x + table[:x.shape[-2]]
