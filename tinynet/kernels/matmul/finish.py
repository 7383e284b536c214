"""What evaluation adds to a product or a convolution, in its own pass: BatchNorm, a residual, ReLU.

    y = max(floor, (y - mean) · scale + shift + residual)

Why it is fast: as operators of their own they read and write the whole map again. Here each piece of a row of the
result is finished as soon as it is computed, while it lies in the first-level cache.
"""

import functools
import math
from typing import NamedTuple

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.emit import INT, load, spread, unpack
from tinynet.kernels.machine.simd import LANES, VECTOR, address, multiply_add
from tinynet.kernels.norm.fast import floor_of

NOTHING = np.zeros(max(1, LANES), np.float32)      # what is added where there is no residual


class Finish(NamedTuple):
    """What the compiled loops get, but as a plain tuple. The arrays are float32."""

    does: bool                  # False: leave the result as it is
    factors: np.ndarray         # (3, K): mean, scale, shift
    residual: np.ndarray        # flat, of the result's size in channels-last order, or `NOTHING`
    floor: np.float32           # NaN for none: nothing is below it


NO_FINISH = tuple(Finish(False, NOTHING[None], NOTHING, np.float32(np.nan)))
FLOORS = {relu: np.float32(floor_of(relu)) for relu in (False, True)}


def finish_of(norm, relu, residual, channels):
    """The finish for a norm = (weight, bias, mean, var, eps) and a residual of y's memory; both may be None."""
    if norm is None and residual is None and not relu:
        return NO_FINISH
    added = NOTHING if residual is None else residual.reshape(-1)
    return True, no_norm(channels) if norm is None else factors_of(*norm), added, FLOORS[relu]


@jit
def factors_of(weight, bias, mean, var, eps):
    """Mean, scale and shift of a BatchNorm, (3, K) in float32; weight and bias may be None.

    What rounding a float64 mean loses is made up for by the shift, as in `norm.loops.affine`.
    """
    factors = np.empty((3, mean.size), np.float32)
    for k in range(mean.size):
        scale = 1 / math.sqrt(np.float64(var[k]) + eps)
        if weight is not None:
            scale *= weight[k]
        factors[0, k] = mean[k]
        factors[1, k] = scale
        shift = 0.0 if bias is None else np.float64(bias[k])
        lost = factors[0, k] - np.float64(mean[k])
        factors[2, k] = shift + lost * scale if lost else shift                 # the scale may be infinite
    return factors


@functools.lru_cache
def no_norm(channels):
    factors = np.zeros((3, channels), np.float32)
    factors[1] = 1
    return factors


@jit
def finish_row(finish, row, channels, y):
    """Finish `row` = (place in y, floats from pixel to pixel, pixels), the first channel and how many of them."""
    (_, factors, residual, floor), (place, step, pixels), (first, some) = finish, row, channels
    for c in range(0, some, LANES):
        more, more_step = (address(residual, place + c), step) if residual.size == y.size else (address(residual, 0), 0)
        constants = address(factors[0], first + c), address(factors[1], first + c), address(factors[2], first + c)
        finish_pixels((address(y, place + c), step), (more, more_step), constants, pixels, floor)


@intrinsic
def finish_pixels(typing_context, y, more, constants, pixels, floor):
    """One vector of channels of each pixel; `y` and `more` = (address, floats from pixel to pixel)."""
    def generate(context, builder, signature, args):
        (y, y_step), (more, more_step), constants = unpack(builder, *args[:3])
        center, slope, offset = (load(builder, place, VECTOR) for place in constants)
        floor = spread(builder, args[4], VECTOR)
        with cgutils.for_range(builder, args[3]) as loop:
            here, there = (builder.add(base, builder.mul(builder.mul(loop.index, step), INT(4)))
                           for base, step in ((y, y_step), (more, more_step)))
            value = multiply_add(builder, offset, builder.fsub(load(builder, here, VECTOR), center), slope)
            value = builder.fadd(value, load(builder, there, VECTOR))
            below = builder.fcmp_ordered("<", value, floor)                  # of NaN, neither is below the other
            value = builder.select(below, floor, value)
            builder.store(value, builder.inttoptr(here, VECTOR.as_pointer()), align=4)
        return context.get_dummy_value()
    two, three = types.UniTuple(types.int64, 2), types.UniTuple(types.int64, 3)
    return types.void(two, two, three, types.int64, types.float32), generate
