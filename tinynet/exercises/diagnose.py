"""Explain the difference between an array and the right one: shape, sign, factor, order of axes, place."""

import itertools

import numpy as np


def same(a, b):
    """Equal up to rounding, which is far below any mistake: both come from formulas, in float64."""
    scale = max(1.0, np.abs(b).max(initial=0))
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-7, atol=1e-9 * scale)


def explain(found, right, suspects=()):
    """The first explanation that fits; `suspects` are pairs (what a known mistake gives, words for it)."""
    found = found.astype(np.float64)
    for suspect, words in suspects:
        if same(found, suspect):
            return words
    for hypothesis in (wrong_shape, not_finite, zero, factor, transposed, along_one_axis, some_elements):
        words = hypothesis(found, right)
        if words:
            return words


def wrong_shape(found, right):
    if found.shape == right.shape:
        return None
    words = f"the shape is {found.shape}, expected {right.shape}"
    axes = broadcast_axes(found.shape, right.shape)
    if axes:
        fits = same(found.sum(axes).reshape(right.shape), right)
        return (f"{words}: a sum over {axes_in_words(axes)}, along which values were broadcast, is missing"
                + ("; with it, it is right" if fits else ""))
    if sorted(found.shape) == sorted(right.shape):
        return f"{words}: it is transposed, or what it is made of is"
    if found.size == right.size:
        return f"{words}: as many elements; reshape it, or sum with keepdims=True"
    return words


def broadcast_axes(large, small):
    """The axes along which `small` was repeated to give `large`; () if it cannot have been."""
    added = len(large) - len(small)
    if added < 0 or any(n not in (1, m) for m, n in zip(large[added:], small)):
        return ()
    return tuple(i for i, m in enumerate(large) if i < added or small[i - added] != m)


def axes_in_words(axes):
    return f"axis {axes[0]}" if len(axes) == 1 else f"axes {axes}"


def not_finite(found, right):
    count = found.size - np.isfinite(found).sum()
    if count:
        return f"{count} of {found.size} elements are NaN or infinite: is there a division, log or exp of 0?"


def zero(found, right):
    if not found.any():
        return "it is 0 everywhere: nothing comes through"


def factor(found, right):
    square = (right * right).sum()
    ratio = (found * right).sum() / square if square else 0
    if not ratio or not same(found, ratio * right):
        return None
    if np.isclose(ratio, -1):
        return "the sign is wrong: every element is -1 times what it should be"
    if ratio < 0:
        return f"the sign and a factor are wrong: every element is {ratio:.4g} times what it should be"
    if ratio > 1:
        return f"a factor is wrong: every element is {ratio:.4g} times too large"
    return f"a factor is wrong: every element is {1 / ratio:.4g} times too small"


def transposed(found, right):
    for axes in itertools.permutations(range(right.ndim)):
        if same(found.transpose(axes), right):
            return f"it is transposed: with its axes in the order {axes} it is right"


def along_one_axis(found, right):
    """A factor, or a term, that changes along one axis alone: often a sum or mean over the others."""
    if right.all():
        axis = only_axis(found / right)
        if axis is not None:
            return (f"it is right but for a factor that changes along axis {axis} alone: "
                    f"something of shape ({right.shape[axis]},) is missing, or too much")
    axis = only_axis(found - right)
    if axis is not None:
        others = tuple(i for i in range(right.ndim) if i != axis)
        return (f"it is right but for a term that changes along axis {axis} alone: "
                f"a sum or mean over {axes_in_words(others)} is missing, or too much")


def only_axis(values):
    """The only axis along which `values` change, None if there is no such axis."""
    for axis, size in enumerate(values.shape):
        others = tuple(i for i in range(values.ndim) if i != axis)
        if values.size > size and same(values, values.mean(others, keepdims=True) + 0 * values):
            return axis


def some_elements(found, right):
    wrong = ~np.isclose(found, right, rtol=1e-7, atol=1e-9)
    words = f"{wrong.sum()} of {wrong.size} elements are wrong"
    if not found[wrong].any():
        return f"{words}; they are 0 and should not be"
    if not right[wrong].any():
        return f"{words}; they should be 0"
    return words
