"""The common last step of all losses: the losses of single elements become one number."""

import math
import warnings

from tinynet.ops.reduce import Mean


def reduced(name, loss, reduction, divisor=None):
    """The losses of single elements, their sum, or that sum over `divisor` (by default their number)."""
    divisor = divisor_for(name, reduction, lambda: loss.numel() if divisor is None else divisor)
    return loss if divisor is None else Mean.apply(loss, tuple(range(loss.ndim)), False, divisor)


def divisor_for(name, reduction, number):
    """What the sum of the losses is divided by: `number()` for "mean", 1 for "sum", and None for "none", no sum at all.

    A number of 0 becomes NaN, and so does the loss: every label was ignored.
    """
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f'{name}: expected reduction "mean", "sum" or "none", got {reduction!r}')
    return {"sum": 1, "none": None}[reduction] if reduction != "mean" else number() or math.nan


def chosen(name, reduction, size_average, reduce):
    """The reduction that the deprecated options ask for, or `reduction` itself where both are None.

    `reduce=False` is "none"; else `size_average=False` is "sum", and all others are "mean".
    """
    if size_average is None and reduce is None:
        return reduction
    old = "none" if reduce is False else "sum" if size_average is False else "mean"
    warnings.warn(f"{name}: size_average and reduce are deprecated; use reduction={old!r}", stacklevel=3)
    return old
