"""Arrays in the form of the page: a sample of the values in 16 bits each, and statistics of all values."""

import base64
import math

import numpy as np

LARGEST = 32_000                       # the code of the largest finite magnitude in a sample
NAN, INFINITY = -32_768, 32_767        # the codes of NaN and of infinity
BINS = 24                              # of a histogram
MOST = 16_384                          # values of one array
MANY = 1_000_000                       # values that a histogram counts


class Snapshot:
    """An array as it was at one moment: a sample of at most `MOST` values, and statistics of all of them."""

    def __init__(self, array):
        array = np.asarray(array)
        self.shape, self.dtype, self.statistics = array.shape, array.dtype, statistics(array)
        panels, self.left_out = as_panels(array)
        self.panels, self.thinned = thin(panels, MOST)
        self.panels = self.panels.copy()

    def packed(self, budget=MOST):
        """A dictionary for the page. For a single number it has the number alone.

        `layout` is (panels, rows, columns): an image's channels are panels, a matrix is one panel, a vector is one row.
        If not all values fit, whole images, channels or rows are left out, and `leftOut` says which.
        """
        if self.statistics["count"] == 1 and "mean" in self.statistics:
            return {"shape": list(self.shape), "dtype": str(self.dtype), "number": self.statistics["mean"]}
        panels, thinned = thin(self.panels, budget)
        values, scale = encode(panels)
        return {"shape": list(self.shape), "dtype": str(self.dtype), "layout": list(panels.shape), "values": values,
                "scale": scale, "leftOut": "; ".join([*self.left_out, *(thinned or self.thinned)]),
                "whole": self.statistics}


def as_panels(array):
    """(array of three axes: panels, rows, columns; a list of what was left out)."""
    if array.ndim <= 1:
        return array.reshape(1, 1, -1), []
    if array.ndim == 2:
        return array[None], []
    if array.ndim == 4 and max(array.shape[2:]) <= 7 and array.shape[0] * array.shape[1] > 1:    # kernels (K, C, R, S)
        return array.reshape(-1, *array.shape[2:]), []
    leading = array.shape[:-3]
    first = array[(0,) * len(leading)] if array.size else array.reshape(-1, *array.shape[-2:])
    return first, [f"the first of {math.prod(leading):,} is shown"] if math.prod(leading) > 1 else []


def thin(panels, budget):
    """Fewer panels, then fewer rows and columns, until the values fit into the budget."""
    count, rows, columns = panels.shape
    if panels.size <= budget:
        return panels, []
    said = []
    most = max(1, min(count, budget // max(1, min(rows, 64) * min(columns, 64))))
    if most < count:
        said.append(f"{most} of {count} panels are shown")
        panels = panels[:most]
    step = max(1, math.ceil(math.sqrt(panels.size / budget))) if rows > 1 else math.ceil(columns / budget)
    if step > 1:
        said.append(f"every {ordinal(step)} row and column is shown" if rows > 1 else
                    f"every {ordinal(step)} value is shown")
        panels = panels[:, ::step if rows > 1 else 1, ::step]
    return panels, said


def ordinal(n):
    return f"{n}{'th' if 10 < n % 100 < 14 else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"


def encode(values):
    """(base64 of little-endian 16-bit integers, the value of one unit)."""
    numbers = values.astype(np.float64).ravel()
    finite = np.isfinite(numbers)
    largest = np.abs(numbers[finite]).max(initial=0.0)
    scale = largest / LARGEST or 1.0
    codes = np.full(numbers.shape, NAN, "<i2")
    codes[finite] = np.rint(numbers[finite] / scale)
    codes[numbers == np.inf], codes[numbers == -np.inf] = INFINITY, -INFINITY
    return base64.b64encode(codes.tobytes()).decode("ascii"), scale


def statistics(array):
    """Facts about the whole array: mean, spread, extremes, share of zeros, counts of NaN and infinity, a histogram."""
    numbers = array.astype(np.float64).ravel()
    if numbers.size == 1 and np.isfinite(numbers[0]):
        value = float(numbers[0])
        return {"count": 1, "nan": 0, "infinite": 0, "mean": value, "std": 0.0, "min": value, "max": value,
                "zeros": float(value == 0), "norm": abs(value), "histogram": [1]}
    finite = numbers[np.isfinite(numbers)]
    if not finite.size:
        return {"count": numbers.size, "nan": int(np.isnan(numbers).sum()), "infinite": int(np.isinf(numbers).sum())}
    low, high = float(finite.min()), float(finite.max())
    some = finite[::1 + finite.size // MANY]           # the form of a histogram needs no more, and counting takes time
    bins = np.histogram(some, BINS, (low, high))[0].tolist() if low < high else [finite.size]
    return {"count": numbers.size, "nan": int(np.isnan(numbers).sum()), "infinite": int(np.isinf(numbers).sum()),
            "mean": float(finite.mean()), "std": float(finite.std()), "min": low, "max": high,
            "zeros": float((finite == 0).mean()), "norm": float(np.linalg.norm(finite)), "histogram": bins}
