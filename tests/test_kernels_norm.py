"""Normalisation kernels: both bodies against a float64 PyTorch, and against each other."""

import numpy as np
import pytest

from tinynet.kernels import norm
from tinynet.kernels.machine import layout, threads

SHAPES = [(8, 1, 3, 5), (64, 3), (4, 5, 9), (3, 16, 8, 9), (2, 17, 7, 7), (4, 64, 5, 5), (2, 130, 6, 5),
          (5, 300, 3, 1), (128, 16, 24, 24)]
DTYPES = [np.float32, np.float64]
BODIES = ["numpy", "numba"]
EPS = 1e-5


def channels_last(rng, shape, dtype):
    x = rng.standard_normal((shape[0], *shape[2:], shape[1])).astype(dtype)
    return np.moveaxis(x, -1, 1)


def case(shape, dtype, relu, residual, seed=0):
    """x, dy, weight, bias, residual."""
    rng = np.random.default_rng(seed)
    x, dy, extra = (channels_last(rng, shape, dtype) for _ in range(3))
    weight, bias = rng.standard_normal((2, shape[1])).astype(dtype)
    return x * dtype(2) + dtype(3), dy, weight, bias, extra if residual else None


def reference(x, dy, weight, bias, residual, relu, running=None):
    """y, dx, dweight, dbias, dresidual by PyTorch in float64."""
    torch = pytest.importorskip("torch")
    tensors = [torch.tensor(np.ascontiguousarray(a), dtype=torch.float64, requires_grad=True)
               for a in (x, weight, bias, np.zeros_like(x) if residual is None else residual)]
    tx, tw, tb, tr = tensors
    mean, var = (None, None) if running is None else (torch.tensor(v, dtype=torch.float64) for v in running)
    y = torch.nn.functional.batch_norm(tx, mean, var, tw, tb, running is None, eps=EPS) + tr
    y = torch.relu(y) if relu else y
    y.backward(torch.tensor(np.ascontiguousarray(dy), dtype=torch.float64))
    return [y.detach().numpy(), *(t.grad.numpy() for t in tensors)]


def assert_within(result, expected, dtype, multiple):
    """Off by at most a multiple of the largest value's rounding error; in float64 both sides have errors."""
    assert result.dtype == dtype and result.shape == expected.shape
    multiple *= 16 if dtype == np.float64 else 1
    bound = multiple * np.finfo(dtype).eps * max(1, np.abs(expected).max(initial=0))
    assert np.abs(result - expected).max(initial=0) <= bound


@pytest.mark.parametrize("relu, residual", [(False, False), (True, False), (True, True), (False, True)])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_batch_norm_training(shape, dtype, relu, residual):
    x, dy, weight, bias, extra = case(shape, dtype, relu, residual)
    y, *gradients = reference(x, dy, weight, bias, extra, relu)
    for body in BODIES:
        out, mean, var, invstd = getattr(norm.batch_norm_train, body)(x, weight, bias, EPS, relu, extra)
        assert_within(out, y, dtype, 8)
        assert mean.dtype == var.dtype == invstd.dtype == np.float64
        results = getattr(norm.batch_norm_backward, body)(dy, x, out, (weight, bias), (mean, invstd), relu, residual)
        assert not relu or ((y > 0) == (out > 0)).all()        # nothing was rounded to the other side of 0
        for result, expected in zip(results, gradients[:3 + residual]):
            assert_within(result, expected, dtype, 16 if result.ndim > 1 else 64)
        assert (results[3] is None) == (not residual)
        if body == "numba":
            assert layout.is_channels_last(out) and layout.is_channels_last(results[0])


@pytest.mark.parametrize("relu, residual", [(False, False), (True, True)])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_batch_norm_evaluation(shape, dtype, relu, residual):
    x, dy, weight, bias, extra = case(shape, dtype, relu, residual)
    rng = np.random.default_rng(1)
    running = rng.standard_normal(shape[1]).astype(dtype), rng.uniform(0.5, 2, shape[1]).astype(dtype)
    y, *gradients = reference(x, dy, weight, bias, extra, relu, running)
    mean, invstd = running[0].astype(np.float64), 1 / np.sqrt(running[1].astype(np.float64) + EPS)
    for body in BODIES:
        out = getattr(norm.batch_norm_eval, body)(x, weight, bias, *running, EPS, relu, extra)
        assert_within(out, y, dtype, 8)
        backward = getattr(norm.batch_norm_backward, body)
        results = backward(dy, x, out, (weight, bias), (mean, invstd), relu, residual, training=False)
        for result, expected in zip(results, gradients[:3 + residual]):
            assert_within(result, expected, dtype, 16 if result.ndim > 1 else 64)


@pytest.mark.parametrize("body", BODIES)
def test_without_weight_and_bias(body):
    x, dy, *_ = case((4, 5, 6, 7), np.float32, False, False)
    ones, zeros = np.ones(5, np.float32), np.zeros(5, np.float32)
    forward, backward = getattr(norm.batch_norm_train, body), getattr(norm.batch_norm_backward, body)
    y, mean, _, invstd = forward(x, None, None, EPS)
    np.testing.assert_array_equal(y, forward(x, ones, zeros, EPS)[0])
    without, neutral = (backward(dy, x, None, (weight, None), (mean, invstd)) for weight in (None, ones))
    for a, b in zip(without[:3], neutral[:3]):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("shape", [(128, 16, 24, 24), (2000, 7), (8, 130, 9, 9)])
