"""Operators that move elements: values and gradients, and who shares memory with whom."""

import itertools

import numpy as np
import pytest

import tinynet
from tinynet.inspect.gradcheck import gradcheck
from tinynet.kernels.machine import layout

rng = np.random.default_rng(0)
X = rng.standard_normal((2, 3, 4))
CODES = {
    "reshape": lambda lib, x: (x.reshape(6, 4), x.reshape((4, -1)), x.reshape([24]), x.reshape(-1),
                               lib.reshape(x, (2, 12))),
    "view": lambda lib, x: (x.view(-1), x.view(2, 1, 12), x.view((8, 3)), x.view_as(x.reshape(4, 6))),
    "reshape of a transposed one": lambda lib, x: (x.transpose(0, 2).reshape(-1), x.mT.reshape(2, 12)),
    "flatten": lambda lib, x: (x.flatten(), x.flatten(1), lib.flatten(x, 0, 1), x.flatten(-2, -1),
                               x.flatten(1, 1)),
    "unflatten": lambda lib, x: (x.unflatten(2, (2, 2)), x.unflatten(-1, (2, -1)), x.unflatten(0, (1, 2, 1))),
    "squeeze": lambda lib, x: (x.reshape(2, 1, 12, 1).squeeze(), x.reshape(1, 24).squeeze(0), x.squeeze(1),
                               x.reshape(1, 1, 24).squeeze((0, 2)), lib.squeeze(x.reshape(24, 1), -1)),
    "unsqueeze": lambda lib, x: tuple(lib.unsqueeze(x, d) for d in range(-4, 4)),
    "permute": lambda lib, x: (x.permute(2, 0, 1), x.permute((0, 2, 1)), lib.permute(x, (-1, 0, 1)),
                               x.permute(0, 1, 2)),
    "transpose": lambda lib, x: tuple(lib.transpose(x, a, b) for a in range(-3, 3) for b in range(-3, 3)),
    "swapaxes and movedim": lambda lib, x: (x.swapaxes(0, 1), x.movedim(0, 2), x.movedim((0, 1), (2, 0)),
                                            lib.movedim(x, -1, 0), lib.movedim(x, (2, 0), (-3, -1))),
    "T and mT": lambda lib, x: (x[0].T, x.mT, x[0].t(), x[0, 0].T),
    "expand": lambda lib, x: (x.expand(5, 2, 3, 4), x[:, :1].expand(2, 6, 4), x[:1].expand(3, -1, -1),
                              x.expand(-1, 3, 4),
                              x[:, :1].expand_as(x), x[0, 0, 0].expand(2, 2)),
    "repeat": lambda lib, x: (x.repeat(1, 2, 3), x.repeat((2, 1, 1, 2)), x[0, 0].repeat(3),
                              x.repeat(1, 0, 1)),
    "cat": lambda lib, x: (lib.cat([x, x, x]), lib.cat((x, x[:, :1]), dim=1), lib.cat([x, x * 2], -1),
                           lib.cat([x])),
    "stack": lambda lib, x: (*(lib.stack([x, x, -x], d) for d in range(-4, 4)),
                             lib.stack([x[0, 0, 0], x[0, 0, 1]])),
    "split": lambda lib, x: (*x.split(3, 2), *lib.split(x, [1, 0, 2], dim=1), *x.split(5),
                             *x.split((1, 3), -1)),
    "chunk": lambda lib, x: (*x.chunk(3, 2), *lib.chunk(x, 2, dim=1), *x.chunk(5), *x[:0].chunk(3)),
    "unbind": lambda lib, x: (*x.unbind(), *lib.unbind(x, -1), *lib.unbind(x, dim=1), *x[0, 0].unbind(),
                              *x[:0].unbind()),
    "iteration": lambda lib, x: tuple(row * i for i, part in enumerate(x) for row in part),
    "flip": lambda lib, x: (x.flip(0), x.flip((0, 2)), x.flip(1, 2), lib.flip(x, [-1])),
    "roll": lambda lib, x: (x.roll(1, 0), x.roll(-5), x.roll((1, 2), (0, 2)), lib.roll(x, 3, -1)),
    "tril": lambda lib, x: (*(lib.tril(x, k) for k in range(-3, 4)), x.tril(), x[0].tril(1)),
    "triu": lambda lib, x: (*(lib.triu(x, k) for k in range(-3, 4)), x.triu(), x[0].triu(1)),
}


@pytest.mark.parametrize("name", CODES)
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
def test_against_pytorch(name, dtype):
    from both_libraries import agree
    agree(CODES[name], (10 * X).astype(dtype), rtol=1e-12 if dtype == "float64" else 1e-5)


