"""What all losses share: the losses of single elements become one number."""

import math
import warnings


def reduced(name, loss, reduction, divisor=None):
    """The losses of single elements, their sum, or that sum over `divisor` (by default their number)."""
    if reduction == "none":
        return loss
    if reduction == "sum":
        return loss.sum()
    if reduction != "mean":
        raise ValueError(f'{name}: expected reduction "mean", "sum" or "none", got {reduction!r}')
    if divisor is None:
        return loss.mean()
    return loss.sum() / divisor if divisor else loss.sum() * math.nan        # 0 / 0: every label was ignored


def chosen(name, reduction, size_average, reduce):
    """The reduction that the deprecated options ask for, or `reduction` itself where both are None.

    `reduce=False` is "none"; else `size_average=False` is "sum", and all others are "mean".
    """
    if size_average is None and reduce is None:
        return reduction
    old = "none" if reduce is False else "sum" if size_average is False else "mean"
    warnings.warn(f"{name}: size_average and reduce are deprecated; use reduction={old!r}", stacklevel=3)
    return old
