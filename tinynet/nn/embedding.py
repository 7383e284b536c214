"""A table of learned vectors."""

import numpy as np

from tinynet.nn import check
from tinynet.nn import functional as F
from tinynet.nn import init
from tinynet.nn.module import Module
from tinynet.nn.parameter import Parameter, parameter_dtype


class Embedding(Module):
    """Row i of a learned table for each index i. Integers (...) -> (..., embedding_dim).

    Row `padding_idx` starts as zeros and gets no gradient. ValueError if there is no such row, and for
    `max_norm` and the like. Bengio et al. 2003, "A Neural Probabilistic Language Model".
    """

    def __init__(self, num_embeddings, embedding_dim, padding_idx=None, max_norm=None, norm_type=2.0,
                 scale_grad_by_freq=False, sparse=False, _weight=None, _freeze=False, device=None, dtype=None):
        super().__init__()
        check.refuse("Embedding", max_norm=max_norm, scale_grad_by_freq=scale_grad_by_freq, sparse=sparse)
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(f"Embedding: expected padding_idx within {num_embeddings} rows, "
                             f"got {padding_idx}")
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.norm_type, self.max_norm, self.sparse = norm_type, max_norm, sparse
        if _weight is not None:
            check.shaped("Embedding", (num_embeddings, embedding_dim), _weight=_weight)
            self.weight = Parameter(_weight, not _freeze)
            return
        self.weight = Parameter(np.empty((num_embeddings, embedding_dim), parameter_dtype(device, dtype)), not _freeze)
        self.reset_parameters()

    @classmethod
    def from_pretrained(cls, embeddings, freeze=True, padding_idx=None, max_norm=None, norm_type=2.0,
                        scale_grad_by_freq=False, sparse=False):
        """An `Embedding` with the rows of `embeddings` (rows, D), which are learned further unless `freeze`."""
        if embeddings.ndim != 2:
            raise ValueError(f"Embedding.from_pretrained: expected embeddings (rows, D), got {embeddings.shape}")
        return cls(*embeddings.shape, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, embeddings, freeze)

    def reset_parameters(self):
        """Draw new values for all rows from N(0, 1), but for `padding_idx`."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight.array[self.padding_idx] = 0

    def forward(self, input):
        return F.embedding(input, self.weight, self.padding_idx)

    def title(self):
        return f"Embedding({self.num_embeddings}, {self.embedding_dim})"

    def extra_repr(self):
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
