"""Data sets as in `torch.utils.data`: objects with `data[index]` and a length, or objects that can be iterated over."""

import bisect
import itertools
import math

from tinynet import random


class Dataset:
    """Base of data sets whose examples are numbered: subclasses define `__getitem__(index)` and `__len__()`.

    `a + b` has the examples of a and then those of b. An example can be of any shape and kind. NotImplementedError
    where a subclass has no `__getitem__`. `torch.utils.data.Dataset`.
    """

    def __getitem__(self, index):
        raise NotImplementedError(f"{type(self).__name__} does not define __getitem__(index)")

    def __class_getitem__(cls, item):
        """`Dataset[Tensor]` in an annotation is the class itself."""
        return cls

    def __add__(self, other):
        return ConcatDataset([self, other])


class IterableDataset(Dataset):
    """Base of data sets that give their examples in one fixed sequence: subclasses define `__iter__()`.

    `a + b` gives the examples of a and then those of b. An example can be of any shape and kind. NotImplementedError
    where a subclass has no `__iter__`. `torch.utils.data.IterableDataset`.
    """

    def __add__(self, other):
        return ChainDataset([self, other])

    def __iter__(self):
        raise NotImplementedError(f"{type(self).__name__} does not define __iter__()")


class TensorDataset(Dataset):
    """Example i is the tuple of the i-th rows of `tensors`, all (N, ...). ValueError for tensors of unequal N.

    `torch.utils.data.TensorDataset`.
    """

    def __init__(self, *tensors):
        if len({len(tensor) for tensor in tensors}) > 1:
            raise ValueError(f"TensorDataset: expected tensors of the same length, got {[len(t) for t in tensors]}")
        self.tensors = tensors

    def __getitem__(self, index):
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self):
        return len(self.tensors[0])


class Subset(Dataset):
    """The examples of `dataset` at `indices` (N,). An example has any shape. `torch.utils.data.Subset`."""

    def __init__(self, dataset, indices):
        self.dataset, self.indices = dataset, indices

    def __getitem__(self, index):
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __len__(self):
        return len(self.indices)


class ConcatDataset(Dataset):
    """The examples of all `datasets`, one data set after the other. ValueError for none, or one without a length.

    An example has any shape; IndexError beyond the last. `torch.utils.data.ConcatDataset`.
    """

    def __init__(self, datasets):
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset: expected at least one data set")
        if any(isinstance(dataset, IterableDataset) for dataset in self.datasets):
            raise ValueError("ConcatDataset: an IterableDataset has no numbered examples; use ChainDataset")
        self.cumulative_sizes = list(itertools.accumulate(len(dataset) for dataset in self.datasets))

    def __getitem__(self, index):
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(f"ConcatDataset: expected an index from {-len(self)} to {len(self) - 1}, got {index}")
        part = bisect.bisect_right(self.cumulative_sizes, place)
        return self.datasets[part][place - (self.cumulative_sizes[part - 1] if part else 0)]

    def __len__(self):
        return self.cumulative_sizes[-1]


class ChainDataset(IterableDataset):
    """The examples of all `datasets`, one data set after the other, of any shape. `torch.utils.data.ChainDataset`."""

    def __init__(self, datasets):
        self.datasets = datasets

    def __iter__(self):
        return itertools.chain.from_iterable(self.datasets)

    def __len__(self):
        return sum(map(len, self.datasets))


def random_split(dataset, lengths, generator=None):
    """Divide the examples among data sets of these `lengths`: numbers, or shares that add up to 1.

    Returns a list of `Subset`, for examples of any shape. ValueError for lengths that do not add up.
    `torch.utils.data.random_split`.
    """
    lengths = list(lengths)
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        lengths = whole_lengths(lengths, len(dataset))
    if sum(lengths) != len(dataset):
        raise ValueError(f"random_split: expected lengths that add up to {len(dataset)} or shares that add up to 1, "
                         f"got {lengths}")
    order = random.numbers(generator, "data").permutation(len(dataset)).tolist()
    ends = itertools.accumulate(lengths)
    return [Subset(dataset, order[end - length:end]) for end, length in zip(ends, lengths)]


def whole_lengths(shares, count):
    """Shares as numbers of examples: rounded down, and the examples that are left go to the first lengths."""
    if any(not 0 <= share <= 1 for share in shares):
        raise ValueError(f"random_split: expected shares from 0 to 1, got {shares}")
    lengths = [math.floor(count * share) for share in shares]
    for i in range(count - sum(lengths)):
        lengths[i % len(lengths)] += 1
    return lengths
