"""Indexing as PyTorch does it: which elements in which order, their gradients, and who shares memory."""

import itertools

import numpy as np
import pytest

import tinynet
from tinynet.inspect.gradcheck import gradcheck
from tinynet.kernels.machine import layout

rng = np.random.default_rng(0)
X = rng.standard_normal((3, 4, 5))
MASK = rng.random((3, 4, 5)) > 0.5
BASIC = [
    (), 0, -1, (1, 2), (1, -2, 3), ..., (..., 0), (0, ..., 1), None, (None, 1, None), (..., None),
    (slice(1, None),),
    (slice(None), slice(None, None, 2)), (slice(-2, None), 1, slice(4, 0)), (1, ..., slice(None, 3), None),
    (slice(0, 100),), (slice(None), np.int64(2)),
]
ADVANCED = [
    [0, 2], [2, 0, 0, -1], ([0, 1], [1, 1]), ([0, 1], slice(None), [1, 1]), (slice(None), [0, 1], [1, 1]),
    (0, slice(None), [1, 2]), ([1, 2], slice(None), 0), (slice(None), [[0, 1], [2, 3]]),
    ([[0], [2]], [1, 2, 3]),
    (..., [0, 4]), (None, [0, 1]), ([0, 1], None, [1, 2]), (slice(None, None, 2), [1, 1], slice(1, 3)), [],
    (1, [0, 3], slice(None), None), (0, [1, 2], 3), (0, 1, [2, 2]), ([True, False, True],),
    (0, [True, False, False, True]),
    (slice(None), [True, False, False, True], [1, 2]), ([True, False, True], ..., [0, 4]), True, False,
    (None, True, 0),
    (np.array([0, 2]), np.array([1, 3])), MASK, (1, MASK[1]), MASK[:, :, 0], (MASK[:, 0, 0], 2),
    (..., MASK[0, 0]), (MASK[:, :, 0], [0]),
]


def tensors_of(lib, index):
    """The index with its arrays as tensors."""
    if isinstance(index, tuple):
        return tuple(tensors_of(lib, i) for i in index)
    return lib.tensor(index) if isinstance(index, np.ndarray) else index


@pytest.mark.parametrize("index", BASIC + ADVANCED, ids=str)
def test_values_and_gradients(index):
    from both_libraries import agree
    agree(lambda lib, x: x[tensors_of(lib, index)], X)
    agree(lambda lib, x: x[tensors_of(lib, index)], (100 * X).astype(np.int64))


@pytest.mark.parametrize("index", BASIC + ADVANCED, ids=str)
def test_assignment(index):
    from both_libraries import agree, torch
    index_of = lambda lib: tensors_of(lib, index)
    part = tuple(torch.tensor(X)[index_of(torch)].shape)

    def code(lib, x, value):
        x = x * 2
        x[index_of(lib)] = value
        return x * x                   # saves the changed one

    once = part if len(part) < 2 else part[1:]
    for shape in {(), part, once, (1, *part)}:
        value = rng.standard_normal(shape)
        if has_repeats(index):         # which one is left is not defined
            value = np.full(shape, 3.0)
        agree(code, X, value)
    agree(lambda lib, x: code(lib, x, 7), X)


def has_repeats(index):
    return any(isinstance(i, (list, np.ndarray)) for i in (index if isinstance(index, tuple) else (index,)))


def test_random_indices():
    from both_libraries import agree
    draw = np.random.default_rng(5)
    kinds = [lambda n: int(draw.integers(-n, n)),
             lambda n: slice(*sorted(draw.integers(0, n + 1, 2).tolist())),
             lambda n: slice(None), lambda n: draw.integers(-n, n, 3), lambda n: draw.integers(0, n, (2, 3)),
             lambda n: draw.integers(0, n, (2, 1)), lambda n: None]
    for _ in range(150):
        index, axis = [], 0
        while axis < draw.integers(1, 4):
            item = kinds[draw.integers(len(kinds))](X.shape[axis])
            axis += item is not None
            index.append(item)
        if draw.random() < 0.3:
            index.append(...)
        agree(lambda lib, x: x[tensors_of(lib, tuple(index))], X)


