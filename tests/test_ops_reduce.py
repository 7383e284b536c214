"""Reductions: values, types, ties, empty tensors and gradients as PyTorch has them."""

import itertools

import numpy as np
import pytest

import tinynet
from tinynet.inspect.gradcheck import distinct, gradcheck

rng = np.random.default_rng(0)
SHAPES = [(), (5,), (3, 4), (2, 3, 4), (2, 3, 4, 5)]
SEVERAL = {
    "sum": lambda lib, x, dim, keepdim: lib.sum(x, dim, keepdim),
    "mean": lambda lib, x, dim, keepdim: lib.mean(x, dim, keepdim),
    "var": lambda lib, x, dim, keepdim: lib.var(x, dim, keepdim=keepdim),
    "var 0": lambda lib, x, dim, keepdim: x.var(dim, correction=0, keepdim=keepdim),
    "std": lambda lib, x, dim, keepdim: x.std(dim, unbiased=True, keepdim=keepdim),
    "amax": lambda lib, x, dim, keepdim: lib.amax(x, () if dim is None else dim, keepdim),
    "amin": lambda lib, x, dim, keepdim: x.amin(() if dim is None else dim, keepdim),
    "logsumexp": lambda lib, x, dim, keepdim: x.logsumexp(tuple(range(x.ndim)) if dim is None else dim,
                                                          keepdim),
}
ONE = {
    "max": lambda lib, x, dim, keepdim: lib.max(x, dim, keepdim),
    "min": lambda lib, x, dim, keepdim: x.min(dim, keepdim),
    "argmax": lambda lib, x, dim, keepdim: lib.argmax(x, dim, keepdim),
    "argmin": lambda lib, x, dim, keepdim: x.argmin(dim, keepdim),
    "softmax": lambda lib, x, dim, keepdim: lib.softmax(x, dim),
    "log_softmax": lambda lib, x, dim, keepdim: x.log_softmax(dim),
    "cumsum": lambda lib, x, dim, keepdim: lib.cumsum(x, dim),
    "any": lambda lib, x, dim, keepdim: lib.any(x > 0, dim, keepdim),
    "all": lambda lib, x, dim, keepdim: (x > -1).all(dim, keepdim),
}


def dims_of(ndim):
    """Every dim, counted from either end, and pairs and triples of them."""
    bound = max(ndim, 1)
    yield from range(-bound, bound)
    for n in range(2, ndim + 1):
        yield from itertools.combinations(range(ndim), n)


@pytest.mark.parametrize("name", SEVERAL)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_over_any_dims(name, dtype):
    from both_libraries import agree
    rtol = 1e-12 if dtype == "float64" else 2e-5
    for shape in SHAPES if dtype == "float64" else SHAPES[:3]:
        x = distinct(shape, rng).astype(dtype)
        for dim, keepdim in itertools.product([None, *dims_of(len(shape))], [False, True]):
            if shape == () and name in ("var", "std"):
                continue               # one element has no unbiased variance: tested below
            agree(lambda lib, x: SEVERAL[name](lib, x, dim, keepdim), x, rtol=rtol)


@pytest.mark.parametrize("name", ONE)
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
def test_along_one_dim(name, dtype):
    from both_libraries import agree
    if dtype == "int64" and name.endswith("softmax"):
        return
    for shape in SHAPES:
        x = distinct(shape, rng).astype(dtype) if dtype != "int64" else rng.integers(-3, 4, shape)
        for dim, keepdim in itertools.product(range(-max(x.ndim, 1), max(x.ndim, 1)), [False, True]):
            agree(lambda lib, x: ONE[name](lib, x, dim, keepdim), x,
                  rtol=1e-12 if dtype == "float64" else 2e-5)


@pytest.mark.parametrize("name", ["sum", "max", "min", "amax", "amin", "argmax", "argmin", "any", "all",
                                  "mean"])
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "int64", "float32"])
def test_all_elements_of_any_type(name, dtype):
    from both_libraries import agree
    if dtype == "bool" and name.startswith("arg") or name == "mean" and dtype != "float32":
        return
    if dtype == "uint8" and name in ("any", "all"):
        return                         # PyTorch gives uint8 here, tinynet bool
    for shape in SHAPES:
        agree(lambda lib, x: getattr(lib, name)(x), rng.integers(0, 2, shape).astype(dtype), rtol=1e-6)


def test_dtype_argument():
    from both_libraries import agree
    x = rng.integers(-3, 4, (3, 4))
    agree(lambda lib, x: (x.sum(dtype=lib.float32), x.mean(1, dtype=lib.float64),
                          x.cumsum(0, dtype=lib.int32)), x)
    agree(lambda lib, x: (x.softmax(1, dtype=lib.float32), x.log_softmax(1, dtype=lib.float64)), x, rtol=1e-6)
    agree(lambda lib, x: x.sum(0, dtype=lib.float32), rng.standard_normal((3, 4)), rtol=1e-6)


@pytest.mark.parametrize("name", ["max", "min", "amax", "amin"])
def test_equal_elements_share_the_gradient_and_the_first_is_the_index(name):
    from both_libraries import agree
    x = rng.integers(0, 3, (4, 5, 6)).astype(float)
    agree(lambda lib, x: getattr(lib, name)(x), x)
    if name.startswith("a"):
        agree(lambda lib, x: getattr(x, name)((0, 2)), x)
    else:
        agree(lambda lib, x: getattr(x, name)(1), x)
        agree(lambda lib, x: getattr(lib, name)(x, x * 0 + 1), x)


@pytest.mark.parametrize("name", ["max", "min", "amax", "amin", "argmax", "argmin", "sum", "mean",
                                  "logsumexp"])