@pytest.mark.parametrize("shape", [(), (1,), (0,), (3, 0, 2)])
def test_small_and_empty_shapes(shape):
    from both_libraries import agree
    agree(lambda lib, x: (x.flatten(), x.reshape(-1) if shape != (3, 0, 2) else x.reshape(0, 5), x.squeeze(),
                          x.unsqueeze(0),
                          x.transpose(-1, 0), x.flip(()), lib.stack([x, x]), x.reshape(shape)),
          rng.standard_normal(shape))


def test_types_are_promoted_when_put_together():
    from both_libraries import agree
    for a, b in itertools.product(["bool", "uint8", "int64", "float32", "float64"], repeat=2):
        agree(lambda lib, x, y: (lib.cat([x, y]), lib.stack([x, y[:2]])), np.ones(2, a),
              np.ones(2, b))
    agree(lambda lib, x, y: lib.cat([x, y], 1), np.zeros(0), np.ones((2, 3)), gradients=False)


CASES = {
    "Reshape": lambda x: x.reshape(4, 6), "Permute": lambda x: x.permute(2, 0, 1),
    "Expand": lambda x: x.expand(2, 2, 3, 4),
    "Repeat": lambda x: x.repeat(2, 1, 1, 3), "Cat": lambda x: tinynet.cat([x, x], 1),
    "Stack": lambda x: tinynet.stack([x, x], 1),
    "Split": lambda x: x.split(3, 2), "Unbind": lambda x: x.unbind(1), "Flip": lambda x: x.flip(0, 2),
    "Roll": lambda x: x.roll((1, 2), (0, 2)), "Triangle": lambda x: x.tril(),
}


@pytest.mark.parametrize("name", CASES)
def test_gradient_against_differences(name):
    y = CASES[name](tinynet.Tensor(X, requires_grad=True))
    assert (y[0] if isinstance(y, tuple) else y).grad_fn.name == f"{name}Backward"
    gradcheck(CASES[name], [X])


def test_an_unused_piece_gets_zeros():
    x = tinynet.tensor(X, requires_grad=True)
    x.split(1, 1)[1].sum().backward()
    assert x.grad.sum().item() == 8 and x.grad[:, 1].sum().item() == 8


VIEWS = {
    "reshape": lambda x: x.reshape(6, 4), "flatten": lambda x: x.flatten(), "squeeze": lambda x: x.squeeze(),
    "unsqueeze": lambda x: x.unsqueeze(1), "permute": lambda x: x.permute(1, 0, 2), "mT": lambda x: x.mT,
    "expand": lambda x: x.expand(2, 2, 3, 4), "split": lambda x: x.split(2)[0],
    "chunk": lambda x: x.chunk(2)[1],
    "unbind": lambda x: x.unbind()[1], "iteration": lambda x: next(iter(x)),
    "a view of a view": lambda x: x.permute(1, 0, 2).unsqueeze(0)[0],
}


@pytest.mark.parametrize("name", VIEWS)
def test_views_share_memory_and_version(name):
    x = tinynet.tensor(X)
    y = VIEWS[name](x)
    assert np.may_share_memory(x.array, y.array) and y.base is x and y.version is x.version
    x += 1
    assert y.version.count == 1


@pytest.mark.parametrize("name", VIEWS)
def test_a_change_through_a_view_is_noticed_by_backward(name):
    x, w = tinynet.tensor(X), tinynet.ones(2, 3, 4, dtype=tinynet.float64, requires_grad=True)
    y = x * w                          # saves x
    VIEWS[name](x).bump()
    with pytest.raises(RuntimeError, match="MulBackward: a tensor saved for backward was changed in place"):
        y.sum().backward()


@pytest.mark.parametrize("name", [name for name in VIEWS if name != "expand"])
def test_in_place_on_a_view_and_on_its_base_is_recorded(name):
    x = tinynet.tensor(X, requires_grad=True)
    base = x * 1
    view = VIEWS[name](base)
    view *= 3
    base *= 2
    other = VIEWS[name](x * 6)
    assert (view == other).all()
    (view.sum() + (base * base).sum()).backward()
    factor = np.ones_like(X)
    VIEWS[name](tinynet.Tensor(factor)).array[...] = 3         # where the view looks
    expected = 2 * X * (2 * factor) ** 2 + np.where(factor == 3, 6, 0)
    np.testing.assert_allclose(x.grad.array, expected)


