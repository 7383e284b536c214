"""Proof of a gradient: compare what `backward` says with what happens when the input really moves.

For a function f and a fixed random cotangent v, backward gives g = J^T v. Moving one element of the input by a small
h changes s = <v, f(x)> by about h g: the central difference (s(x + h e) - s(x - h e)) / 2h must equal g at that
element, for every element. Where there are too many of them, x moves along random directions d instead, and the
difference must equal <g, d>.

The cotangent must be random: seeded with ones, softmax and BatchNorm, whose outputs have a constant sum, would pass
with a backward of all zeros. The check runs in float64, where the error of a central difference is about h^2.
"""

import dataclasses

import numpy as np

from tinynet.gradients.modes import no_grad
from tinynet.tensor import Tensor

STEP = 1e-5                            # near the cube root of float64's rounding error, where both errors balance
TOLERANCE = 1e-6
ALL_INDICES_UP_TO = 400                # elements; larger inputs are checked along random directions
DIRECTIONS = 12


@dataclasses.dataclass
class Comparison:
    """The worst disagreement found, `error`: relative to the input's largest gradient (or to 1, if larger).

    It is at `index`, () for a direction, of that `input`: backward says `analytic`, the difference `numeric`.
    """

    error: float                       # relative error, the figure that must stay below the tolerance
    input: int = -1                    # which input
    index: tuple = ()                  # which element of it, () for a direction
    analytic: float = 0.0              # what backward says
    numeric: float = 0.0               # what the difference says

    def __str__(self):
        where = f"index {self.index}" if self.index else "a random direction"
        return (f"relative error {self.error:.2e} at input {self.input}, {where}: "
                f"backward gives {self.analytic:.9g}, the central difference {self.numeric:.9g}")


class GradientError(AssertionError):
    """A gradient that is not the derivative."""


def gradcheck(function, inputs, tolerance=TOLERANCE, seed=0):
    """Check d function / d inputs; returns the worst `Comparison`, raises GradientError if it exceeds the tolerance.

    `function` takes tensors and returns one or a tuple of them; `inputs` are arrays or tensors of any shape.
    Floating-point inputs are checked, in float64; others are passed as they are. Stay clear of kinks and
    ties: see `distinct`.
    `tolerance` is relative to the largest gradient. After PyTorch's `torch.autograd.gradcheck`.
    """
    worst = compare(function, [np.array(getattr(x, "array", x)) for x in inputs], np.random.default_rng(seed))
    if not worst.error <= tolerance:
        raise GradientError(f"wrong gradient: {worst} (tolerance {tolerance:g})")
    return worst


def compare(function, arrays, rng):
    """The worst disagreement between backward and central differences over all floating-point inputs."""
    arrays = [x.astype(np.float64) if x.dtype.kind == "f" else x for x in arrays]
    cotangents, gradients = analytic_gradients(function, arrays, rng)
    worst = Comparison(0.0)
    for i, gradient in enumerate(gradients):
        if gradient is not None:
            value = lambda x: objective(function, [*arrays[:i], x, *arrays[i + 1:]], cotangents)
            found = compare_input(value, arrays[i], gradient, rng)
            found.input = i
            worst = max(worst, found, key=lambda c: np.inf if np.isnan(c.error) else c.error)
    return worst


def analytic_gradients(function, arrays, rng):
    """(random cotangents, one per output; gradients from `backward`, None for inputs that have none)"""
    tensors = [Tensor(x.copy(), requires_grad=x.dtype.kind == "f") for x in arrays]
    outputs = as_tuple(function(*tensors))
    cotangents = [rng.standard_normal(y.shape) if y.dtype.kind == "f" else None for y in outputs]
    total = None
    for y, v in zip(outputs, cotangents):
        if v is not None and y.requires_grad:
            part = weighted_sum(y, v)
            total = part if total is None else total + part
    if total is None:
        raise GradientError("wrong gradient: no output is connected to an input that requires a gradient")
    total.backward()
    gradients = []
    for tensor in tensors:
        missing = tensor.requires_grad and tensor.grad is None
        gradients.append(np.zeros(tensor.shape) if missing else getattr(tensor.grad, "array", None))
    return cotangents, gradients


def weighted_sum(y, v):
    """<v, y> as a recorded scalar."""
    from tinynet.ops.arithmetic import mul
    from tinynet.ops.reduce import sum
    return sum(mul(y, Tensor(v)))


@no_grad()
def objective(function, arrays, cotangents):
    """<v, f(x)>"""
    outputs = as_tuple(function(*(Tensor(x) for x in arrays)))
    return sum(float(np.sum(y.array * v)) for y, v in zip(outputs, cotangents) if v is not None)


def compare_input(value, x, gradient, rng):
    """Compare the gradient with respect to `x` with differences of the scalar function `value`."""
    if gradient.shape != x.shape:
        return Comparison(np.inf, index=gradient.shape)
    scale = max(1.0, np.abs(gradient).max(initial=0))
    worst = Comparison(0.0)
    for direction, index in moves(x.shape, rng):
        numeric = (value(x + STEP * direction) - value(x - STEP * direction)) / (2 * STEP)
        analytic = float(np.sum(gradient * direction))
        error = abs(numeric - analytic) / scale
        if not error <= worst.error:                   # also true for NaN
            worst = Comparison(error, -1, index, analytic, numeric)
    return worst


def moves(shape, rng):
    """Pairs (direction, index): each unit vector for small shapes, random directions of unit length for large ones."""
    size = int(np.prod(shape))
    if size > ALL_INDICES_UP_TO:
        for _ in range(DIRECTIONS):
            direction = rng.standard_normal(shape)
            yield direction / np.linalg.norm(direction), ()
        return
    for index in np.ndindex(*shape):
        direction = np.zeros(shape)
        direction[index] = 1
        yield direction, index


def distinct(shape, rng, gap=0.05):
    """Random values of that shape, `gap` or more apart, half of it from 0: no kink or tie within a step."""
    size = int(np.prod(shape))
    values = (np.arange(size) - size // 2 + 0.5) * gap
    return rng.permutation(values).reshape(shape)


def as_tuple(outputs):
    return outputs if isinstance(outputs, tuple) else (outputs,)
