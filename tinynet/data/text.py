"""Text as numbers, batches of it, and the losses of two baselines that predict the next character by counting."""

import hashlib

import numpy as np

from tinynet.data.augment import ORDER, stream
from tinynet.data.dataset import DataError
from tinynet.data.loader import ahead
from tinynet.tensor import Tensor


class Text:
    """A text as `ids` (M,), int64: each character's index in `classes`, by default the sorted characters."""

    def __init__(self, characters, classes=None, name="text"):
        self.name, self.classes = name, sorted(set(characters)) if classes is None else list(classes)
        number = {character: i for i, character in enumerate(self.classes)}
        unknown = sorted(set(characters) - set(number))
        if unknown:
            raise DataError(f"{name}: {''.join(unknown)!r} is not among the {len(number)} known characters")
        self.ids = np.array([number[character] for character in characters], np.int64)

    def __len__(self):
        return len(self.ids)

    def __repr__(self):
        return f"Text({self.name}: {len(self):,} characters, {len(self.classes)} different ones)"

    def fingerprint(self):
        """The SHA-256 of the characters, a string, to compare two texts."""
        return hashlib.sha256(self.decode(self.ids).encode("utf-8", "surrogatepass")).hexdigest()

    def decode(self, ids):
        return "".join(self.classes[i] for i in ids)

    def split(self, share):
        """(the rest, the last `share` of the text)"""
        cut = len(self) - round(share * len(self))
        parts = self.ids[:cut], self.ids[cut:]
        return tuple(Text(self.decode(part), self.classes, self.name) for part in parts)


class TextLoader:
    """Gives pairs of Tensors (N, context), int64: characters, and for each of them the one that follows.

    An epoch cuts the text into pieces of `context` characters. With `shuffle` the first cut is at a random place, and
    the pieces come in random order. Both depend on (seed, epoch) alone.
    """

    unit = "character"

    def __init__(self, text, context, batch_size=64, shuffle=True, seed=0, prefetch=1):
        self.pieces = (len(text) - 1 - (context - 1 if shuffle else 0)) // context
        if self.pieces < 1:
            raise DataError(f"{text.name}: {len(text)} characters are too few for a context of {context}")
        self.dataset, self.context, self.batch_size, self.shuffle = text, context, batch_size, shuffle
        self.seed, self.prefetch, self.epoch = seed, prefetch, 0

    def __len__(self):
        """Batches in an epoch."""
        return -(-self.pieces // self.batch_size)

    @property
    def count(self):
        """How many characters are predicted in an epoch."""
        return self.pieces * self.context

    def __iter__(self):
        self.epoch += 1
        return self.iterate(self.epoch - 1)

    def iterate(self, epoch, start=0):
        """The batches of `epoch` from number `start` on: the same as in an epoch that was not interrupted."""
        first, order = 0, np.arange(self.pieces)
        if self.shuffle:
            rng = stream(self.seed, epoch, ORDER)
            first, order = rng.integers(self.context), rng.permutation(self.pieces)
        starts = first + order * self.context

        def make(step):
            chosen = starts[step * self.batch_size:(step + 1) * self.batch_size]
            pieces = self.dataset.ids[chosen[:, None] + np.arange(self.context + 1)]     # (N, context + 1)
            return Tensor(pieces[:, :-1]), Tensor(pieces[:, 1:])

        return ahead(make, range(start, len(self)), self.prefetch)


def unigram_loss(known, text):
    """The loss, in nats per character of `text`, of predicting each character's frequency in `known` (plus one)."""
    counts = np.bincount(known.ids, minlength=len(known.classes)) + 1.0
    return -np.log(counts / counts.sum())[text.ids[1:]].mean()


def bigram_loss(known, text):
    """The loss, in nats per character of `text`, of predicting the frequencies of pairs in `known` (plus one)."""
    counts = np.ones((len(known.classes),) * 2)
    np.add.at(counts, (known.ids[:-1], known.ids[1:]), 1)
    nats = -np.log(counts / counts.sum(1, keepdims=True))
    return nats[text.ids[:-1], text.ids[1:]].mean()
