"""One piece of code run by tinynet and by PyTorch: values, types and gradients must agree."""

import warnings

import numpy as np
import pytest

import tinynet

torch = pytest.importorskip("torch")


def agree(code, *arrays, rtol=1e-12, gradients=True):
    """`code(lib, *tensors)` gives one tensor or several, the same ones for both libraries, and the same
    gradients for every floating-point array under random cotangents."""
    theirs = [torch.tensor(x, requires_grad=gradients and x.dtype.kind == "f") for x in arrays]
    ours = [tinynet.tensor(x, requires_grad=gradients and x.dtype.kind == "f") for x in arrays]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")            # PyTorch's remarks
        expected = several(code(torch, *theirs))
    found = several(code(tinynet, *ours))
    assert len(found) == len(expected)
    for y, z in zip(found, expected):
        same(y, z, rtol)
    if not gradients:
        return
    backward(found, np.random.default_rng(1))
    backward(expected, np.random.default_rng(1), torch.tensor)
    for x, z in zip(ours, theirs):
        if z.requires_grad:
            same(x.grad if x.grad is not None else tinynet.zeros_like(x),
                 z.grad if z.grad is not None else torch.zeros_like(z), rtol)


def several(result):
    return tuple(result) if isinstance(result, (tuple, list)) else (result,)


def same(found, expected, rtol):
    """The same type, shape and values, up to `rtol` of the largest one."""
    assert str(found.dtype) == str(expected.dtype).removeprefix("torch.")
    assert found.shape == tuple(expected.shape)
    expected = expected.detach().numpy()
    scale = np.abs(expected[np.isfinite(expected)]).max(initial=1) if expected.dtype.kind == "f" else 0
    np.testing.assert_allclose(found.array, expected, rtol=rtol, atol=rtol * scale)


def backward(outputs, rng, wrap=tinynet.tensor):
    outputs = [y for y in outputs if y.requires_grad]
    for i, y in enumerate(outputs):
        cotangent = rng.standard_normal(tuple(y.shape)).astype(str(y.dtype).removeprefix("torch."))
        y.backward(wrap(cotangent), retain_graph=i + 1 < len(outputs))
