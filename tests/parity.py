"""The same code run on tinynet and on PyTorch: values and gradients must agree."""

import numpy as np
import pytest

import tinynet
from tinynet.inspect.gradcheck import gradcheck
from tinynet.inspect.gradcheck.prove import relative, value_and_gradients

TOLERANCES = {np.dtype("float64"): 1e-10, np.dtype("float32"): 1e-4}


def agree(run, *arrays, reference=None):
    """`run(lib, *tensors)` gives the same result and the same gradients on tinynet and on PyTorch.

    `reference(torch, *tensors)` where PyTorch spells it otherwise. Errors are relative to the largest value.
    """
    torch = pytest.importorskip("torch")
    ours = value_and_gradients(tinynet, run, arrays)
    theirs = value_and_gradients(torch, reference or run, arrays)
    assert ours[0].shape == theirs[0].shape and ours[0].dtype == theirs[0].dtype
    tolerance = TOLERANCES[next(x.dtype for x in arrays if x.dtype.kind == "f")]
    worst = max(relative(a, b) for a, b in zip(ours, theirs, strict=True))
    assert worst <= tolerance, worst


def slopes(run, *arrays):
    """`run(*tensors)` has the gradients that central differences have: for all floating-point arrays."""
    gradcheck(run, arrays)


def distinct(*shape, seed=0):
    """Random values that are far enough from each other and from 0 for a central difference."""
    values = np.arange(1, 1 + int(np.prod(shape))) * np.where(np.arange(int(np.prod(shape))) % 2, 0.02, -0.02)
    return np.random.default_rng(seed).permutation(values).reshape(shape)


def normal(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng((seed, *shape)).standard_normal(shape).astype(dtype)


def channels_last(x):
    """The same values in the memory order of the fast path."""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