@pytest.mark.parametrize("name", ["reshape", "repeat", "cat", "stack", "flip", "roll", "tril"])
def test_copies_are_no_views(name):
    x = tinynet.tensor(X)
    y = {"reshape": lambda: x.permute(2, 1, 0).reshape(-1), "repeat": lambda: x.repeat(1, 1, 1),
         "tril": lambda: x.tril(5),
         "cat": lambda: tinynet.cat([x]), "stack": lambda: tinynet.stack([x]), "flip": lambda: x.flip(()),
         "roll": lambda: x.roll(0)}[name]()
    assert y.base is None and not np.may_share_memory(x.array, y.array)


def test_activations_stay_channels_last():
    x = tinynet.Tensor(layout.empty((2, 4, 5, 6), np.float32), requires_grad=True)
    x.array[...] = rng.standard_normal(x.shape)
    for y in (tinynet.cat([x, x], 1), x.flip(3), tinynet.cat([x, x])):
        assert layout.is_channels_last(y.array)


@pytest.mark.parametrize("code, error, message", [
    (lambda x: x.reshape(5, 5), ValueError, r"reshape: expected sizes for 24 elements, got \(5, 5\)"),
    (lambda x: x.reshape(-1, -1), ValueError, r"reshape: expected sizes for 24 elements, got \(-1, -1\)"),
    (lambda x: x.reshape(-1, 7), ValueError, "reshape"),
    (lambda x: x.reshape(-2, -12), ValueError, "reshape"),
    (lambda x: x.reshape(2.0, 12), TypeError, "reshape: expected integers as sizes"),
    (lambda x: x.flatten(2, 1), ValueError, "flatten: expected start_dim before end_dim, got 2 and 1"),
    (lambda x: x.unflatten(2, (3, 2)), ValueError, r"unflatten: expected sizes for 4 elements, got \(3, 2\)"),
    (lambda x: x.squeeze(3), IndexError, r"squeeze: expected dim in \[-3, 2\], got 3"),
    (lambda x: x.unsqueeze(4), IndexError, r"unsqueeze: expected dim in \[-4, 3\], got 4"),
    (lambda x: x.permute(0, 1), ValueError, r"permute: expected an order of 3 axes, got \(0, 1\)"),
    (lambda x: x.permute(0, 1, 1), ValueError, "permute: dim .* names an axis twice"),
    (lambda x: x.transpose(0, 3), IndexError, r"transpose: expected dim in \[-3, 2\], got 3"),
    (lambda x: x.movedim((0, 1), 0), ValueError, "movedim: expected as many sources as destinations"),
    (lambda x: x.T, ValueError, r"T: expected at most 2 dimensions, got shape \(2, 3, 4\)"),
    (lambda x: x.expand(2, 3, 5), ValueError, r"expand: shape \(2, 3, 4\) does not broadcast to \(2, 3, 5\)"),
    (lambda x: x.expand(-1, 2, 3, 4), ValueError, "expand"), (lambda x: x.expand(3, 4), ValueError, "expand"),
    (lambda x: x.repeat(2, 2), ValueError, r"repeat: expected at least 3 counts of 0 or more, got \(2, 2\)"),
    (lambda x: tinynet.cat([x, x[:, :2]]), ValueError, r"cat: .* dim 0 alone, got \(2, 3, 4\), \(2, 2, 4\)"),
    (lambda x: tinynet.cat([x, x[0]]), ValueError, "cat"),
    (lambda x: tinynet.cat([]), ValueError, "cat: .* got none"),
    (lambda x: tinynet.cat(x), TypeError, "cat: expected a tuple or list of tensors, got Tensor"),
    (lambda x: tinynet.cat([x[0, 0, 0]]), ValueError, "cat"),
    (lambda x: tinynet.cat([x, "x"]), TypeError, "cat.*str"),
    (lambda x: tinynet.stack([x, x[:1]]), ValueError,
     r"stack: expected tensors of one shape, got \(2, 3, 4\), \(1, 3, 4\)"),
    (lambda x: x.split(0), ValueError, "split: expected a positive size or sizes that add up to 2, got 0"),
    (lambda x: x.split([1, 2]), ValueError, r"split: .* add up to 2, got \[1, 2\]"),
    (lambda x: x.split([3, -1]), ValueError, "split"),
    (lambda x: x.chunk(0), ValueError, "chunk: .* at least 1 chunk, got 0"),
    (lambda x: x[0, 0, 0].unbind(), ValueError, "unbind: a 0-d tensor"),
    (lambda x: x[0, 0].tril(), ValueError, r"tril: expected at least 2 dimensions, got shape \(4,\)"),
])
def test_refusals(code, error, message):
    with pytest.raises(error, match=message):
        code(tinynet.tensor(X))
