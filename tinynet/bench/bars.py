"""The figures that tinynet wants to reach, and whether the measured rows reach them."""

import math
import statistics
from dataclasses import dataclass
from typing import Callable

from tinynet.bench import rows
from tinynet.bench.compare import better, ratio, summary


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
        """The bar as a dict with the measured figure; "holds" is None if a figure is missing."""
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


def mean_ratio(chosen):
    """The geometric mean of tinynet / PyTorch's better column over several rows: of their medians and quartiles."""
    def measure(values):
        ratios = [against(row)(values) for row in chosen]
        if all(ratios):
            return {part: math.prod(r[part] for r in ratios) ** (1 / len(ratios)) for part in ("median", "low", "high")}
    return measure


def worst(chosen):
    """The largest tinynet / PyTorch's better column among several rows."""
    def measure(values):
        ratios = [against(row)(values) for row in chosen]
        if all(ratios):
            return max(ratios, key=lambda r: r["median"])
    return measure


def operators(slower_than=0.0, faster_than=math.inf, extra=False):
    """The worst operator row that takes PyTorch so long, in seconds: as a ratio, or as `extra` time in microseconds."""
    def measure(values):
        found = []
        for row in rows.GROUPS["operators"]:
            theirs = better(values, row.name)
            if row.conv_method or theirs is None or (row.name, "tinynet") not in values:
                continue
            ours, other = values[row.name, "tinynet"], values[row.name, theirs]
            if slower_than <= statistics.median(other) < faster_than:
                found.append(summary([1e6 * (a - b) for a, b in zip(ours, other)]) if extra else ratio(ours, other))
        return max(found, key=lambda r: r["median"], default=None)
    return measure


STEPS, ANSWERS = rows.STEPS.values(), rows.ANSWERS.values()

BARS = [
    Bar("training step, mean of ten networks / PyTorch", 0.85, mean_ratio(STEPS)),
    Bar("training step, the worst of ten networks / PyTorch", 1.1, worst(STEPS)),
    Bar("ResNet-20 training step, batch 128 / PyTorch", 0.8, against(rows.TRAIN)),
    Bar("ResNet-20 four times as wide, training step / PyTorch", 0.75, against(rows.STEPS["wide_resnet20"])),
    Bar("ResNet-18 training step / PyTorch", 0.75, against(rows.STEPS["resnet18"])),
    Bar("inference, mean of ten networks / PyTorch", 0.9, mean_ratio(ANSWERS)),
    Bar("ResNet-20 inference, batch 128 / PyTorch", 0.75, against(rows.INFER_128)),
    Bar("ResNet-20 inference, batch 1 / PyTorch", 1.0, against(rows.INFER_1)),
    Bar("int8 ResNet-20 inference, batch 128 / float", 0.7, own(rows.INT8_128, rows.INFER_128)),
    Bar("worst operator that takes PyTorch 0.1 ms or more", 1.25, operators(slower_than=1e-4)),
    Bar("worst smaller operator, more than PyTorch", 30.0, operators(faster_than=1e-4, extra=True), unit=" µs"),
    Bar("peak memory of ResNet-20 training / PyTorch's", 0.5, against(rows.MEMORY)),
    Bar("import tinynet / import numpy", 2.5, own(rows.IMPORT, rows.IMPORT_NUMPY)),
    Bar("process start to first step, warm cache / PyTorch's", 2.0, against(rows.START)),
    Bar("process start to first step, empty cache", 15.0, own(rows.START_EMPTY), unit=" s"),
    Bar("gain from a second thread / PyTorch's gain", 0.95, second_thread, at_least=True),
    Bar("time per image at batch 512 / at batch 128", 1.15, own(rows.BATCH_512, rows.BATCH_128, 128 / 512)),
]
