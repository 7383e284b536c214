"""The results of a network on a test set: how often it is right, in which class, and its worst mistakes."""

import dataclasses

import numpy as np

from tinynet.data.dataset import ImageDataset
from tinynet.inspect.table import table
from tinynet.system.progress import progress

WIDTH = 24                             # characters of a class's name in a table


@dataclasses.dataclass
class Outcome:
    """`probabilities` (N, classes) of each image of `dataset`."""

    dataset: ImageDataset
    probabilities: np.ndarray

    def __post_init__(self):
        self.predictions = self.probabilities.argmax(1)
        classes = len(self.dataset.classes)
        self.confusion = np.zeros((classes, classes), np.int64)        # truth down, prediction across
        np.add.at(self.confusion, (self.dataset.labels, self.predictions), 1)

    @property
    def accuracy(self):
        """The share of right answers, from 0 to 1."""
        return np.trace(self.confusion) / self.confusion.sum()

    @property
    def loss(self):
        """The mean cross-entropy, in nats."""
        truth = self.probabilities[np.arange(len(self.predictions)), self.dataset.labels]
        return float(-np.log(np.maximum(truth, np.finfo(np.float32).tiny)).mean())

    def classes(self):
        """(name, images, right answers, the class that it is most often mistaken for, how often) of each class."""
        for i, name in enumerate(self.dataset.classes):
            row = self.confusion[i].copy()
            right, row[i] = int(row[i]), 0
            other = int(row.argmax())
            yield name, int(self.confusion[i].sum()), right, self.dataset.classes[other], int(row[other])

    def mistakes(self, most):
        """The indices of the images that the network gets wrong, in descending order of its probability."""
        wrong = np.flatnonzero(self.predictions != self.dataset.labels)
        sure = self.probabilities[wrong, self.predictions[wrong]]
        return wrong[np.argsort(-sure, kind="stable")][:most]

    def table(self):
        """The accuracy by class, as lines of text."""
        rows = [(short(name), str(images), f"{100 * right / images:.1f} %" if images else "-",
                 f"{short(other)} ({count})" if count else "") for name, images, right, other, count in self.classes()]
        return table(("class", "images", "right", "most often taken for"), rows)


def measure(classifier, dataset):
    """The `Outcome` of a `Classifier` on a data set, whose classes must be the classifier's. ValueError for others."""
    if list(dataset.classes) != classifier.classes:
        raise ValueError(f"the network's classes are {', '.join(classifier.classes[:10])}; the data's are "
                         f"{', '.join(dataset.classes[:10])}")
    card = classifier.card
    wanted = (*card.size, card.channels)
    if dataset.images.shape[1:] != wanted and len(set(dataset.images.shape[3:]) | {card.channels}) > 1:
        raise ValueError(f"the network takes images {wanted}, the data has {dataset.images.shape[1:]}")
    with progress(len(dataset), "images", "measuring", delay=2) as bar:
        return Outcome(dataset, classifier.probabilities(dataset.images, bar))


def short(name):
    return name if len(name) <= WIDTH else name[:WIDTH - 1] + "…"
