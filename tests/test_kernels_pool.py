"""Pooling kernels: the specification against PyTorch, the compiled body against the specification."""

import numpy as np
import pytest

from tinynet.kernels import pool
from tinynet.kernels.pool import spec
from tinynet.kernels.machine import layout, threads

# (window, stride, padding, dilation, ceil_mode), vertical and horizontal different where it can be
MAX_CASES = [
    ((2, 2), (2, 2), (0, 0), (1, 1), False),
    ((3, 3), (2, 2), (1, 1), (1, 1), False),
    ((3, 2), (2, 1), (1, 0), (1, 1), True),
    ((3, 3), (3, 2), (1, 1), (1, 2), True),
    ((2, 3), (3, 3), (1, 1), (2, 1), True),
    ((1, 1), (2, 2), (0, 0), (1, 1), True),
]
# (window, stride, padding, ceil_mode, count_include_pad, divisor_override)
MEAN_CASES = [
    ((2, 2), (2, 2), (0, 0), False, True, None),
    ((3, 3), (2, 2), (1, 1), False, True, None),
    ((3, 2), (2, 1), (1, 1), True, False, None),
    ((3, 3), (3, 2), (1, 0), True, True, None),
    ((2, 3), (3, 3), (1, 1), True, True, 5),
]
SHAPES = [(2, 1, 7, 6), (3, 5, 8, 8), (1, 17, 5, 9), (2, 64, 7, 7), (1, 130, 6, 5)]
DTYPES = [np.float32, np.float64]


def channels_last(rng, shape, dtype):
    n, c, h, w = shape
    return rng.standard_normal((n, h, w, c)).astype(dtype).transpose(0, 3, 1, 2)


def torch_gradient(function, x, dy):
    torch = pytest.importorskip("torch")
    tx = torch.from_numpy(np.ascontiguousarray(x)).requires_grad_()
    function(tx).backward(torch.from_numpy(np.ascontiguousarray(dy)))
    return tx.grad.numpy()


@pytest.mark.parametrize("case", MAX_CASES)
@pytest.mark.parametrize("shape", SHAPES)
def test_max_pool_is_pytorchs(case, shape):
    F = pytest.importorskip("torch").nn.functional
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x = channels_last(rng, shape, np.float64).round(0)                    # many ties
    expected, where = F.max_pool2d(torch.from_numpy(x.copy()), *case, return_indices=True)
    y, indices = pool.max_pool2d.numpy(x, *case)
    np.testing.assert_array_equal(y, expected.numpy())
    np.testing.assert_array_equal(indices, where.numpy())
    dy = channels_last(rng, y.shape, np.float64)
    expected = torch_gradient(lambda t: F.max_pool2d(t, *case), x, dy)
    np.testing.assert_allclose(pool.max_pool2d_backward.numpy(dy, indices, x.shape), expected, atol=1e-14)


