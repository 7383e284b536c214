"""Measuring a model on data that it was not trained on."""

import dataclasses

import numpy as np

from tinynet.gradients.modes import no_grad
from tinynet.nn import functional as F
from tinynet.train.views import VIEWS


@dataclasses.dataclass
class Result:
    """`loss`: mean cross-entropy, in nats; `confusion` (classes, classes): truth down, prediction across."""

    loss: float
    confusion: np.ndarray

    @property
    def accuracy(self):
        """The share of right answers, from 0 to 1."""
        return np.trace(self.confusion) / self.confusion.sum()

    @property
    def per_class(self):
        """The share of right answers in each class; NaN for a class without images."""
        with np.errstate(invalid="ignore"):
            return np.diag(self.confusion) / self.confusion.sum(1)


@no_grad()
def evaluate(model, loader, classes=10, views="one"):
    """A `Result`: loss and confusion matrix of `model`, in eval mode, over all batches of `loader`.

    A batch is a pair, inputs and labels (N, ...); scores (N, classes, ...). `views`: "mirror" or "six" take the mean
    of the scores of so many views of an image (N, C, H, W), see `train/views.py`. ValueError for other `classes`.
    """
    was_training = model.training
    model.eval()
    total, confusion = 0.0, np.zeros((classes, classes), np.int64)
    for inputs, labels in loader:
        logits = VIEWS[views](model, inputs)
        if logits.shape[1] != classes:
            raise ValueError(f"evaluate: the model has {logits.shape[1]} classes, the data has {classes}")
        total += F.cross_entropy(logits, labels, reduction="sum").item()
        np.add.at(confusion, (labels.array, logits.array.argmax(1)), 1)
    model.train(was_training)
    return Result(total / confusion.sum(), confusion)
