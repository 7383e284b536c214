"""Looking up the rows of a table, and the opposite: labels as rows with a single 1."""

import numpy as np

from tinynet import dtypes
from tinynet.nn import check
from tinynet.ops.embedding import Embedding
from tinynet.tensor import Tensor


def embedding(input, weight, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False,
              sparse=False):
    """Row `input[...]` of `weight` (rows, D), (...) -> (..., D); row `padding_idx` gets no gradient.

    ValueError for a `padding_idx` that is no row, and for `max_norm` and the like. Bengio et al. 2003.
    """
    check.refuse("embedding", max_norm=max_norm, scale_grad_by_freq=scale_grad_by_freq, sparse=sparse)
    check.integers("embedding", input)
    check.floats("embedding", weight)
    if weight.ndim != 2:
        raise ValueError(f"embedding: expected weight (rows, D), got {weight.shape}")
    check.in_range("embedding", "indices", input.array, len(weight))
    if padding_idx is not None and not -len(weight) <= padding_idx < len(weight):
        raise ValueError(f"embedding: expected padding_idx within {len(weight)} rows, got {padding_idx}")
    return Embedding.apply(weight, input.array, padding_idx)


def one_hot(tensor, num_classes=-1):
    """1 at each label, 0 elsewhere: (...) -> (..., num_classes), int64. -1 takes the largest label plus 1.

    ValueError for any other number below 1. As PyTorch's.
    """
    check.integers("one_hot", tensor)
    labels = tensor.array
    if num_classes < 1 and (num_classes != -1 or labels.size == 0):
        raise ValueError(f"one_hot: expected num_classes of at least 1 (or -1 and some labels), "
                         f"got {num_classes}")
    count = int(labels.max()) + 1 if num_classes == -1 else num_classes
    check.in_range("one_hot", "labels", labels, count)
    return Tensor((labels[..., None] == np.arange(count)).astype(dtypes.int64))