@pytest.mark.parametrize("index", BASIC, ids=str)
def test_basic_results_are_views(index):
    x = tinynet.tensor(X)
    y = x[index]
    assert y.base is x and y.version is x.version and (y.numel() == 0 or np.shares_memory(x.array, y.array))
    y.fill_(3)
    assert (x[index] == 3).all() and x.version.count == 1


@pytest.mark.parametrize("index", ADVANCED, ids=str)
def test_advanced_results_are_copies(index):
    x = tinynet.tensor(X)
    y = x[tensors_of(tinynet, index)]
    assert y.base is None and not np.shares_memory(x.array, y.array)


def test_values_are_cast_and_types_stay():
    from both_libraries import agree
    agree(lambda lib, x, y: assigned(x, 1, y), np.zeros((2, 3), np.int64), np.array([1.5, 2.5, -1.5]),
          gradients=False)
    agree(lambda lib, x, y: assigned(x.clone(), 1, y), np.zeros((2, 3), np.float32),
          np.array([1.5, 2.5, -1.5]), rtol=1e-6)
    agree(lambda lib, x: assigned(x, x > 0, True), np.array([1, -1]), gradients=False)


def assigned(x, index, value):
    x[index] = value
    return x


def test_a_gradient_begins_where_a_value_with_one_is_written():
    x, value = tinynet.zeros(3, 2), tinynet.ones(2, requires_grad=True)
    x[1] = value
    x[2] = 5
    assert x.requires_grad and x.grad_fn.name == "SetIndexBackward"
    (x * tinynet.tensor([[1.], [2], [3]])).sum().backward()
    assert value.grad.tolist() == [2, 2]


def test_guards_of_assignment():
    leaf = tinynet.tensor(X, requires_grad=True)
    with pytest.raises(RuntimeError, match="x.index. = value: a leaf that requires a gradient"):
        leaf[0] = 1
    with tinynet.no_grad():
        leaf[0] = 1
    assert leaf.is_leaf and leaf.requires_grad and leaf[0, 0, 0].item() == 1
    x = leaf * 1
    view = x[0]
    x[1], view[1] = 2, 3
    assert (x[0, 1] == 3).all() and x.requires_grad and view.requires_grad
    with pytest.raises(RuntimeError, match="a view of a leaf that requires a gradient"):
        leaf[0][1] = 2
    square = (leaf * 1).exp()          # saves its result
    square[0] = 0
    with pytest.raises(RuntimeError, match="ExpBackward: a tensor saved for backward was changed in place"):
        square.sum().backward()


def test_an_index_changed_afterwards_does_no_harm():
    x, index = tinynet.tensor(X, requires_grad=True), tinynet.tensor([0, 0])
    y = x[index].sum() + x[index.array].sum()
    index.fill_(2)
    y.backward()
    assert x.grad.sum().item() == x.grad[0].sum().item() == 80
    index = tinynet.tensor(np.zeros((1, 1, 1), np.int64))
    y = x.gather(0, index)
    index.fill_(2)
    with pytest.raises(RuntimeError, match="GatherBackward: a tensor saved for backward was changed in place"):
        y.backward()


def test_augmented_assignment_to_a_part():
    x = tinynet.zeros(3, 4)
    x[1] += 2
    x[:, 0] *= 5
    x[[0, 2], 3] -= 1
    assert x.tolist() == [[0, 0, 0, -1], [10, 2, 2, 2], [0, 0, 0, -1]]


def test_gradients_of_activations_stay_channels_last():
    x = tinynet.Tensor(layout.empty((2, 4, 6, 6), np.float32), requires_grad=True)
    x.array[...] = 1
    x[:, :, ::2, ::2].sum().backward()
    assert layout.is_channels_last(x.grad.array) and x.grad.sum().item() == 2 * 4 * 9


