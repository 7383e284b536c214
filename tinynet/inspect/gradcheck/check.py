"""The check of one function: central differences, and the other rules for a backward."""

import numpy as np

from tinynet.inspect.gradcheck import conduct
from tinynet.inspect.gradcheck.conduct import GradientError
from tinynet.inspect.gradcheck.differences import ALL_INDICES_UP_TO, TOLERANCE, Comparison, compare_input


def gradcheck(function, inputs, tolerance=TOLERANCE, seed=0):
    """Check d function / d inputs; returns the worst `Comparison`, raises GradientError if it exceeds the tolerance.

    `function` takes tensors and returns one or a tuple of them; `inputs` are arrays or tensors of any shape.
    Floating-point inputs are checked, in float64; others are not changed. Values must not be near kinks or ties: see
    `distinct`. `tolerance` is relative to the largest gradient of each input. The backward must give the same gradients
    for inputs in any order of memory, and when it runs twice. It must not write into its inputs, into the gradient that
    it gets, or into saved arrays. `seed` is the seed of the random gradients of the outputs. Follows PyTorch's
    `torch.autograd.gradcheck`.
    """
    worst = compare(function, [np.array(getattr(x, "array", x)) for x in inputs], np.random.default_rng(seed))
    if not worst.error <= tolerance:
        raise GradientError(f"wrong gradient: {worst} (tolerance {tolerance:g})")
    return worst


def compare(function, arrays, rng, every=ALL_INDICES_UP_TO):
    """The worst disagreement over all floating-point inputs; a fault that `conduct` finds comes first.

    Inputs of up to `every` elements move element by element, larger ones along random directions.
    """
    return examine(function, arrays, rng, lambda *found: compare_inputs(*found, rng, every))


def conduct_alone(function, arrays, rng):
    """`compare` without differences, where PyTorch's gradient is a convention and not the derivative."""
    return examine(function, arrays, rng, lambda *found: Comparison(0.0))


def examine(function, arrays, rng, compare_numbers):
    arrays = [x.astype(np.float64) if x.dtype.kind == "f" else x for x in arrays]
    cotangents, gradients, fault = conduct.gradients(function, arrays, rng)
    if fault:
        return Comparison(np.inf, fault=fault)
    worst = compare_numbers(function, arrays, cotangents, gradients)
    if worst.error <= TOLERANCE:
        worst = conduct.compare_orders(function, arrays, cotangents, gradients) or worst
    return worst


def compare_inputs(function, arrays, cotangents, gradients, rng, every):
    worst = Comparison(0.0)
    for i, gradient in enumerate(gradients):
        if gradient is not None:
            found = compare_input(function, arrays, i, cotangents, gradient, rng, every)
            worst = max(worst, found, key=lambda c: np.inf if np.isnan(c.error) else c.error)
    return worst


def analytic_gradients(function, arrays, rng):
    """(random cotangents, one per output; gradients from `backward`, None for inputs that have none)"""
    return conduct.gradients(function, arrays, rng)[:2]
