"""Elementwise kernels: the compiled bodies against the NumPy ones, the optimiser steps against PyTorch's."""

import numpy as np
import pytest

from tinynet.kernels import elementwise
from tinynet.kernels.machine import layout, threads

SHAPES = [(), (0, 4), (7,), (3, 5), (2, 17, 3), (2, 1, 9, 5), (9, 64, 8, 11), (3, 130, 33, 7)]
DTYPES = [np.float32, np.float64]


def activations(rng, shape, dtype):
    """Random values with zeros and a NaN among them, in channels-last memory if there are channels."""
    x = np.asarray(np.round(rng.standard_normal(shape), 1), dtype)
    x.flat[:1] = np.nan
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1) if x.ndim > 1 else x


def different_memory(x):
    return np.ascontiguousarray(np.repeat(x, 2, -1))[..., ::2] if x.ndim else x


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("memory", [lambda x: x, different_memory])
def test_bodies_agree(shape, dtype, memory):
    rng = np.random.default_rng(0)
    x, y = activations(rng, shape, dtype), memory(activations(rng, shape, dtype))
    one, two = [elementwise.relu], [elementwise.relu_backward, elementwise.add, elementwise.add_relu]
    for kernel, *arguments in [(k, a) for k in one for a in (x, y)] + [(k, x, y) for k in two]:
        result, expected = kernel.numba(*arguments), kernel.numpy(*arguments)
        np.testing.assert_array_equal(result, expected)
        assert result.dtype == dtype
        if len(shape) == 4 and memory(x) is x:
            assert layout.is_channels_last(result)


@pytest.mark.parametrize("body", ["numpy", "numba"])
def test_relu_in_place(body):
    x = activations(np.random.default_rng(0), (9, 64, 8, 11), np.float32)
    expected = np.maximum(x, 0)
    assert getattr(elementwise.relu, body)(x, out=x) is x
    np.testing.assert_array_equal(x, expected)


def test_relu_and_its_gradient_are_pytorchs_at_nan_and_zero():
    torch = pytest.importorskip("torch")
    x = np.array([np.nan, -1, -0.0, 0, 2, -np.inf, np.inf])
    t = torch.from_numpy(x).requires_grad_()
    y = torch.relu(t)
    y.backward(torch.arange(1.0, 8, dtype=torch.float64))
    ours = elementwise.relu(x)
    np.testing.assert_array_equal(ours, y.detach().numpy())
    np.testing.assert_array_equal(elementwise.relu_backward(np.arange(1.0, 8), ours), t.grad.numpy())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(3, 5), (4000, 10), (2, 1, 9, 5), (9, 64, 8, 11), (3, 130, 33, 7),
                                   (8, 16, 64, 64), (2, 300, 40)])
def test_channel_sum(shape, dtype):
    x = np.random.default_rng(1).standard_normal(shape).astype(dtype)
    expected = x.sum((0, *range(2, x.ndim)), dtype=np.float64)
    scale = np.abs(x).sum((0, *range(2, x.ndim)), dtype=np.float64)
    for body in (elementwise.channel_sum.numpy, elementwise.channel_sum.numba):
        for y in (x, layout.channels_last(x)):
            assert (np.abs(body(y) - expected) <= 4 * np.finfo(dtype).eps * scale).all()


@pytest.mark.parametrize("body", ["numpy", "numba"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("options", [{}, dict(weight_decay=0.1), dict(momentum=0.9),
                                     dict(momentum=0.9, dampening=0.3),
                                     dict(momentum=0.9, weight_decay=0.1, nesterov=True)])
def test_sgd_is_pytorchs(body, dtype, options):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(2)
    p = activations(rng, (5, 3, 3, 3), dtype)
    p[np.isnan(p)] = 1
    reference = torch.from_numpy(p.copy()).requires_grad_()
    optimizer, buffer = torch.optim.SGD([reference], lr=0.1, **options), np.zeros_like(p)
    for step in range(4):
        g = rng.standard_normal(p.shape).astype(dtype)                    # memory like p's at odd steps only
        g = layout.channels_last(g) if step % 2 else g
        reference.grad = torch.from_numpy(g)
        optimizer.step()
        now = dict(options, dampening=0.0) if step == 0 else options
        getattr(elementwise.sgd_update, body)(p, g, buffer if "momentum" in options else None, 0.1, **now)
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(p, reference.detach().numpy(), rtol=20 * eps, atol=20 * eps)


def test_any_number_of_threads_gives_the_same_bits():
    x = np.random.default_rng(3).standard_normal((64, 24, 24, 16)).astype(np.float32).transpose(0, 3, 1, 2)
    before, results = threads.get_num_threads(), []
    try:
        for count in (1, 2, 3):
            threads.set_num_threads(count)
            results.append([elementwise.channel_sum(x), elementwise.add_relu(x, x)])
    finally:
        threads.set_num_threads(before)
    for other in results[1:]:
        for a, b in zip(results[0], other):
            np.testing.assert_array_equal(a, b)
