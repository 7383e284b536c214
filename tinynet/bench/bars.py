"""The figures that tinynet wants to reach, and whether the measured rows reach them."""

from dataclasses import dataclass
from typing import Callable

from tinynet.bench import rows
from tinynet.bench.compare import better, ratio


@dataclass(frozen=True)
class Bar:
    """A figure and its bound. `values` is {(row name, column): measurements}.

    `measure(values)` gives median and quartiles, or None where a row is missing.
    """

    what: str
    bound: float
    measure: Callable
    at_least: bool = False
    unit: str = ""

    def check(self, values):
        """The bar as a dict with what was measured; "holds" is None where something was not."""
        measured = self.measure(values)
        holds = None
        if measured is not None:
            holds = measured["median"] >= self.bound if self.at_least else measured["median"] <= self.bound
        return {"what": self.what, "bound": self.bound, "at_least": self.at_least, "unit": self.unit,
                "measured": measured, "holds": holds}


def against(row, column=None):
    """tinynet / PyTorch's `column`, by default its better one."""
    def measure(values):
        theirs = column or better(values, row.name)
        if (row.name, "tinynet") in values and (row.name, theirs) in values:
            return ratio(values[row.name, "tinynet"], values[row.name, theirs])
    return measure


def own(row, other=None, factor=1.0):
    """tinynet's figure itself, or its ratio to tinynet's figure in another row, times `factor`."""
    def measure(values):
        a, b = values.get((row.name, "tinynet")), other and values.get((other.name, "tinynet"))
        if a is not None and (other is None or b is not None):
            return ratio([factor * v for v in a], b or [1.0] * len(a))
    return measure


def second_thread(values):
    """tinynet's gain from a second thread / PyTorch's: how many times faster two threads are than one."""
    one, two = rows.ONE_THREAD.name, rows.TWO_THREADS.name
    theirs = better(values, two)
    needed = [(one, "tinynet"), (two, "tinynet"), (one, theirs), (two, theirs)]
    if all(key in values for key in needed):
        t1, t2, p1, p2 = (values[key] for key in needed)
        return ratio([a / b for a, b in zip(t1, t2)], [a / b for a, b in zip(p1, p2)])


BARS = [
    Bar("ResNet-20 training step / PyTorch channels_last", 0.85, against(rows.TRAIN, "channels_last")),
    Bar("ResNet-20 training step / PyTorch NCHW", 0.7, against(rows.TRAIN, "nchw")),
    Bar("the same network in unfused ops / PyTorch channels_last", 1.0,
        against(rows.UNFUSED, "channels_last")),
    Bar("ResNet-20 inference, batch 128 / PyTorch", 0.9, against(rows.INFER_128)),
    Bar("ResNet-20 inference, batch 1 / PyTorch", 1.5, against(rows.INFER_1)),
    Bar("ResNet-18 inference at 224 / PyTorch", 1.3, against(rows.RESNET18_INFER)),
    Bar("ResNet-18 training step at 224 / PyTorch", 1.3, against(rows.RESNET18_TRAIN)),
    Bar("peak memory of ResNet-20 training / PyTorch's", 0.75, against(rows.MEMORY)),
    Bar("import tinynet / import numpy", 2.5, own(rows.IMPORT, rows.IMPORT_NUMPY)),
    Bar("process start to first step, warm cache / PyTorch's", 2.0, against(rows.START)),
    Bar("process start to first step, empty cache", 30.0, own(rows.START_EMPTY), unit=" s"),
    Bar("gain from a second thread / PyTorch's gain", 0.9, second_thread, at_least=True),
    Bar("time per image at batch 512 / at batch 128", 1.15, own(rows.BATCH_512, rows.BATCH_128, 128 / 512)),
]
