"""The three parts of a data set: what a network learns from, what tells when to stop, and what tells how good it is."""

from typing import NamedTuple

from tinynet.data.dataset import ImageDataset, channel_statistics


class Parts(NamedTuple):
    """`train`, `validation` (or None) and `test`, each a ImageDataset, with the same classes."""

    train: ImageDataset
    validation: ImageDataset | None
    test: ImageDataset

    def measured(self):
        """The same parts with the mean and std of the training images."""
        mean, std = channel_statistics(self.train.images)
        return Parts(*(part and part.with_statistics(mean, std) for part in self))
