"""Labels as users have them (numbers from 1, numbers with gaps, words), as indices into a list of classes."""

import numpy as np

from tinynet.data.dataset import DataError


class Labels:
    """The different values among `labels`, in ascending order, and the name of the class for each value.

    `classes` may give the names. Labels from 0 up are then indices into the names; words must be among the names;
    other numbers, as many as there are names, are matched with the names in ascending order. Without `classes`, the
    label itself is the name. DataError for labels that do not fit.
    """

    def __init__(self, labels, classes=None, name="data"):
        self.name = name
        labels = self.flat(labels)
        self.values = np.unique(labels)
        if classes is None:
            self.classes = [str(value) for value in self.values]
            return
        self.classes = list(map(str, classes))
        if labels.dtype.kind == "U":
            self.values = np.array(self.classes)
        elif len(self.values) and not 0 <= self.values[0] <= self.values[-1] < len(self.classes):
            if len(self.values) != len(self.classes):
                raise DataError(f"{name}: expected labels from 0 to {len(self.classes) - 1}, or {len(self.classes)} "
                                f"different ones, got {len(self.values)}, from {self.values[0]} to {self.values[-1]}")
        else:
            self.values = np.arange(len(self.classes))

    def flat(self, labels):
        """Labels (N,) as an array of numbers or strings."""
        labels = np.asarray(labels)
        if labels.ndim == 2 and labels.shape[1] == 1:
            labels = labels[:, 0]
        if labels.dtype.kind == "S":
            labels = np.char.decode(labels, "utf-8")
        if labels.ndim != 1 or labels.dtype.kind not in "iubU":
            raise DataError(f"{self.name}: expected labels (N,), whole numbers or strings, got {labels.shape} of "
                            f"{labels.dtype}")
        return labels

    def indices(self, labels):
        """The index (N,) of each label's class. DataError for an unknown label."""
        labels = self.flat(labels)
        order = np.argsort(self.values, kind="stable")
        ranked = self.values[order]
        if (labels.dtype.kind == "U") != (ranked.dtype.kind == "U"):
            raise DataError(f"{self.name}: expected labels of one kind, numbers or strings, got both")
        found = np.searchsorted(ranked, labels).clip(max=len(ranked) - 1)
        wrong = np.flatnonzero(ranked[found] != labels)
        if wrong.size:
            shown = ", ".join(map(str, self.values[:20]))
            raise DataError(f"{self.name}: expected labels among {shown}, got {labels[wrong[0]]} at image {wrong[0]}")
        return order[found]