@pytest.mark.parametrize("case", MAX_CASES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_max_pool_bodies_agree(case, shape, dtype):
    rng = np.random.default_rng(1)
    x = channels_last(rng, shape, dtype).round(1)
    y, indices = pool.max_pool2d.numpy(x, *case)
    fast_y, fast_indices = pool.max_pool2d.numba(x, *case)
    np.testing.assert_array_equal(fast_y, y)
    np.testing.assert_array_equal(fast_indices, indices)
    assert layout.is_channels_last(fast_y) and fast_y.dtype == dtype and fast_indices.dtype == np.int32
    dy = channels_last(rng, y.shape, dtype)
    dx, eps = pool.max_pool2d_backward.numba(dy, indices, shape), np.finfo(dtype).eps
    expected = pool.max_pool2d_backward.numpy(dy, indices, shape)
    np.testing.assert_allclose(dx, expected, rtol=4 * eps, atol=4 * eps)
    assert layout.is_channels_last(dx) and dx.dtype == dtype


@pytest.mark.parametrize("body", ["numpy", "numba"])
def test_max_pool_passes_nan_and_minus_infinity(body):
    x = np.full((1, 1, 2, 6), -np.inf, np.float32)
    x[0, 0, 0, 2:4] = [np.nan, 5]
    x[0, 0, :, 4:] = [[np.nan, 1], [2, np.nan]]
    y, indices = getattr(pool.max_pool2d, body)(x, (2, 2), (2, 2), (0, 0))
    np.testing.assert_array_equal(y.ravel(), [-np.inf, np.nan, np.nan])
    np.testing.assert_array_equal(indices.ravel(), [0, 2, 11])            # as PyTorch: first, but last NaN


@pytest.mark.parametrize("body", ["numpy", "numba"])
def test_a_window_without_elements(body):
    x = np.ones((1, 3, 1, 4), np.float32)
    y, indices = getattr(pool.max_pool2d, body)(x, (2, 2), (1, 1), (1, 0), (2, 1))
    assert (y == -np.inf).all() and (indices == -1).all()
    assert (getattr(pool.max_pool2d_backward, body)(y, indices, x.shape) == 0).all()


@pytest.mark.parametrize("case", MEAN_CASES)
@pytest.mark.parametrize("shape", SHAPES)
def test_avg_pool_is_pytorchs(case, shape):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(2)
    x = channels_last(rng, shape, np.float64)
    expected = torch.nn.functional.avg_pool2d(torch.from_numpy(x), *case).numpy()
    windows = spec._windows(shape[2:], spec.Geometry(*case))
    y = pool.mean_pool2d.numpy(x, *windows)
    np.testing.assert_allclose(y, expected, atol=1e-14)
    dy = channels_last(rng, y.shape, np.float64)
    expected = torch_gradient(lambda t: torch.nn.functional.avg_pool2d(t, *case), x, dy)
    np.testing.assert_allclose(pool.mean_pool2d_backward.numpy(dy, shape, *windows), expected, atol=1e-14)


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (7, 9), (4, 11)])
@pytest.mark.parametrize("shape", SHAPES)
def test_adaptive_avg_pool_is_pytorchs(size, shape):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    x = channels_last(rng, shape, np.float64)
    expected = torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(x), size).numpy()
    np.testing.assert_allclose(pool.adaptive_avg_pool2d(x, size), expected, atol=1e-14)
    dy = channels_last(rng, (*shape[:2], *size), np.float64)
    expected = torch_gradient(lambda t: torch.nn.functional.adaptive_avg_pool2d(t, size), x, dy)
    np.testing.assert_allclose(pool.adaptive_avg_pool2d_backward(dy, shape), expected, atol=1e-14)


@pytest.mark.parametrize("case", MEAN_CASES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_mean_pool_bodies_agree(case, shape, dtype):
    rng, close = np.random.default_rng(4), dict(rtol=8 * np.finfo(dtype).eps, atol=8 * np.finfo(dtype).eps)
    x, windows = channels_last(rng, shape, dtype), spec._windows(shape[2:], spec.Geometry(*case))
    y = pool.mean_pool2d.numba(x, *windows)
    np.testing.assert_allclose(y, pool.mean_pool2d.numpy(x, *windows), **close)
    dy = channels_last(rng, y.shape, dtype)
    dx = pool.mean_pool2d_backward.numba(dy, shape, *windows)
    np.testing.assert_allclose(dx, pool.mean_pool2d_backward.numpy(dy, shape, *windows), **close)
    assert y.dtype == dx.dtype == dtype and layout.is_channels_last(y) and layout.is_channels_last(dx)


def test_any_strides_and_any_number_of_threads_give_the_same_bits():
    rng = np.random.default_rng(5)
    x = rng.standard_normal((9, 33, 16, 16)).astype(np.float32)           # NCHW memory
    before, results = threads.get_num_threads(), []
    try:
        for count in (1, 2, 3):
            threads.set_num_threads(count)
            y, indices = pool.max_pool2d(x, (3, 3), (2, 2), (1, 1))
            dx = pool.max_pool2d_backward(y, indices, x.shape)
            results.append([y, indices, dx, pool.adaptive_avg_pool2d(x, (1, 1))])
    finally:
        threads.set_num_threads(before)
    for other in results[1:]:
        for a, b in zip(results[0], other):
            np.testing.assert_array_equal(a, b)
    y, _ = pool.max_pool2d(layout.channels_last(x), (3, 3), (2, 2), (1, 1))
    np.testing.assert_array_equal(results[0][0], y)


def test_empty_batch():
    x = np.empty((0, 3, 4, 4), np.float32)
    y, indices = pool.max_pool2d(x, (2, 2), (2, 2), (0, 0))
    assert y.shape == (0, 3, 2, 2) and pool.max_pool2d_backward(y, indices, x.shape).shape == x.shape
    assert pool.adaptive_avg_pool2d(x, (1, 1)).shape == (0, 3, 1, 1)
