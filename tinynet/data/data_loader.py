"""`DataLoader`: batches of any data set, as `torch.utils.data` makes them."""

from types import SimpleNamespace

from tinynet.data.collate import default_collate, default_convert
from tinynet.data.samplers import BatchSampler, RandomSampler, SequentialSampler
from tinynet.data.sets import IterableDataset

_worker = None                         # the result of `get_worker_info`


class DataLoader:
    """Gives batches (N, ...) of `dataset`: of `batch_size` examples, collated by `collate_fn`.

    `dataset` has `dataset[index]` and a length, or is an `IterableDataset`. `batch_size=None` gives single examples.
    There are no worker processes. The loader itself does the work of each of the `num_workers` workers in turn: with
    the worker's `get_worker_info` and `worker_init_fn`, and with batches in the same order. Therefore
    `prefetch_factor`, `persistent_workers`, `timeout` (seconds), `pin_memory` and `in_order` change nothing. ValueError
    for options that exclude each other. `torch.utils.data.DataLoader`.
    """

    def __init__(self, dataset, batch_size=1, shuffle=None, sampler=None, batch_sampler=None, num_workers=0,
                 collate_fn=None, pin_memory=False, drop_last=False, timeout=0, worker_init_fn=None,
                 multiprocessing_context=None, generator=None, *, prefetch_factor=None, persistent_workers=False,
                 pin_memory_device="", in_order=True):
        check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        if multiprocessing_context is not None:
            raise ValueError("DataLoader: multiprocessing_context is not supported: there are no processes")
        check_order(dataset, batch_size, shuffle, sampler, batch_sampler, drop_last)
        self.dataset, self.num_workers, self.worker_init_fn = dataset, num_workers, worker_init_fn
        self.pin_memory, self.timeout, self.prefetch_factor = pin_memory, timeout, prefetch_factor
        self.persistent_workers, self.generator = persistent_workers, generator
        self.batch_size, self.drop_last = None if batch_sampler is not None else batch_size, drop_last
        if sampler is None and not isinstance(dataset, IterableDataset):
            sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
        if batch_size is not None and batch_sampler is None and sampler is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.sampler, self.batch_sampler = sampler, batch_sampler
        self.collate_fn = collate_fn or (default_collate if self.in_batches else default_convert)

    @property
    def in_batches(self):
        """Whether examples are put together into batches."""
        return self.batch_size is not None or self.batch_sampler is not None

    def __len__(self):
        """Batches in an epoch."""
        if not isinstance(self.dataset, IterableDataset):
            return len(self.batch_sampler if self.in_batches else self.sampler)
        if not self.in_batches:
            return len(self.dataset)
        whole, rest = divmod(len(self.dataset), self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    def __iter__(self):
        if self.num_workers == 0:
            return self.iterate_stream(None) if isinstance(self.dataset, IterableDataset) else self.iterate(None)
        workers = [SimpleNamespace(id=i, num_workers=self.num_workers, seed=i, dataset=self.dataset)
                   for i in range(self.num_workers)]
        for worker in workers:
            if self.worker_init_fn is not None:
                with_worker(worker, self.worker_init_fn, worker.id)
        if isinstance(self.dataset, IterableDataset):
            return in_turn([self.iterate_stream(worker) for worker in workers])
        return self.iterate(workers)

    def iterate(self, workers):
        """The batches of an epoch; worker number k makes every k-th of them."""
        for step, chosen in enumerate(self.batch_sampler if self.in_batches else self.sampler):
            yield with_worker(workers and workers[step % len(workers)], self.fetch, chosen)

    def fetch(self, chosen):
        """The examples of these indices, collated."""
        if not self.in_batches:
            return self.collate_fn(self.dataset[chosen])
        if hasattr(self.dataset, "__getitems__"):
            return self.collate_fn(self.dataset.__getitems__(chosen))
        return self.collate_fn([self.dataset[index] for index in chosen])

    def iterate_stream(self, worker):
        """The batches that one worker makes of an `IterableDataset`."""
        examples = with_worker(worker, iter, self.dataset)
        while True:
            batch = with_worker(worker, self.take, examples)
            if not batch or self.drop_last and self.in_batches and len(batch) < self.batch_size:
                return
            yield with_worker(worker, self.collate_fn, batch if self.in_batches else batch[0])

    def take(self, examples):
        """The next examples of an iterator: a whole batch, or those that are left."""
        wanted = self.batch_size if self.in_batches else 1
        return [example for _, example in zip(range(wanted), examples)]


def check_workers(num_workers, timeout, prefetch_factor, persistent_workers):
    """ValueError for numbers that PyTorch's loader refuses, too."""
    if num_workers < 0:
        raise ValueError(f"DataLoader: expected num_workers of 0 or more, got {num_workers}")
    if timeout < 0:
        raise ValueError(f"DataLoader: expected a timeout of 0 seconds or more, got {timeout}")
    if num_workers == 0 and prefetch_factor is not None:
        raise ValueError("DataLoader: prefetch_factor needs num_workers of at least 1")
    if num_workers == 0 and persistent_workers:
        raise ValueError("DataLoader: persistent_workers needs num_workers of at least 1")


def check_order(dataset, batch_size, shuffle, sampler, batch_sampler, drop_last):
    """ValueError for two options that both set the order of the examples."""
    if isinstance(dataset, IterableDataset):
        if shuffle or sampler is not None or batch_sampler is not None:
            raise ValueError("DataLoader: an IterableDataset has its own order; leave shuffle, sampler and "
                             "batch_sampler out")
    elif sampler is not None and shuffle:
        raise ValueError("DataLoader: expected a sampler or shuffle, not both")
    if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
        raise ValueError("DataLoader: batch_sampler excludes batch_size, shuffle, sampler and drop_last")
    if batch_size is None and drop_last:
        raise ValueError("DataLoader: drop_last needs a batch_size")
    if batch_size is not None and (not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size < 1):
        raise ValueError(f"DataLoader: expected a batch_size of at least 1 or None, got {batch_size!r}")


def get_worker_info():
    """`id`, `num_workers`, `seed` and `dataset` () of the worker that is making a batch; None outside of one.

    `torch.utils.data.get_worker_info`.
    """
    return _worker


def with_worker(worker, function, *args):
    """function(*args), while `get_worker_info()` returns this worker."""
    global _worker
    before, _worker = _worker, worker
    try:
        return function(*args)
    finally:
        _worker = before


def in_turn(streams):
    """One item of each stream after the other, until all have ended."""
    while streams:
        for stream in tuple(streams):
            try:
                yield next(stream)
            except StopIteration:
                streams.remove(stream)
