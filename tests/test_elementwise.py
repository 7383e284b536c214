"""Elementwise operators against PyTorch: values, types, broadcasting, gradients, refusals."""

import itertools

import numpy as np
import pytest

import tinynet

torch = pytest.importorskip("torch")

DTYPES = ["bool", "uint8", "int32", "int64", "float32", "float64"]
OPERATORS = {
    "add": lambda lib, x, y: x + y, "mul": lambda lib, x, y: x * y, "div": lambda lib, x, y: x / y,
    "pow": lambda lib, x, y: x ** y, "maximum": lambda lib, x, y: lib.maximum(x, y),
    "minimum": lambda lib, x, y: lib.minimum(x, y), "floor_divide": lambda lib, x, y: x // y,
    "remainder": lambda lib, x, y: x % y, "eq": lambda lib, x, y: x == y, "lt": lambda lib, x, y: x < y,
    "ge": lambda lib, x, y: x >= y, "ne": lambda lib, x, y: x != y,
    "where": lambda lib, x, y: lib.where(x > y, x, y),
}


def values(dtype, shape, rng):
    if dtype == "bool":
        return np.ones(shape, bool)
    if dtype.startswith("float"):
        return (rng.random(shape) + 0.5).astype(dtype)
    return rng.integers(1, 4, shape).astype(dtype)


def both(x):
    return tinynet.tensor(x), torch.tensor(x)


@pytest.mark.parametrize("name", OPERATORS)
def test_types_and_values_of_all_pairs(name):
    rng = np.random.default_rng(0)
    for a, b, shapes in itertools.product(DTYPES, DTYPES, [((2, 3), (3,)), ((), (2,)), ((2,), ()), ((), ())]):
        x, y = values(a, shapes[0], rng), values(b, shapes[1], rng)
        (x1, x2), (y1, y2) = both(x), both(y)
        try:
            expected = OPERATORS[name](torch, x2, y2)
        except RuntimeError:
            continue                   # PyTorch lacks this combination
        found = OPERATORS[name](tinynet, x1, y1)
        assert str(found.dtype) == str(expected.dtype).removeprefix("torch."), (a, b, shapes)
        np.testing.assert_allclose(found.array, expected.numpy(), rtol=1e-6, err_msg=f"{a} {b}")


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("number", [2, 2.5, True])
def test_types_with_plain_numbers(name, number):
    rng = np.random.default_rng(0)
    for dtype, shape in itertools.product(DTYPES, [(3,), ()]):
        x1, x2 = both(values(dtype, shape, rng))
        for swap in (False, True):
            order = (lambda x: (number, x)) if swap else (lambda x: (x, number))
            try:
                expected = OPERATORS[name](torch, *order(x2))
            except (RuntimeError, TypeError, AttributeError):
                continue
            found = OPERATORS[name](tinynet, *order(x1))
            assert str(found.dtype) == str(expected.dtype).removeprefix("torch."), (dtype, number, swap)
            np.testing.assert_allclose(found.array, expected.numpy(), rtol=1e-6)


@pytest.mark.parametrize("name", ["exp", "log", "sqrt", "sin", "cos", "tanh", "sigmoid", "abs", "neg"])
def test_one_operand(name):
    for dtype in ("int64", "float32", "float64"):
        x1, x2 = both(values(dtype, (2, 3), np.random.default_rng(0)))
        found, expected = getattr(x1, name)(), getattr(x2, name)()
        assert str(found.dtype) == str(expected.dtype).removeprefix("torch.")
        np.testing.assert_allclose(found.array, expected.numpy(), rtol=2e-6)


@pytest.mark.parametrize("run", [
    lambda lib, x: lib.maximum(x, x.detach()), lambda lib, x: lib.minimum(x, lib.zeros(4, dtype=lib.float64)),
    lambda lib, x: x.clamp(0, 1), lambda lib, x: x.clamp(min=0), lambda lib, x: x.clamp(2, 1), lambda lib, x: x.abs(),
    lambda lib, x: x ** 0, lambda lib, x: x ** 2, lambda lib, x: 0 ** x, lambda lib, x: x.clamp(max=1),
], ids=["max tie", "min tie", "clamp", "clamp low", "clamp crossed", "abs 0", "pow 0", "pow 2", "0 pow", "clamp high"])
def test_gradients_at_kinks_and_ties_are_pytorchs(run):
    found, expected = both(np.array([-1.0, 0, 1, 2]))
    for lib, x in ((tinynet, found), (torch, expected)):
        x.requires_grad_()
        run(lib, x).backward(lib.ones(4, dtype=lib.float64))
    np.testing.assert_array_equal(found.grad.array, expected.grad.numpy())


def test_arrays_and_tensors_mix():
    x, a = tinynet.ones(3), np.arange(3, dtype=np.float32)
    for result in (x + a, a + x, a * x, a - x, x @ a, a @ x):
        assert isinstance(result, tinynet.Tensor)
    assert (a - x).tolist() == [-1, 0, 1]
    assert (a < x).tolist() == [True, False, False]


def test_refusals_name_the_operator_and_what_came():
    x = tinynet.ones(2, 3)
    with pytest.raises(ValueError, match=r"add: shapes \(2, 3\) and \(4,\) do not broadcast"):
        x + tinynet.ones(4)
    with pytest.raises(TypeError, match="mul: expected a tensor, an array or a number, got str"):
        x * "a"
    with pytest.raises(TypeError, match="sub: booleans"):
        (x > 0) - (x > 0)
    with pytest.raises(TypeError, match="where: expected a boolean condition, got float32"):
        tinynet.where(x, x, x)
    with pytest.raises(ValueError, match="clamp"):
        x.clamp()
    with pytest.raises(ValueError, match="negative integer"):
        tinynet.tensor([2]) ** -1
    with pytest.raises(TypeError, match="add_: a result of float32 does not fit in a tensor of int64"):
        tinynet.tensor([2]).add_(0.5)
    with pytest.raises(ValueError, match="add_: the result would not have the shape"):
        tinynet.ones(3).add_(tinynet.ones(2, 3))
    with pytest.raises(ValueError, match="cpu"):
        x.to("cuda")
    with pytest.raises(TypeError, match="float16"):
        x.to(np.float16)
