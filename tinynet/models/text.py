"""A small transformer that writes text, character by character."""

import numpy as np

from tinynet import random
from tinynet.gradients.modes import no_grad
from tinynet.nn import Dropout, Embedding, LayerNorm, Linear, Module, init
from tinynet.nn.blocks.attention import MultiheadAttention
from tinynet.nn.blocks.transformer import LearnedPositions, TransformerEncoder, TransformerEncoderLayer
from tinynet.tensor import Tensor


class TextTransformer(Module):
    """For each character the scores of all that may follow, from it and those before it.

    Embedding + positions, pre-norm layers with a causal mask, a linear head.
    Integers (N, L), L up to `context` -> scores (N, vocabulary, L), the shape that `cross_entropy` takes.
    Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training".
    """

    def __init__(self, vocabulary, context=64, width=96, layers=3, heads=4, dropout=0.0):
        super().__init__()
        self.context = context
        self.embedding = Embedding(vocabulary, width)
        self.positions = LearnedPositions(width, context)
        self.dropout = Dropout(dropout)
        layer = TransformerEncoderLayer(width, heads, 4 * width, dropout, batch_first=True, norm_first=True)
        self.encoder = TransformerEncoder(layer, layers, LayerNorm(width))
        self.head = Linear(width, vocabulary)
        self.apply(initialise)

    def forward(self, ids):
        x = self.dropout(self.positions(self.embedding(ids)))          # (N, L, width)
        x = self.encoder(x, is_causal=True)
        return self.head(x).transpose(1, 2)                            # (N, vocabulary, L)

    @no_grad()
    def generate(self, ids, count, temperature=1.0):
        """`ids`, a list of integers, and `count` more, each drawn from softmax(scores / temperature)."""
        was_training, ids = self.training, list(ids)
        self.eval()
        for _ in range(count):
            scores = self(Tensor(np.array([ids[-self.context:]]))).array[0, :, -1]
            odds = np.exp((scores - scores.max()) / temperature, dtype=np.float64)
            ids.append(int(random.stream("sample").choice(len(odds), p=odds / odds.sum())))
        self.train(was_training)
        return ids


def initialise(module):
    """Small normal weights (as GPT-2 has them); attention starts anew, as copies of a layer are alike."""
    if isinstance(module, MultiheadAttention):
        module.reset_parameters()
    elif isinstance(module, (Linear, Embedding)):
        init.normal_(module.weight, std=0.02)
        if getattr(module, "bias", None) is not None:
            init.zeros_(module.bias)
