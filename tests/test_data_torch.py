"""Data sets, samplers, collating and `DataLoader`: the same batches as `torch.utils.data` makes."""

from collections import namedtuple

import numpy as np
import pytest

import tinynet
from tinynet import data

torch = pytest.importorskip("torch")
theirs = torch.utils.data
Point = namedtuple("Point", "x y")


def plain(batch):
    """A batch as nested Python values, with the types of its tensors."""
    if isinstance(batch, (tinynet.Tensor, torch.Tensor)):
        return str(batch.dtype).removeprefix("torch."), batch.tolist()
    if isinstance(batch, dict):
        return {key: plain(value) for key, value in batch.items()}
    if isinstance(batch, (list, tuple)):
        return type(batch).__name__, [plain(value) for value in batch]
    return batch


def same(make):
    """Assert that make(library, its data module) gives the same in both; returns ours."""
    ours = [plain(batch) for batch in make(tinynet, data)]
    assert ours == [plain(batch) for batch in make(torch, theirs)]
    return ours


EXAMPLES = {
    "numbers": [1, 2, 3, 4, 5], "floats": [0.5, 1.5, 2.5], "texts": ["a", "b", "c"], "bools": [True, False, True],
    "arrays": [np.ones(2, np.float32), np.zeros(2, np.float32)], "scalars": [np.int32(4), np.int32(5)],
    "pairs": [(1, "a"), (2, "b")], "lists": [[1, 2.0], [3, 4.0]],
    "dicts": [{"x": 1, "y": (2, 3)}, {"x": 4, "y": (5, 6)}],
    "points": [Point(1, 2.0), Point(3, 4.0)],
}


@pytest.mark.parametrize("case", EXAMPLES)
@pytest.mark.parametrize("batch_size", [2, None], ids=["batches", "single"])
def test_collating(case, batch_size):
    same(lambda library, d: d.DataLoader(EXAMPLES[case], batch_size=batch_size))


@pytest.mark.parametrize("options", [{}, {"drop_last": True}, {"num_workers": 0}], ids=["all", "drop", "none"])
def test_batches_of_tensors(options):
    def make(library, d):
        loader = d.DataLoader(d.TensorDataset(library.arange(10), library.ones(10, 2)), batch_size=4, **options)
        assert len(loader) == len(list(loader))
        return loader

    same(make)


def test_data_sets_of_data_sets():
    def make(library, d):
        first, second = d.TensorDataset(library.arange(4)), d.TensorDataset(library.arange(4, 10))
        both = first + second
        part = d.Subset(both, [9, 0, 5])
        assert (len(both), len(part), both.cumulative_sizes) == (10, 3, [4, 10])
        return [both[3], both[-1], part[0], *d.DataLoader(part, 2), [both[i] for i in (4, 9)]]

    same(make)
    with pytest.raises(IndexError):
        data.ConcatDataset([[1], [2]])[2]


def test_samplers():
    def make(library, d):
        yield list(d.BatchSampler(d.SequentialSampler(range(7)), 3, drop_last=False))
        yield list(d.BatchSampler(range(7), 3, drop_last=True))
        yield list(d.DataLoader(range(6), batch_sampler=[[0, 5], [1]]))
        yield list(d.DataLoader(range(6), sampler=[4, 2, 0], batch_size=2))
        yield list(d.DataLoader(range(6), sampler=[4, 2, 0], batch_size=2, collate_fn=sum))

    same(make)


def test_random_order_has_each_example_once_and_repeats_with_the_generator():
    def epoch(**options):
        return [int(x) for x in data.DataLoader(range(20), None, shuffle=True, **options)]

    assert sorted(epoch()) == list(range(20)) and epoch() != epoch()
    seeded = [epoch(generator=tinynet.Generator().manual_seed(3)) for _ in range(2)]
    assert seeded[0] == seeded[1] != list(range(20))
    assert sorted(data.SubsetRandomSampler([3, 5, 7])) == [3, 5, 7]
    assert len(list(data.RandomSampler(range(3), replacement=True, num_samples=8))) == 8
    assert next(iter(data.RandomSampler(range(3), replacement=True, num_samples=10**10))) in range(3)
    assert len(set(data.RandomSampler(range(5), num_samples=12))) == 5
    tinynet.manual_seed(1)
    drawn = list(data.WeightedRandomSampler([0.0, 1.0, 3.0], 1000))
    assert 0 not in drawn and 650 < drawn.count(2) < 850
    assert sorted(data.WeightedRandomSampler([1, 1, 1], 3, replacement=False)) == [0, 1, 2]


def test_random_split():
    parts = data.random_split(range(10), [0.75, 0.25])
    assert [len(part) for part in parts] == [8, 2] == [len(p) for p in theirs.random_split(range(10), [0.75, 0.25])]
    assert sorted(x for part in parts for x in part) == list(range(10))
    with pytest.raises(ValueError, match="random_split: expected lengths that add up to 10"):
        data.random_split(range(10), [3, 3])


class Count(data.IterableDataset):
    def __init__(self, end):
        self.end = end

    def __iter__(self):
        info = data.get_worker_info()
        return iter(range(self.end) if info is None else range(info.id, self.end, info.num_workers))


def test_iterable_data_sets_and_workers():
    assert [x.tolist() for x in data.DataLoader(Count(7), 3)] == [[0, 1, 2], [3, 4, 5], [6]]
    assert [x.tolist() for x in data.DataLoader(Count(7), 3, drop_last=True)] == [[0, 1, 2], [3, 4, 5]]
    assert [x.tolist() for x in data.DataLoader(Count(7), 2, num_workers=2)] == [[0, 2], [1, 3], [4, 6], [5]]
    begun = []
    loader = data.DataLoader(range(4), 1, num_workers=2, worker_init_fn=begun.append, prefetch_factor=4)
    assert [int(x) for x in loader] == [0, 1, 2, 3] and begun == [0, 1]
    assert data.get_worker_info() is None


REFUSED = {
    "sampler and shuffle": dict(sampler=[0], shuffle=True),
    "batch sampler and size": dict(batch_sampler=[[0]], batch_size=2),
    "drop without batches": dict(batch_size=None, drop_last=True), "batch size": dict(batch_size=0),
    "workers": dict(num_workers=-1), "timeout": dict(timeout=-1), "prefetch": dict(prefetch_factor=2),
    "persistent": dict(persistent_workers=True),
}


@pytest.mark.parametrize("case", REFUSED)
def test_options_that_exclude_each_other(case):
    with pytest.raises(ValueError, match="DataLoader: |BatchSampler: "):
        data.DataLoader(range(3), **REFUSED[case])
    with pytest.raises(ValueError):
        list(theirs.DataLoader(range(3), **REFUSED[case]))


def test_examples_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="expected tensors of the same shape"):
        data.default_collate([tinynet.ones(2), tinynet.ones(3)])
    with pytest.raises(ValueError, match="expected examples of 1 parts"):
        data.default_collate([[1], [1, 2]])
    with pytest.raises(TypeError, match="expected tensors, arrays, numbers, dicts or lists, got object"):
        data.default_collate([object()])
    with pytest.raises(ValueError, match="an IterableDataset has its own order"):
        data.DataLoader(Count(3), shuffle=True)


def test_the_built_in_data_sets_have_examples():
    images, labels = next(iter(data.DataLoader(data.shapes(count=6), 6)))
    assert images.shape == (6, 3, 32, 32) and str(images.dtype) == "float32" and 0 <= images.array.min()
    assert labels.tolist() == data.shapes(count=6).labels.tolist()