def test_large_mean_and_small_variance(shape, body):
    """float32 near 1e4 has steps of 1e-3, the input's own rounding; beyond that, nothing may be lost."""
    rng = np.random.default_rng(2)
    x = (channels_last(rng, shape, np.float64) + 1e4).astype(np.float32)
    x.flat[0] = 9990                                                      # an outlier right at the start
    weight, bias = np.ones(shape[1], np.float32), np.zeros(shape[1], np.float32)
    dy = channels_last(rng, shape, np.float32)
    y, dx, dweight, dbias, _ = reference(x, dy, weight, bias, None, False)
    out, mean, var, invstd = getattr(norm.batch_norm_train, body)(x, weight, bias, EPS)
    wide = x.astype(np.float64)
    axes = (0, *range(2, x.ndim))
    np.testing.assert_allclose(mean, wide.mean(axes), rtol=1e-10)
    np.testing.assert_allclose(var, wide.var(axes), rtol=2e-6)
    assert_within(out, y, np.float32, 8)
    results = getattr(norm.batch_norm_backward, body)(dy, x, out, (weight, bias), (mean, invstd))
    for result, expected in zip(results, (dx, dweight, dbias)):
        assert_within(result, expected, np.float32, 64)


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("body", BODIES)
def test_nan_and_infinity_pass(body):
    x, dy, weight, bias, _ = case((4, 5, 6, 7), np.float32, False, False)
    x[1, 2, 3, 4], x[0, 4, 1, 1] = np.nan, np.inf
    y, *_ = getattr(norm.batch_norm_train, body)(x, weight, bias, EPS, True)
    assert np.isnan(y[:, [2, 4]]).all() and not np.isnan(y[:, [0, 1, 3]]).any()
    zeros, ones = np.zeros(5, np.float32), np.ones(5, np.float32)
    y = getattr(norm.batch_norm_eval, body)(x, ones, zeros, zeros, ones, EPS, True)
    assert np.isnan(y).sum() == 1 and np.isnan(y[1, 2, 3, 4]) and y[0, 4, 1, 1] == np.inf
    y = getattr(norm.batch_norm_eval, body)(x, ones, zeros, zeros, ones, EPS)
    assert np.isnan(y).sum() == 1 and (y < 0).any()


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(3, 12), (2, 8, 5), (3, 16, 7, 9), (1, 132, 3, 3), (2, 64, 24, 24)])
def test_group_norm(shape, dtype, groups):
    torch = pytest.importorskip("torch")
    x, dy, weight, bias, _ = case(shape, dtype, False, False)
    tensors = [torch.tensor(np.ascontiguousarray(a), dtype=torch.float64, requires_grad=True)
               for a in (x, weight, bias)]
    y = torch.nn.functional.group_norm(tensors[0], groups, *tensors[1:], eps=EPS)
    y.backward(torch.tensor(np.ascontiguousarray(dy), dtype=torch.float64))
    for body in BODIES:
        out, mean, invstd = getattr(norm.group_norm, body)(x, groups, weight, bias, EPS)
        assert_within(out, y.detach().numpy(), dtype, 8)
        results = getattr(norm.group_norm_backward, body)(dy, x, groups, weight, mean, invstd)
        for result, tensor in zip(results, tensors):
            assert_within(result, tensor.grad.numpy(), dtype, 64)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 3), (7, 17), (300, 64), (40, 130), (3, 1000)])
def test_layer_norm(shape, dtype):
    torch = pytest.importorskip("torch")
    x, dy, weight, bias, _ = case(shape, dtype, False, False)
    tensors = [torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in (x, weight, bias)]
    y = torch.nn.functional.layer_norm(tensors[0], shape[1:], *tensors[1:], eps=EPS)
    y.backward(torch.tensor(dy, dtype=torch.float64))
    for body in BODIES:
        out, mean, invstd = getattr(norm.layer_norm, body)(x, weight, bias, EPS)
        assert_within(out, y.detach().numpy(), dtype, 8)
        results = getattr(norm.layer_norm_backward, body)(dy, x, weight, mean, invstd)
        for result, tensor in zip(results, tensors):
            assert_within(result, tensor.grad.numpy(), dtype, 64)


def test_any_strides_and_any_number_of_threads_give_the_same_bits():
    x, dy, weight, bias, extra = case((64, 16, 24, 24), np.float32, True, True)
    before, results = threads.get_num_threads(), []
    try:
        for count in (1, 2, 3):
            threads.set_num_threads(count)
            y, mean, _, invstd = norm.batch_norm_train(x, weight, bias, EPS, True, extra)
            results.append([y, *norm.batch_norm_backward(dy, x, y, (weight, bias), (mean, invstd), True, True)])
    finally:
        threads.set_num_threads(before)
    x, dy, extra = (np.ascontiguousarray(a) for a in (x, dy, extra))      # NCHW memory
    y, mean, _, invstd = norm.batch_norm_train(x, weight, bias, EPS, True, extra)
    results.append([y, *norm.batch_norm_backward(dy, x, y, (weight, bias), (mean, invstd), True, True)])
    for other in results[1:]:
        for a, b in zip(results[0], other):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("body", BODIES)
def test_no_images(body):
    x, weight = np.zeros((0, 6, 2, 2), np.float32), np.ones(6, np.float32)
    y, mean, invstd = getattr(norm.group_norm, body)(x, 3, weight, weight, EPS)
    assert y.shape == x.shape and mean.shape == invstd.shape == (0, 3)
    dx, dweight, dbias = getattr(norm.group_norm_backward, body)(y, x, 3, weight, mean, invstd)
    assert dx.shape == x.shape and not dweight.any() and not dbias.any()
    y, mean, invstd = getattr(norm.layer_norm, body)(x.reshape(0, 24), None, None, EPS)
    assert y.shape == (0, 24) and mean.shape == (0,)
