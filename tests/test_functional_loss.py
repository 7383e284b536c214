"""Losses, embedding and one_hot: against PyTorch, central differences, and on bad input."""

import numpy as np
import pytest
from parity import agree, normal, slopes

import tinynet
from tinynet.nn import functional as F
from tinynet.tensor import Tensor

REDUCTIONS = ["mean", "sum", "none"]
SCORES = [(6, 4), (2, 4, 5), (2, 3, 4, 5), (4,), (3, 1)]


def labels(shape, ignored=None):
    classes = shape[0] if len(shape) == 1 else shape[1]
    chosen = np.random.default_rng(0).integers(0, classes, shape[:1] * (len(shape) > 1) + shape[2:])
    if ignored is not None and chosen.ndim:
        chosen.flat[1] = ignored
    return np.asarray(chosen)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", SCORES)
def test_cross_entropy_of_labels_is_pytorchs(shape, reduction, dtype):
    x, weight = normal(*shape, dtype=dtype), 0.5 + normal(shape[min(1, len(shape) - 1)], dtype=dtype) ** 2
    smooth = dict(label_smoothing=0.1, ignore_index=-100)
    for options in {}, dict(ignore_index=2), dict(label_smoothing=0.3), smooth:
        t = labels(shape, options.get("ignore_index"))

        def run(lib, x, t, weight=None):
            return lib.nn.functional.cross_entropy(x, t, weight, reduction=reduction, **options)

        agree(run, x, t)
        agree(lambda lib, x, t: run(lib, x, t, lib.tensor(weight)), x, t)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", SCORES)
def test_cross_entropy_of_probabilities_is_pytorchs(shape, reduction):
    axis = min(1, len(shape) - 1)
    q = np.exp(normal(*shape, seed=1))
    q /= q.sum(axis, keepdims=True)
    weight = normal(shape[axis]) ** 2
    for smoothing in 0.0, 0.2:
        agree(lambda lib, x, q: lib.nn.functional.cross_entropy(
            x, q, lib.tensor(weight), reduction=reduction, label_smoothing=smoothing), normal(*shape), q)
        agree(lambda lib, x, q: lib.nn.functional.cross_entropy(x, q, reduction=reduction), normal(*shape), q)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", SCORES)
def test_nll_loss_is_pytorchs(shape, reduction):
    for ignored in -100, 2:
        weight = normal(shape[min(1, len(shape) - 1)]) ** 2 + 1
        t = labels(shape, ignored)
        options = dict(reduction=reduction, ignore_index=ignored)
        x = normal(*shape)
        agree(lambda lib, x, t: lib.nn.functional.nll_loss(x, t, **options), x, t)
        agree(lambda lib, x, t: lib.nn.functional.nll_loss(x, t, lib.tensor(weight), **options), x, t)


def test_losses_of_labels_have_the_slopes_of_differences():
    weight = Tensor(np.array([0.5, 1.0, 2.0, 1.5]))
    for reduction in REDUCTIONS:
        x, t, options = normal(3, 4, 2), labels((3, 4, 2), 1), dict(ignore_index=1, reduction=reduction)
        slopes(lambda x, t: F.cross_entropy(x, t, weight, label_smoothing=0.1, **options), x, t)
        slopes(lambda x, t: F.nll_loss(x, t, weight, **options), x, t)


def test_cross_entropy_is_stable_and_equals_its_parts():
    big = Tensor(np.array([[1000.0, 0.0, -1000.0]], np.float32))
    assert F.cross_entropy(big, Tensor(np.array([0]))).item() == 0
    assert F.cross_entropy(big, Tensor(np.array([2]))).item() == 2000
    x, t = Tensor(normal(6, 4)), Tensor(labels((6, 4)))
    np.testing.assert_allclose(F.cross_entropy(x, t).array, F.nll_loss(F.log_softmax(x, 1), t).array)


def test_a_mean_over_ignored_labels_only_is_nan():
    x, t = Tensor(normal(2, 3)), Tensor(np.array([-100, -100]))
    assert np.isnan(F.cross_entropy(x, t).item()) and F.cross_entropy(x, t, reduction="sum").item() == 0


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
def test_losses_of_labels_refuse(name):
    loss, x = getattr(F, name), Tensor(np.zeros((2, 3)))
    with pytest.raises(IndexError, match=rf"{name}: expected labels in \[0, 2\] or -100, .* got 3"):
        loss(x, Tensor(np.array([0, 3])))
    with pytest.raises(IndexError, match="got -1"):
        loss(x, Tensor(np.array([-1, 0])))
    with pytest.raises(ValueError, match=r"expected scores \(N, C, ...\) and labels \(N, ...\)"):
        loss(x, Tensor(np.array([0, 1, 2])))
    with pytest.raises(ValueError, match=r"expected weight \(3,\), got \(2,\)"):
        loss(x, Tensor(np.array([0, 1])), Tensor(np.ones(2)))
    with pytest.raises(ValueError, match='expected reduction "mean", "sum" or "none", got \'max\''):
        loss(x, Tensor(np.array([0, 1])), reduction="max")
    with pytest.warns(UserWarning, match="size_average and reduce are deprecated; use reduction='mean'"):
        loss(x, Tensor(np.array([0, 1])), size_average=True)
    with pytest.raises(TypeError, match="expected a tensor, got list"):
        loss(x, [0, 1])


