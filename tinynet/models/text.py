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

    `vocabulary` is the number of characters or, better, the characters themselves, which the state then carries as
    the buffer `alphabet`. Embedding + positions, pre-norm layers with a causal mask, a linear head.
    Integers (N, L), L up to `context` -> scores (N, vocabulary, L), the shape that `cross_entropy` takes.
    Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training".
    """

    def __init__(self, vocabulary, context=64, width=96, layers=3, heads=4, dropout=0.0):
        super().__init__()
        count = vocabulary if isinstance(vocabulary, int) else len(vocabulary)
        codes = None if isinstance(vocabulary, int) else Tensor(np.array([ord(c) for c in vocabulary], np.int64))
        self.register_buffer("alphabet", codes)                        # code points (vocabulary,)
        self.context = context
        self.embedding = Embedding(count, width)
        self.positions = LearnedPositions(width, context)
        self.dropout = Dropout(dropout)
        layer = TransformerEncoderLayer(width, heads, 4 * width, dropout, batch_first=True, norm_first=True)
        self.encoder = TransformerEncoder(layer, layers, LayerNorm(width))
        self.head = Linear(width, count)
        self.apply(initialise)

    def forward(self, ids):
        x = self.dropout(self.positions(self.embedding(ids)))          # (N, L, width)
        x = self.encoder(x, is_causal=True)
        return self.head(x).transpose(1, 2)                            # (N, vocabulary, L)

    @no_grad()
    def generate(self, ids, count, temperature=1.0):
        """`ids`, a list of integers, and `count` more, each drawn from softmax(scores / temperature).

        A low temperature takes the likely characters more often; 0 always takes the likeliest one. ValueError for
        a negative temperature or without any `ids`. The draws come from the stream "sample" of `manual_seed`.
        """
        if not ids or not temperature >= 0:
            raise ValueError("generate: expected at least one character to start from and a temperature of at least "
                             f"0, got {len(ids)} characters and temperature {temperature}")
        was_training, ids = self.training, list(ids)
        self.eval()
        for _ in range(count):
            scores = self(Tensor(np.array([ids[-self.context:]]))).array[0, :, -1]
            ids.append(draw(scores, temperature))
        self.train(was_training)
        return ids


def draw(scores, temperature):
    """The number of a character, drawn from softmax(scores / temperature)."""
    if temperature == 0:
        return int(scores.argmax())
    odds = np.exp((scores - scores.max()) / temperature, dtype=np.float64)
    return int(random.stream("sample").choice(len(odds), p=odds / odds.sum()))


def initialise(module):
    """Small normal weights (as GPT-2 has them); attention gets new values, as copies of a layer are alike."""
    if isinstance(module, MultiheadAttention):
        module.reset_parameters()
    elif isinstance(module, (Linear, Embedding)):
        init.normal_(module.weight, std=0.02)
        if getattr(module, "bias", None) is not None:
            init.zeros_(module.bias)
