"""The transformer's decoder, and encoder and decoder together. Vaswani et al. 2017, "Attention Is All You Need"."""

import copy

import numpy as np

from tinynet import dtypes
from tinynet.nn import functional as F, init
from tinynet.nn.blocks.attention import MultiheadAttention
from tinynet.nn.blocks.transformer import TransformerEncoder, TransformerEncoderLayer, activation_of
from tinynet.nn.containers import ModuleList
from tinynet.nn.dropout import Dropout
from tinynet.nn.linear import Linear
from tinynet.nn.module import Module
from tinynet.nn.norm import LayerNorm
from tinynet.tensor import Tensor


class TransformerDecoderLayer(Module):
    """Self-attention, attention to the encoder's result (`memory`), then a network at each place.

    Each has a shortcut and a LayerNorm: after it, norm(x + f(x)), or, with `norm_first`, before it, x + f(norm(x)).
    tgt (L, N, d_model), memory (S, N, d_model), N first if `batch_first` -> as tgt. Masks are those of
    MultiheadAttention. Vaswani et al. 2017, section 3.1.
    """

    def __init__(self, d_model, nhead, dim_feedforward=2048, dropout=0.1, activation=F.relu,
                 layer_norm_eps=1e-5, batch_first=False, norm_first=False, bias=True, device=None,
                 dtype=None):
        super().__init__()
        kind = {"device": device, "dtype": dtype}
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first, **kind)
        self.multihead_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first, **kind)
        self.linear1 = Linear(d_model, dim_feedforward, bias, **kind)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, **kind)
        self.norm_first = norm_first
        self.norm1, self.norm2, self.norm3 = (
            LayerNorm(d_model, layer_norm_eps, bias=bias, **kind) for _ in range(3))
        self.dropout1, self.dropout2, self.dropout3 = (Dropout(dropout) for _ in range(3))
        self.activation = activation_of("TransformerDecoderLayer", activation)

    def forward(self, tgt, memory, tgt_mask=None, memory_mask=None, tgt_key_padding_mask=None,
                memory_key_padding_mask=None, tgt_is_causal=False, memory_is_causal=False):
        own = tgt_key_padding_mask, tgt_mask, tgt_is_causal
        cross = memory_key_padding_mask, memory_mask, memory_is_causal
        x = tgt
        if self.norm_first:
            y = self.norm1(x)
            x = x + self.dropout1(_attention(self.self_attn, y, y, *own))
            x = x + self.dropout2(_attention(self.multihead_attn, self.norm2(x), memory, *cross))
            return x + self._feed_forward(self.norm3(x))
        x = self.norm1(x + self.dropout1(_attention(self.self_attn, x, x, *own)))
        x = self.norm2(x + self.dropout2(_attention(self.multihead_attn, x, memory, *cross)))
        return self.norm3(x + self._feed_forward(x))

    def _feed_forward(self, x):
        return self.dropout3(self.linear2(self.dropout(self.activation(self.linear1(x)))))


def _attention(layer, x, memory, padding, mask, is_causal):
    return layer(x, memory, memory, padding, need_weights=False, attn_mask=mask, is_causal=is_causal)[0]


class TransformerDecoder(Module):
    """`num_layers` copies of a decoder layer, one after another, then `norm`, if given.

    tgt (L, N, d_model), memory (S, N, d_model), N first if the layer is `batch_first` -> as tgt.
    Vaswani et al. 2017, section 3.1.
    """

    def __init__(self, decoder_layer, num_layers, norm=None):
        super().__init__()
        self.layers = ModuleList([copy.deepcopy(decoder_layer) for _ in range(num_layers)])
        self.num_layers, self.norm = num_layers, norm

    def forward(self, tgt, memory, tgt_mask=None, memory_mask=None, tgt_key_padding_mask=None,
                memory_key_padding_mask=None, tgt_is_causal=None, memory_is_causal=False):
        for layer in self.layers:
            tgt = layer(tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask,
                        bool(tgt_is_causal), memory_is_causal)
        return tgt if self.norm is None else self.norm(tgt)


class Transformer(Module):
    """An encoder of `num_encoder_layers` for the source, a decoder of `num_decoder_layers` that looks at its result.

    src (S, N, d_model), tgt (L, N, d_model), N first if `batch_first` -> as tgt. `nhead` heads. Masks are those of
    MultiheadAttention. `custom_encoder` and `custom_decoder` replace the two. Vaswani et al. 2017.
    """

    def __init__(self, d_model=512, nhead=8, num_encoder_layers=6, num_decoder_layers=6, dim_feedforward=2048,
                 dropout=0.1, activation=F.relu, custom_encoder=None, custom_decoder=None, layer_norm_eps=1e-5,
                 batch_first=False, norm_first=False, bias=True, device=None, dtype=None):
        super().__init__()
        layer = d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias

        def norm():
            return LayerNorm(d_model, layer_norm_eps, bias=bias, device=device, dtype=dtype)

        self.encoder = custom_encoder if custom_encoder is not None else TransformerEncoder(
            TransformerEncoderLayer(*layer, device, dtype), num_encoder_layers, norm())
        self.decoder = custom_decoder if custom_decoder is not None else TransformerDecoder(
            TransformerDecoderLayer(*layer, device, dtype), num_decoder_layers, norm())
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.xavier_uniform_(parameter)

    def forward(self, src, tgt, src_mask=None, tgt_mask=None, memory_mask=None, src_key_padding_mask=None,
                tgt_key_padding_mask=None, memory_key_padding_mask=None, src_is_causal=None, tgt_is_causal=None,
                memory_is_causal=False):
        memory = self.encoder(src, src_mask, src_key_padding_mask, src_is_causal)
        return self.decoder(tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask,
                            tgt_is_causal, memory_is_causal)

    @staticmethod
    def generate_square_subsequent_mask(sz, device=None, dtype=None):
        """The mask (sz, sz) that lets each place see itself and those before: 0 there, -inf elsewhere."""
        mask = np.where(np.tri(sz, dtype=bool), 0, -np.inf)
        return Tensor(mask.astype(dtypes.float32 if dtype is None else dtypes.check(dtype)))