@pytest.mark.parametrize("dim", [0, 1, 2, -1])
def test_picking_along_an_axis(dim):
    from both_libraries import agree
    index = rng.integers(0, 3, (3, 2, 5) if dim % 3 != 2 else (2, 4, 7))
    agree(lambda lib, x, i: (lib.gather(x, dim, i), x.gather(dim, i)), X, index)
    agree(lambda lib, x, i: (lib.index_select(x, dim, i), x.index_select(dim, i)), X, np.array([2, 0, 0]))
    top = X.argsort(dim)
    agree(lambda lib, x, i: x.take_along_dim(i, dim), X, top)
    agree(lambda lib, x, i: x.take_along_dim(i, dim), X,
          top[:1, :1] if dim % 3 == 2 else np.take(top, [0], 2))


CASES = {
    "slices": lambda x: x[1:, ::2, None], "repeated": lambda x: x[[0, 0, 2], 1],
    "mask": lambda x: x[tinynet.tensor(MASK)],
    "gather": lambda x: x.gather(1, tinynet.tensor(np.zeros((3, 2, 5), np.int64))),
    "assignment": lambda x: assigned(x * 1, (slice(None), [0, 3]), x[0, :2] * x[1, 1:3]),
}


@pytest.mark.parametrize("name", CASES)
def test_gradient_against_differences(name):
    gradcheck(CASES[name], [X])


@pytest.mark.parametrize("code, error, message", [
    (lambda x: x[3], IndexError, r"index: index 3 is out of bounds.*; the shape is \(3, 4, 5\)"),
    (lambda x: x[0, [1, 4]], IndexError, r"index 4 is out of bounds.*; the shape is \(3, 4, 5\)"),
    (lambda x: x[[0, 1], [0, 1, 2]], IndexError, r"broadcast.*; the shape is \(3, 4, 5\)"),
    (lambda x: x[[True, False]], IndexError, r"boolean.*; the shape is \(3, 4, 5\)"),
    (lambda x: x[0, 0, 0, 0], IndexError, r"index: expected at most 3 indices for shape \(3, 4, 5\), got 4"),
    (lambda x: x[..., 0, ...], IndexError, "index: expected at most one Ellipsis"),
    (lambda x: x[::-1], ValueError, r"index: expected a positive step, got -1; use flip\(\)"),
    (lambda x: x[::0], ValueError, "index: expected a positive step, got 0"),
    (lambda x: x[1.0], TypeError, "index: expected integers.* got float"),
    (lambda x: x["a"], TypeError, "index: expected integers.* got str"),
    (lambda x: x[tinynet.tensor([1.0])], TypeError, "index: expected integers.* got Tensor of float32"),
    (lambda x: x[tinynet.ones(3, dtype=tinynet.uint8)], TypeError, "got Tensor of uint8"),
    (lambda x: assigned(x, 5, 0), IndexError, r"x\[index\] = value: .*out of bounds"),
    (lambda x: assigned(x, 0, tinynet.zeros(3)), ValueError,
     r"x\[index\] = value: .* shapes are \(3, 4, 5\) and \(3,\)"),
    (lambda x: x.gather(0, tinynet.tensor([[[3]]])), IndexError,
     r"gather: expected indices in \[0, 2\], got 3 to 3"),
    (lambda x: x.gather(0, tinynet.tensor([0])), ValueError, r"gather: .* shape \(3, 4, 5\) .* got \(1,\)"),
    (lambda x: x.gather(0, tinynet.tensor([[[0.0]]])), TypeError,
     "gather: expected an index of integers, got float32"),
    (lambda x: x.index_select(0, tinynet.tensor([[0]])), ValueError,
     r"index_select: expected a 1-d index, got shape \(1, 1\)"),
    (lambda x: x.index_select(3, tinynet.tensor([0])), IndexError,
     r"index_select: expected dim in \[-3, 2\], got 3"),
])
def test_refusals(code, error, message):
    with pytest.raises(error, match=message):
        code(tinynet.tensor(X))


