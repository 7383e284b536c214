"""Softmax and cross-entropy: the compiled rows equal the reference implementation, at the edges, too; vector_math."""

import math

import numpy as np
import pytest

from tinynet import kernels
from tinynet.kernels import activation, softmax
from tinynet.kernels.machine import layout

EDGES = [0.0, -0.0, 1e-40, -1e-40, 3e38, -3e38, np.inf, -np.inf, np.nan, 88.5, -88.5, -103.5]


def both(function, *args, **options):
    with np.errstate(all="ignore"):
        results = []
        for backend in ("numpy", "numba"):
            with kernels.machine.backend.use(backend):
                results.append(function(*args, **options))
    return results


def same(expected, found, dtype):
    tolerance = 2e-6 if dtype == np.float32 else 1e-13
    for a, b in zip(*(r if isinstance(r, tuple) else (r,) for r in (expected, found))):
        assert a.dtype == b.dtype == dtype and a.shape == b.shape
        np.testing.assert_allclose(b, a, rtol=tolerance, atol=tolerance * np.abs(a[np.isfinite(a)]).max(initial=0))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape, axis", [((5, 7), 1), ((5, 7), 0), ((3, 17, 4), 1), ((2, 130), -1), ((4, 1), 1),
                                         ((0, 3), 1), ((70, 300), 1)], ids=str)
def test_all_bodies_agree(shape, axis, dtype):
    rng = np.random.default_rng(0)
    x, dy = (3 * rng.standard_normal((2, *shape))).astype(dtype)
    for forward, backward in ((softmax.softmax, softmax.softmax_backward),
                              (softmax.log_softmax, softmax.log_softmax_backward)):
        expected, found = both(forward, x, axis)
        same(expected, found, dtype)
        same(*both(backward, dy, expected, axis), dtype)


def test_memory_order_follows_the_axis():
    x = layout.channels_last(np.random.default_rng(0).standard_normal((2, 5, 4, 3)).astype(np.float32))
    assert layout.is_channels_last(softmax.softmax.numba(x, 1))
    reversed_rows = np.arange(12, dtype=np.float32).reshape(3, 4)[::-1, ::-1]
    same(*both(softmax.softmax, reversed_rows, 1), np.float32)


def test_rows_of_infinities_and_nan():
    x = np.array([[-np.inf, -np.inf], [-np.inf, 1], [np.inf, 1], [np.nan, 1], [3e38, -3e38]], np.float32)
    for function in (softmax.softmax, softmax.log_softmax):
        np.testing.assert_array_equal(*both(function, x, 1))
    with np.errstate(all="ignore"):
        assert np.isnan(softmax.softmax.numba(x, 1)[0]).all() and not softmax.softmax.numba(x, 1, safe=True)[0].any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy(dtype, smoothing):
    rng = np.random.default_rng(0)
    x, weight = (4 * rng.standard_normal((40, 11))).astype(dtype), rng.random(11).astype(dtype)
    labels, dloss = rng.integers(-1, 11, 40), rng.standard_normal(40).astype(dtype)
    expected, found = both(softmax.cross_entropy, x, labels, -1, weight, smoothing)
    same(expected, found, dtype)
    assert not found[0][labels < 0].any()
    same(*both(softmax.cross_entropy_backward, dloss, x, labels, -1, weight, smoothing, *expected[1:]), dtype)


@pytest.mark.parametrize("name, exact, bound", [
    ("exp", np.exp, 2e-7), ("decay", np.exp, 2e-7),
    ("sigmoid", lambda x: np.exp(-np.logaddexp(0, -x)), 3e-7), ("tanh", np.tanh, 3e-7),
    ("normal", np.vectorize(lambda x: math.erfc(-x / math.sqrt(2)) / 2), 1e-5)],
    ids=["exp", "decay", "sigmoid", "tanh", "normal"])
def test_vector_math_is_as_exact_as_it_says(name, exact, bound):
    from tinynet.kernels.machine import vector_math
    from tinynet.kernels.machine.compile import jit
    function, is_normal = getattr(vector_math, name), name == "normal"

    if is_normal:
        @jit(cache=False)
        def loop(x, y):
            for i in range(x.size):
                y[i], _ = function(x[i])
    else:
        @jit(cache=False)
        def loop(x, y):
            for i in range(x.size):
                y[i] = function(x[i])

    x = np.concatenate([np.linspace(-104, 89, 20_001), np.linspace(-1e-3, 1e-3, 999), EDGES]).astype(np.float32)
    x = -np.abs(x) if name == "decay" else x               # is for these alone
    y = np.empty_like(x)
    loop(x, y)
    with np.errstate(all="ignore"):
        expected = exact(x.astype(np.float64))
    normal = (np.abs(expected) > 1.2e-38) & (np.abs(expected) < 3.4e38)
    assert np.abs(y[normal] / expected[normal] - 1).max() < bound
    tiny = np.abs(expected) < 1.2e-38
    np.testing.assert_allclose(y[tiny], expected[tiny], atol=1e-44 if name in ("exp", "tanh") else 1.2e-38)
    np.testing.assert_array_equal(np.isnan(y), np.isnan(expected))
    assert np.isinf(y[expected > 3.5e38]).all()
    assert np.signbit(y[x == 0]).tolist() == np.signbit(exact(x[x == 0])).tolist()


@pytest.mark.parametrize("tanh", [False, True])
def test_gelu_at_the_edges(tanh):
    x = np.array(EDGES, np.float32)
    expected, found = both(activation.gelu, x, tanh)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-38)
