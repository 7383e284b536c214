"""Checks of what users ask of optimizers and schedules."""

import math
import numbers

from tinynet.tensor import Tensor

SAME_NUMBERS = ("foreach", "fused")            # how fast PyTorch computes a step; the step is the same
IMPLEMENTATION = ("capturable", "differentiable")      # what tinynet cannot do: CUDA graphs, gradients of a step


def refuse(name, options):
    """Raise for options that PyTorch has and tinynet has not, and for unknown ones."""
    for option, value in options.items():
        if option not in SAME_NUMBERS + IMPLEMENTATION:
            raise TypeError(f"{name}: unknown option {option!r}")
        if value not in ((None, False, True) if option in SAME_NUMBERS else (None, False)):
            raise ValueError(f"{name}: {option}={value!r} is not supported; leave it out")


def check_number(name, option, value, low=-math.inf, high=math.inf):
    """Raise unless `value` is a number with low <= value < high. A learning rate may be a tensor of one number."""
    value = value.item() if option == "lr" and isinstance(value, Tensor) and value.numel() == 1 else value
    if not isinstance(value, numbers.Real):
        raise TypeError(f"{name}: expected {option} to be a number, got {type(value).__name__}")
    if not low <= value < high:
        raise ValueError(f"{name}: expected {option} in [{low}, {high}), got {value}")


def check_count(name, option, value):
    """Raise unless `value` is a positive integer."""
    if not isinstance(value, numbers.Integral) or value < 1:
        raise ValueError(f"{name}: expected {option} to be a positive integer, got {value!r}")


def check_betas(name, betas):
    """Raise unless `betas` are two numbers from 0 to below 1."""
    if not isinstance(betas, (tuple, list)) or len(betas) != 2:
        raise TypeError(f"{name}: expected betas to be a pair of numbers, got {betas!r}")
    for i, beta in enumerate(betas):
        check_number(name, f"betas[{i}]", beta, low=0, high=1)


def as_list(name, params):
    """`params` as a list; a set is refused, since its order, and a saved state's with it, is not fixed."""
    if isinstance(params, (set, frozenset)):
        raise TypeError(f"{name}: expected parameters in a fixed order (a list), got a set")
    return list(params)