def test_cross_entropy_of_probabilities_refuses():
    x = Tensor(np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"expected target \(2, 3\), got \(2,\)"):
        F.cross_entropy(x, Tensor(np.zeros(2)))
    with pytest.raises(ValueError, match="ignore_index is for labels"):
        F.cross_entropy(x, x, ignore_index=1)
    with pytest.raises(ValueError, match=r"label_smoothing in \[0, 1\]"):
        F.cross_entropy(x, x, label_smoothing=2)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", ["mse_loss", "l1_loss"])
def test_regression_losses_are_pytorchs(name, reduction):
    def run(lib, x, y, weight=None):
        return getattr(lib.nn.functional, name)(x, y, reduction=reduction, weight=weight)

    weight = normal(3, 4, seed=2) ** 2
    agree(run, normal(3, 4), normal(3, 4, seed=1))
    agree(lambda lib, x, y: run(lib, x, y, lib.tensor(weight)), normal(3, 4), normal(3, 4, seed=1))
    slopes(lambda x, y: run(tinynet, x, y), normal(3, 4), normal(3, 4, seed=1))
    with pytest.warns(UserWarning, match=rf"{name}: input \(3, 4\) and target \(4,\) are broadcast"):
        run(tinynet, Tensor(normal(3, 4)), Tensor(normal(4)))


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_binary_cross_entropy_with_logits_is_pytorchs(reduction):
    x, y = 5 * normal(3, 4), np.random.default_rng(0).random((3, 4))
    weight, positive = normal(4) ** 2, normal(4) ** 2 + 0.5

    def run(lib, x, y):
        return lib.nn.functional.binary_cross_entropy_with_logits(
            x, y, lib.tensor(weight), reduction=reduction, pos_weight=lib.tensor(positive))

    agree(run, x, y)
    slopes(lambda x, y: run(tinynet, x, y), x, y)
    loss = "binary_cross_entropy_with_logits"
    agree(lambda lib, x, y: getattr(lib.nn.functional, loss)(x, y, reduction=reduction), x, y)


def test_binary_cross_entropy_with_logits_is_stable_and_refuses():
    x, y = Tensor(np.array([1e4, -1e4], np.float32)), Tensor(np.array([0, 1], np.float32))
    assert F.binary_cross_entropy_with_logits(x, y).item() == 1e4
    with pytest.raises(ValueError, match=r"expected target \(2,\), got \(1,\)"):
        F.binary_cross_entropy_with_logits(x, y[:1])


# Embedding and one_hot ------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(5,), (2, 3), (0,), (2, 1, 4), ()])
def test_embedding_is_pytorchs(shape):
    indices = np.random.default_rng(0).integers(0, 4, shape)
    for padding in None, 2, -1:
        agree(lambda lib, w: lib.nn.functional.embedding(lib.tensor(indices), w, padding), normal(4, 3))
    slopes(lambda w: F.embedding(Tensor(np.asarray(indices)), w), normal(4, 3))


def test_embedding_refuses():
    w = Tensor(np.zeros((4, 3)))
    with pytest.raises(IndexError, match=r"embedding: expected indices in \[0, 3\], got 4"):
        F.embedding(Tensor(np.array([1, 4])), w)
    with pytest.raises(TypeError, match="expected a tensor of integers, got float64"):
        F.embedding(Tensor(np.array([1.0])), w)
    with pytest.raises(ValueError, match="max_norm is not supported"):
        F.embedding(Tensor(np.array([1])), w, max_norm=1.0)
    with pytest.raises(ValueError, match="padding_idx within 4 rows"):
        F.embedding(Tensor(np.array([1])), w, padding_idx=4)


def test_one_hot_is_pytorchs():
    torch = pytest.importorskip("torch")
    for t in np.array([0, 2, 1]), np.array([[1, 0], [3, 3]]), np.array(2):
        for classes in -1, 5:
            ours = F.one_hot(Tensor(t), classes)
            theirs = torch.nn.functional.one_hot(torch.tensor(t), classes)
            assert ours.dtype == np.int64
            np.testing.assert_array_equal(ours.array, theirs.numpy())
    with pytest.raises(IndexError, match=r"one_hot: expected labels in \[0, 1\], got 2"):
        F.one_hot(Tensor(np.array([0, 2])), 2)
    with pytest.raises(TypeError, match="integers"):
        F.one_hot(Tensor(np.array([0.0])))
