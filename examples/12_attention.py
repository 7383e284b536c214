"""Attention, drawn, and a transformer encoder that learns to spell backwards.

Each letter has a query q, a key k and a value v. The products of its query with all keys say how much the letter
takes from each value:

    weights = softmax(q kᵀ / √E)        one row for each letter, adding up to 1
    y = weights v                       the weighted mean of the values

To reverse a word, the first letter must attend to the last, the second to the last but one. So the right weights are
known before training. (Vaswani et al. 2017, "Attention Is All You Need".)
"""

import common
import numpy as np

import tinynet
from tinynet import nn, optim, plots
from tinynet.nn import functional as F
from tinynet.nn.blocks import LearnedPositions

args = common.arguments(__doc__)
tinynet.manual_seed(0)
LENGTH, WIDTH = 8, 64

# The formula in NumPy and the library's function.
q, k, v = np.random.default_rng(0).standard_normal((3, LENGTH, WIDTH))
odds = np.exp(q @ k.T / np.sqrt(WIDTH))
y = odds / odds.sum(1, keepdims=True) @ v
library = F.scaled_dot_product_attention(*map(tinynet.tensor, (q, k, v)))
print(f"attention by the formula and by the library differ by {np.abs(y - library.numpy()).max():.0e}")


class Speller(nn.Module):
    """Letters (N, L) -> scores (N, L, 26). Attention knows no order: positions are added to the letters."""

    def __init__(self):
        super().__init__()
        self.letters, self.positions = nn.Embedding(26, WIDTH), LearnedPositions(WIDTH, LENGTH)
        layer = nn.TransformerEncoderLayer(WIDTH, 1, 2 * WIDTH, dropout=0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, nn.LayerNorm(WIDTH))
        self.head = nn.Linear(WIDTH, 26)

    def forward(self, ids):
        return self.head(self.encoder(self.positions(self.letters(ids))))


model, rng = Speller(), np.random.default_rng(0)
optimizer = optim.AdamW(model.parameters(), lr=3e-3)
for step in range(100 if args.quick else 600):
    words = rng.integers(0, 26, (64, LENGTH))                          # any letters will do
    scores = model(tinynet.tensor(words)).transpose(1, 2)              # (N, 26, L)
    loss = F.cross_entropy(scores, tinynet.tensor(words[:, ::-1].copy()))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

# The test: words that it has not seen, and one of them looked into.
with tinynet.no_grad():
    words = rng.integers(0, 26, (1000, LENGTH))
    right = (model(tinynet.tensor(words)).argmax(2).numpy() == words[:, ::-1]).mean()
    ids = tinynet.tensor([[ord(letter) - ord("a") for letter in "backward"]])
    answer = "".join(chr(ord("a") + i) for i in model(ids).argmax(2).numpy()[0])
    layer = model.encoder.layers[0]
    x = layer.norm1(model.positions(model.letters(ids)))
    _, weights = layer.self_attn(x, x, x)                              # (1, L, L): where letters attend
plots.attention_maps(weights[0], args.picture, tokens=list("backward"))
print(f"backward -> {answer}")
print(f"{100 * right:.1f} % of the letters of new words right; picture: {args.picture}")