@pytest.mark.filterwarnings("ignore:invalid value")
def test_nan_and_infinity(name):
    from both_libraries import agree
    x = np.array([[1, np.nan, 3, np.nan], [np.inf, 0, 1, 2], [-np.inf, 0, 1, 2], [-np.inf] * 4,
                  [np.inf, 1, np.inf, 0]])
    agree(lambda lib, x: getattr(x, name)(1), x, gradients=False)
    agree(lambda lib, x: getattr(x, name)(0), x, gradients=False)
    if name in ("max", "min"):
        agree(lambda lib, x: getattr(x, name)(1), x)
        agree(lambda lib, x: getattr(x, name)(), x)
    if name == "logsumexp":
        agree(lambda lib, x: x.logsumexp(1), x[2:4])


def test_variance_of_too_few_elements_and_slope_of_no_deviation():
    from both_libraries import agree
    x = rng.standard_normal((3, 1))
    for correction in (0, 1, 2):
        agree(lambda lib, x: (x.var(1, correction=correction), x.var(correction=correction)), x,
              gradients=False)
    agree(lambda lib, x: x.var(False), x)
    agree(lambda lib, x: x.std(1), np.array([[1., 1, 1], [1, 2, 3]]))
    with pytest.raises(TypeError, match="var: expected unbiased or correction, got both"):
        tinynet.zeros(3).var(unbiased=True, correction=0)


def test_nothing_to_reduce():
    from both_libraries import agree
    agree(lambda lib, x: (x.sum(0), x.sum(1), x.sum(), x.mean(0), x.mean(1), x.var(0), x.cumsum(0), x.any(),
                          x.all(0), x.logsumexp(0), x.softmax(0), x.softmax(1), x.amax(1)),
          np.zeros((0, 3)), gradients=False)
    for name in ("max", "min", "amax", "amin", "argmax", "argmin"):
        with pytest.raises(ValueError, match=rf"{name}: expected at least one .* got shape \(0, 3\)"):
            getattr(tinynet.zeros(0, 3), name)()
        with pytest.raises(ValueError, match="expected at least one"):
            getattr(tinynet.zeros(0, 3), name)(0)
        assert tinynet.zeros(0, 3).argmax(1).shape == (0,)


def test_large_sums_keep_their_digits():
    x = np.full((100_000, 16), 0.1, np.float32)
    assert np.abs(tinynet.tensor(x).sum(0).array / 1e4 - 1).max() < 1e-6
    assert np.abs(tinynet.tensor(x + 1000).std(0).array).max() < 1e-3
    assert np.abs(tinynet.tensor(x).cumsum(0).array[-1] / 1e4 - 1).max() < 1e-6


@pytest.mark.parametrize("name", [*SEVERAL, *ONE])
def test_any_order_in_memory(name):
    from both_libraries import same, torch
    x = distinct((2, 4, 5, 3), rng).transpose(0, 3, 1, 2)
    code = SEVERAL.get(name) or ONE[name]
    y, z = code(tinynet, tinynet.Tensor(x), 1, False), code(torch, torch.tensor(x), 1, False)
    same(y[0] if isinstance(y, tuple) else y, z[0] if isinstance(y, tuple) else z, 1e-12)


def test_softmax_of_large_numbers():
    from both_libraries import agree
    for shift in (-1e4, 1e4):
        agree(lambda lib, x: (x.softmax(1), x.log_softmax(1), x.logsumexp(1)),
              rng.standard_normal((3, 4)) + shift)


CASES = {
    "Sum": lambda x: x.sum((0, 2)), "Mean": lambda x: x.mean(1), "Var": lambda x: x.var((1, 2)),
    "Std": lambda x: x.std(2, correction=0), "CumSum": lambda x: x.cumsum(1),
    "Amax": lambda x: x.amax((0, 1)), "Amin": lambda x: x.min(),
    "Pick": lambda x: x.max(1).values, "LogSumExp": lambda x: x.logsumexp((0, 2), True),
    "Softmax": lambda x: x.softmax(1), "LogSoftmax": lambda x: x.log_softmax(0),
}


@pytest.mark.parametrize("name", CASES)
def test_gradient_against_differences(name):
    x = tinynet.Tensor(distinct((2, 3, 4), rng), requires_grad=True)
    assert name in tinynet.Function.registry
    if name != "Std":
        assert CASES[name](x).grad_fn.name == f"{name}Backward"
    gradcheck(CASES[name], [x])


def test_pairs_have_names():
    x = tinynet.tensor([[1., 5, 2], [7, 0, 7]])
    values, indices = pair = x.max(dim=1)
    assert values.tolist() == pair.values.tolist() == [5, 7]
    assert indices.tolist() == pair.indices.tolist() == [1, 0]
    assert not indices.requires_grad


@pytest.mark.parametrize("code, error, message", [
    (lambda x: x.mean(), TypeError, "mean: expected a floating-point tensor, got int64"),
    (lambda x: x.std(), TypeError, "std: expected a floating-point tensor, got int64"),
    (lambda x: x.softmax(0), TypeError, "softmax: expected a floating-point tensor, got int64"),
    (lambda x: x.sum(2), IndexError, r"sum: expected dim in \[-2, 1\], got 2"),
    (lambda x: x.sum((0, -2)), ValueError, "sum: dim .* names an axis twice"),
    (lambda x: x.max((0, 1)), TypeError, "max: expected dim to be an int"),
    (lambda x: x.cumsum(None), TypeError, "cumsum: expected dim to be an int"),
    (lambda x: x.argmax(5), IndexError, r"argmax: expected dim in \[-2, 1\], got 5"),
])
def test_refusals(code, error, message):
    with pytest.raises(error, match=message):
        code(tinynet.ones(2, 3, dtype=tinynet.int64))