@pytest.mark.parametrize("write", [
    lambda x: assigned(x, 0, 0.1), lambda x: x.fill_(0.1), lambda x: x.copy_(0.1), lambda x: x.masked_fill(x > -1, 0.1),
    lambda x: x.index_fill(0, tinynet.tensor([0]), 0.1), lambda x: x.scatter(0, tinynet.tensor([0]), 0.1),
], ids=["assign", "fill_", "copy_", "masked_fill", "index_fill", "scatter"])
def test_a_number_is_written_in_the_type_of_the_tensor(write):
    """0.1 in float64 does not pass float32."""
    x = tinynet.zeros(2, dtype=tinynet.float64)
    y = write(x)
    assert (x if y is None else y)[0].item() == 0.1


@pytest.mark.parametrize("change", [
    lambda x, i, y: x.scatter(0, i, y), lambda x, i, y: x.scatter_add(0, i, y * 0 + 4 - x),
    lambda x, i, y: x.index_copy(0, i, y), lambda x, i, y: x.index_fill(0, i, y),
    lambda x, i, y: x.scatter_reduce(0, i, y, "prod", include_self=False),
    lambda x, i, y: x.scatter_reduce(0, i, y, "amax"), lambda x, i, y: x.index_add(0, i, y - x),
], ids=["scatter", "scatter_add", "index_copy", "index_fill", "scatter_reduce prod", "amax", "index_add"])
def test_a_number_is_a_vector_of_one(change):
    y = change(tinynet.tensor(1.0), tinynet.tensor(0), tinynet.tensor(4.0))
    assert y.shape == () and y.item() == 4


@pytest.mark.parametrize("reduce, include_self, expected", [
    ("amin", True, [0, 3, 1, 5]), ("amin", False, [0, 6, 4, 5]), ("mean", True, [0, 5, 2, 5]),
    ("mean", False, [0, 6, 4, 5]), ("prod", True, [0, 126, 4, 5]), ("prod", False, [0, 42, 4, 5]),
])
def test_scatter_reduce(reduce, include_self, expected):
    x, index, src = (tinynet.tensor(values) for values in ([0, 3, 1, 5], [1, 1, 2], [6, 7, 4]))
    y = x.scatter_reduce(0, index, src, reduce, include_self=include_self)
    assert y.tolist() == expected and y.dtype == tinynet.int64


@pytest.mark.parametrize("code, error, message", [
    (lambda x: x.scatter(0, tinynet.tensor([[0]]), tinynet.ones(1, 1).double()), TypeError, "got float64"),
    (lambda x: x.scatter_add(0, tinynet.tensor([0]), tinynet.ones(1)), ValueError, "expected an index that fits"),
    (lambda x: x.scatter_add(0, tinynet.tensor([[0, 1]]), tinynet.ones(1, 1)), ValueError, "an index that fits"),
    (lambda x: x.scatter_reduce(0, tinynet.tensor([[0]]), tinynet.ones(1, 1), "max"), ValueError, "amax"),
    (lambda x: x.narrow(0, tinynet.tensor(False), 1), TypeError, "narrow: expected start as an integer"),
    (lambda x: x.rot90(1, (0,)), ValueError, "rot90: expected two dims"),
    (lambda x: tinynet.ones(2, 2, 2).trace(), ValueError, "trace: expected a matrix"),
    (lambda x: tinynet.ones(2, dtype=tinynet.int64).multinomial(1), TypeError, "multinomial: expected a floating"),
    (lambda x: x.multinomial(0), ValueError, "multinomial: .* at least one sample"),
    (lambda x: x.quantile(0.5, interpolation="cubic"), ValueError, "quantile: expected interpolation"),
], ids="types axes longer word narrow rot90 trace integers none quantile".split())
def test_more_refusals(code, error, message):
    with pytest.raises(error, match=message):
        code(tinynet.ones(3, 4))
