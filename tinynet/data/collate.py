"""From a list of examples to a batch."""

from collections.abc import Mapping, Sequence

import numpy as np

from tinynet import dtypes
from tinynet.creation import as_tensor, tensor
from tinynet.ops.joining import stack
from tinynet.tensor import Tensor


def default_collate(batch):
    """Stack the examples of the list or tuple `batch`: tensors, arrays and numbers of the same shape to (N, ...).

    In lists, tuples and dicts, each part is collated; strings stay as they are. TypeError for other kinds, ValueError
    for shapes or lengths that differ. `torch.utils.data.default_collate`.
    """
    first = batch[0]
    if isinstance(first, Tensor):
        if any(x.shape != first.shape for x in batch):
            raise ValueError(f"default_collate: expected tensors of the same shape, got "
                             f"{sorted({tuple(x.shape) for x in batch})}; give the DataLoader a collate_fn")
        return stack(list(batch))
    if isinstance(first, (np.ndarray, np.generic)):
        return default_collate([as_tensor(x) for x in batch])
    if isinstance(first, float):
        return tensor(batch, dtype=dtypes.float64)
    if isinstance(first, int):
        return tensor(batch)
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, (Mapping, Sequence)):
        return collate_parts(batch, first)
    raise TypeError(f"default_collate: expected tensors, arrays, numbers, dicts or lists, got {type(first).__name__}; "
                    "give the DataLoader a collate_fn")


def collate_parts(batch, first):
    """Collate the parts that have the same place or key in each example."""
    if isinstance(first, Mapping):
        return remade(first, {key: default_collate([x[key] for x in batch]) for key in first})
    if any(len(x) != len(first) for x in batch):
        raise ValueError(f"default_collate: expected examples of {len(first)} parts each, got "
                         f"{sorted({len(x) for x in batch})}")
    parts = [default_collate(part) for part in zip(*batch)]
    if hasattr(first, "_fields"):              # a named tuple
        return type(first)(*parts)
    return parts if isinstance(first, tuple) else remade(first, parts)


def default_convert(data):
    """Arrays of any shape as tensors, also in lists, tuples and dicts; everything else stays as it is.

    `torch.utils.data.default_convert`.
    """
    if isinstance(data, (np.ndarray, np.generic)) and data.dtype.kind in "biuf":
        return as_tensor(data)
    if isinstance(data, Mapping):
        return remade(data, {key: default_convert(value) for key, value in data.items()})
    if hasattr(data, "_fields"):
        return type(data)(*map(default_convert, data))
    if isinstance(data, (list, tuple)):
        return [default_convert(value) for value in data]
    return data


def remade(like, parts):
    """`parts` in a container of the type of `like`, or as they are if that type cannot be made from them."""
    try:
        return type(like)(parts)
    except TypeError:
        return parts
