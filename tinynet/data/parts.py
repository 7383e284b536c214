"""The three parts of a data set: for training, for validation (when to stop), and for the final test."""

from typing import NamedTuple

from tinynet.data.dataset import ImageDataset, channel_statistics


class Parts(NamedTuple):
    """`train`, `validation` (or None) and `test`, each an ImageDataset, with the same classes."""

    train: ImageDataset
    validation: ImageDataset | None
    test: ImageDataset

    def measured(self):
        """The same parts with the mean and std of the training images."""
        mean, std = channel_statistics(self.train.images)
        return Parts(*(part and part.with_statistics(mean, std) for part in self))
