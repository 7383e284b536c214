"""Samplers: which examples an epoch takes, in which order. `torch.utils.data` has the same."""

import numpy as np

from tinynet import distributed, random
from tinynet.tensor import as_array

DRAWN_AT_ONCE = 4096       # with replacement; scripts ask for 10**10 indices, and stop when they have trained enough


class Sampler:
    """Base of samplers: `iter(sampler)` gives the indices of an epoch, each a number ().

    NotImplementedError where a subclass has no `__iter__`. `torch.utils.data.Sampler`.
    """

    def __init__(self, data_source=None):
        """Subclasses keep what they need."""

    def __class_getitem__(cls, item):
        """`Sampler[int]` in an annotation is the class itself."""
        return cls

    def __iter__(self):
        raise NotImplementedError(f"{type(self).__name__} does not define __iter__()")


class SequentialSampler(Sampler):
    """0, 1, 2, ...: the examples () of `data_source` in their order. `torch.utils.data.SequentialSampler`."""

    def __init__(self, data_source):
        self.data_source = data_source

    def __iter__(self):
        return iter(range(len(self.data_source)))

    def __len__(self):
        return len(self.data_source)


class RandomSampler(Sampler):
    """The examples () of `data_source` in random order, `num_samples` of them; all by default.

    With `replacement` each draw is from all of them. ValueError for fewer than 1.
    `torch.utils.data.RandomSampler`.
    """

    def __init__(self, data_source, replacement=False, num_samples=None, generator=None):
        if num_samples is not None and num_samples < 1:
            raise ValueError(f"RandomSampler: expected num_samples of at least 1, got {num_samples}")
        self.data_source, self.replacement, self.generator = data_source, replacement, generator
        self._num_samples = num_samples

    @property
    def num_samples(self):
        """How many examples an epoch has."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self):
        numbers, count, wanted = random.numbers(self.generator, "data"), len(self.data_source), self.num_samples
        if self.replacement:
            for start in range(0, wanted, DRAWN_AT_ONCE):
                yield from numbers.integers(count, size=min(DRAWN_AT_ONCE, wanted - start)).tolist()
            return
        while wanted > 0 and count:
            yield from numbers.permutation(count)[:wanted].tolist()
            wanted -= count

    def __len__(self):
        return self.num_samples


class SubsetRandomSampler(Sampler):
    """The given `indices` (N,) in random order. `torch.utils.data.SubsetRandomSampler`."""

    def __init__(self, indices, generator=None):
        self.indices, self.generator = indices, generator

    def __iter__(self):
        order = random.numbers(self.generator, "data").permutation(len(self.indices))
        return (self.indices[i] for i in order.tolist())

    def __len__(self):
        return len(self.indices)


class WeightedRandomSampler(Sampler):
    """`num_samples` indices, each as probable as its number among `weights` (N,), which need not add up to 1.

    ValueError for negative weights, or for more samples than weights without `replacement`.
    `torch.utils.data.WeightedRandomSampler`.
    """

    def __init__(self, weights, num_samples, replacement=True, generator=None):
        self.weights = np.asarray(as_array(weights), np.float64)
        if self.weights.ndim != 1 or (self.weights < 0).any():
            raise ValueError(f"WeightedRandomSampler: expected weights (N,) of 0 or more, got {weights!r:.200}")
        if not replacement and num_samples > len(self.weights):
            raise ValueError(f"WeightedRandomSampler: expected at most {len(self.weights)} samples without "
                             f"replacement, got {num_samples}")
        self.num_samples, self.replacement, self.generator = num_samples, replacement, generator

    def __iter__(self):
        share = self.weights / self.weights.sum()
        numbers = random.numbers(self.generator, "data")
        return iter(numbers.choice(len(share), self.num_samples, self.replacement, share).tolist())

    def __len__(self):
        return self.num_samples


class BatchSampler(Sampler):
    """Lists of `batch_size` indices of `sampler`; the last is shorter, or left out with `drop_last`.

    A list is a shape (N,). ValueError for a batch_size below 1. `torch.utils.data.BatchSampler`.
    """

    def __init__(self, sampler, batch_size, drop_last):
        if not isinstance(batch_size, (int, np.integer)) or isinstance(batch_size, bool) or batch_size < 1:
            raise ValueError(f"BatchSampler: expected a batch_size of at least 1, got {batch_size!r}")
        self.sampler, self.batch_size, self.drop_last = sampler, batch_size, drop_last

    def __iter__(self):
        batch = []
        for index in self.sampler:
            batch.append(index)
            if len(batch) == self.batch_size:
                yield batch
                batch = []
        if batch and not self.drop_last:
            yield batch

    def __len__(self):
        whole, rest = divmod(len(self.sampler), self.batch_size)
        return whole + (rest > 0 and not self.drop_last)


class DistributedSampler(Sampler):
    """The part () of process `rank` of the indices of `dataset`: every `num_replicas`-th one.

    All parts have the same length. So that they do, some indices come twice; or some are left out, with `drop_last`.
    With `shuffle` the order is drawn from `seed` plus the epoch, which `set_epoch` tells: call it before each epoch, or
    all have the same order. `num_replicas` and `rank` are by default those of the process group, and without one this
    is a ValueError, as is a rank that is not below their number. `torch.utils.data.distributed.DistributedSampler`.
    """

    def __init__(self, dataset, num_replicas=None, rank=None, shuffle=True, seed=0, drop_last=False):
        self.num_replicas = distributed.get_world_size() if num_replicas is None else num_replicas
        self.rank = distributed.get_rank() if rank is None else rank
        if not 0 <= self.rank < self.num_replicas:
            raise ValueError(f"DistributedSampler: expected a rank from 0 to {self.num_replicas - 1}, got {self.rank}")
        self.dataset, self.shuffle, self.seed, self.drop_last, self.epoch = dataset, shuffle, seed, drop_last, 0
        whole, rest = divmod(len(dataset), self.num_replicas)
        self.num_samples = whole + (rest > 0 and not drop_last)
        self.total_size = self.num_samples * self.num_replicas

    def __iter__(self):
        count = len(self.dataset)
        order = np.arange(count)
        if self.shuffle:
            order = random.Generator().manual_seed(self.seed + self.epoch).numbers.permutation(count)
        order = np.resize(order, self.total_size)              # begins again where it is too short
        return iter(order[self.rank::self.num_replicas].tolist())

    def __len__(self):
        return self.num_samples

    def set_epoch(self, epoch):
        """The next `for` loop is this epoch."""
        self.epoch = epoch
