"""Batches of an image data set, in an order that a seed decides, and some of them made ahead of their use."""

from collections import deque

import numpy as np

from tinynet.data.augment import ORDER, Normalize, resized, stream
from tinynet.data.dataset import DataError
from tinynet.tensor import Tensor


class Loader:
    """Gives pairs of Tensors: images (N, C, H, W), float32 in channels-last memory, and labels (N,), int64.

    `normalize` is True for the data set's own mean and std, another pair, or False for pixels from 0 to 1.
    Each `for` loop over the loader is an epoch, with an order and augmentations of its own; `set_epoch` sets the
    number of the next epoch. A thread makes `prefetch` batches ahead, which does not change them. `side(epoch)` is the
    side in pixels to which the images of that epoch are shrunk, or None. ValueError for a `batch_size` below 1,
    DataError if `drop_last` leaves no batch.
    """

    unit = "image"                 # in counts and errors

    def __init__(self, dataset, batch_size=128, shuffle=True, augment=None, normalize=True, seed=0,
                 drop_last=False, prefetch=1, side=lambda epoch: None):
        if batch_size < 1:
            raise ValueError(f"Loader: expected a batch_size of at least 1, got {batch_size}")
        if drop_last and len(dataset) < batch_size:
            raise DataError(f"Loader: no batch of {batch_size} in {len(dataset)} images, and drop_last=True")
        if isinstance(normalize, bool):
            normalize = (dataset.mean, dataset.std) if normalize else (0, 1)
        self.dataset, self.batch_size, self.shuffle, self.augment = dataset, batch_size, shuffle, augment
        self.normalize = Normalize(*normalize)
        self.seed, self.drop_last, self.prefetch = seed, drop_last, prefetch
        self.side = side
        self.epoch = 0
        self.rank, self.world_size = 0, 1

    def share(self, rank, world_size):
        """From now on, give the part of process `rank` of each batch, in `world_size` parts. They differ by at most 1.

        The batches stay those of one process, whatever the number of processes: images, order and augmentation.
        A part may be empty, of a last batch of few images.
        """
        self.rank, self.world_size = rank, world_size

    def __len__(self):
        """Batches in an epoch."""
        whole, rest = divmod(len(self.dataset), self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    @property
    def count(self):
        """Images in an epoch."""
        return len(self) * self.batch_size if self.drop_last else len(self.dataset)

    def count_of(self, step):
        """Images in batch number `step`, in all its parts together."""
        return min(self.batch_size, len(self.dataset) - step * self.batch_size)

    def set_epoch(self, epoch):
        """The next `for` loop is this epoch."""
        self.epoch = epoch

    def __iter__(self):
        epoch = self.epoch
        self.epoch += 1
        return self.iterate(epoch)

    def iterate(self, epoch, start=0):
        """The batches of `epoch` from number `start` on: the same as in an epoch that was not interrupted."""
        make = self.batch_maker(epoch)
        return ahead(make, range(start, len(self)), self.prefetch)

    def batch_maker(self, epoch):
        """A function that makes batch number `step` of the epoch."""
        order, draws, side = self.order(epoch), self.draws(epoch), self.side(epoch)

        def make(step):
            index = order[step * self.batch_size:(step + 1) * self.batch_size]
            index = np.array_split(index, self.world_size)[self.rank]
            images = self.dataset.images[index]
            if self.augment:
                images = self.augment(images, draws[index], self.blank())
            images = self.normalize(images)
            if side:
                images = resized(images, side)
            images = images.transpose(0, 3, 1, 2)                       # (N, C, H, W), memory stays as it is
            return Tensor(images), Tensor(self.dataset.labels[index])

        return make

    def order(self, epoch):
        """The indices of all images (N,), in the order of the epoch."""
        count = len(self.dataset)
        return stream(self.seed, epoch, ORDER).permutation(count) if self.shuffle else np.arange(count)

    def draws(self, epoch):
        """The random numbers (N, 5) of the epoch's augmentation, or None."""
        return self.augment.draw(self.seed, epoch, len(self.dataset)) if self.augment else None

    def blank(self):
        """The mean colour, in units of the stored pixels: it makes Cutout's square (nearly) zero after normalising."""
        mean = self.dataset.mean
        return np.round(mean * 255) if self.dataset.images.dtype == np.uint8 else mean


def ahead(make, steps, count):
    """Yield make(step) for each step, `count` of them made in advance in a thread.

    An exception of `make` is raised here. When the caller stops iterating, the generator closes and the thread ends.
    """
    if count == 0:
        yield from map(make, steps)
        return
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(1, "loader") as thread:
        waiting = deque()
        for step in steps:
            waiting.append(thread.submit(make, step))
            if len(waiting) > count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
