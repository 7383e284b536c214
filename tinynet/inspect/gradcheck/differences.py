"""Central differences: the change of the outputs when an input really changes.

For a function f and a fixed random cotangent v, backward gives g = J^T v. A change of one element of an input by a
small h changes <v, f(x)> by about h g: the central difference <v, f(x + h e) - f(x - h e)> / 2h must equal g at that
element, for every element. A large input is changed along random directions d instead, and the difference must equal
<g, d>.

The cotangent must be random. The outputs of softmax and BatchNorm have a constant sum: with a cotangent of ones, even
a backward of all zeros would pass. The check runs in float64, where the error of a central difference is about h^2.
"""

import dataclasses

import numpy as np

from tinynet.gradients.modes import no_grad
from tinynet.tensor import Tensor

STEP = 1e-5                            # near the cube root of float64's rounding error, where both errors balance
TOLERANCE = 1e-6
ALL_INDICES_UP_TO = 400                # elements; larger inputs move along random directions
DIRECTIONS = 12
ROUNDING = 16 * np.finfo(np.float64).eps       # the relative error of a value that some ten operations made


@dataclasses.dataclass
class Comparison:
    """The worst disagreement found, `error`: relative to the largest gradient of that input.

    It is at `index` of that `input`, () for a direction: backward gives `analytic`, the difference `numeric`. `fault`
    describes a fault of another kind.
    """

    error: float                       # relative error, the figure that must stay below the tolerance
    input: int = -1                    # which input
    index: tuple = ()                  # which element of it, () for a direction
    analytic: float = 0.0              # what backward says
    numeric: float = 0.0               # what the difference says
    fault: str = ""                    # a fault of another kind, in words

    def __str__(self):
        if self.fault:
            return self.fault
        where = f"index {self.index}" if self.index else "a random direction"
        return (f"relative error {self.error:.2e} at input {self.input}, {where}: "
                f"backward gives {self.analytic:.9g}, the central difference {self.numeric:.9g}")


def compare_input(function, arrays, i, cotangents, gradient, rng, every=ALL_INDICES_UP_TO):
    """The worst disagreement between the gradient of input `i` and the central differences. See `moves` for `every`.

    The error is relative to the largest gradient of this input, even if the gradients of other inputs are larger. A
    difference that rounding alone can explain is not an error.
    """
    x = arrays[i]
    if gradient.shape != x.shape:
        return Comparison(np.inf, i, fault=f"input {i} has shape {x.shape}, its gradient {gradient.shape}")
    found = []
    for direction, index in moves(x.shape, rng, every):
        numeric, noise = difference(function, arrays, i, STEP * direction, cotangents)
        found.append((index, float(np.sum(gradient * direction)), numeric, noise))
    scale = max((abs(value) for _, analytic, numeric, _ in found for value in (analytic, numeric)), default=0) or 1
    worst, noise = Comparison(0.0, i), max((noise for *_, noise in found), default=0)
    for index, analytic, numeric, _ in found:
        error = max(abs(numeric - analytic) - noise, 0) / scale
        if not error <= worst.error:                   # also true for NaN
            worst = Comparison(error, i, index, analytic, numeric)
    return worst


@no_grad()
def difference(function, arrays, i, step, cotangents):
    """(<v, f(x + step) - f(x - step)> / 2 STEP, the error that rounding can cause in it)"""
    ends = []
    for x in (arrays[i] + step, arrays[i] - step):
        outputs = as_tuple(function(*(Tensor(a) for a in (*arrays[:i], x, *arrays[i + 1:]))))
        ends.append([y.array for y in outputs])
    total, noise = 0.0, 0.0
    for a, b, v in zip(*ends, cotangents):
        if v is not None:
            total += float(np.sum((a - b) * v))
            noise += float(np.sum(np.abs(v) * (np.abs(a) + np.abs(b)) * (a != b)))
    return total / (2 * STEP), ROUNDING * noise / (2 * STEP)


def moves(shape, rng, every):
    """Pairs (direction, index): each unit vector for up to `every` elements, random unit vectors for more."""
    size = int(np.prod(shape))
    if size > every:
        for _ in range(DIRECTIONS):
            direction = rng.standard_normal(shape)
            yield direction / np.linalg.norm(direction), ()
        return
    for index in np.ndindex(*shape):
        direction = np.zeros(shape)
        direction[index] = 1
        yield direction, index


def distinct(shape, rng, gap=0.05):
    """Random values of that shape, `gap` or more apart, and half a gap from 0: no kink or tie lies within a step."""
    size = int(np.prod(shape))
    values = (np.arange(size) - size // 2 + 0.5) * gap
    return rng.permutation(values).reshape(shape)


def as_tuple(outputs):
    """One output as a tuple of one."""
    return tuple(outputs) if isinstance(outputs, (tuple, list)) else (outputs,)
