"""Batch, layer and group norm, and the fused forms: against PyTorch, central differences, on bad input."""

import numpy as np
import pytest
from parity import agree, channels_last, normal, slopes

import tinynet
from tinynet.nn import functional as F
from tinynet.tensor import Tensor

SHAPES = [(8, 3), (4, 5, 3), (3, 16, 4, 5), (2, 17, 3, 3), (2, 3, 2, 3, 2), (2, 1, 5, 5)]
DTYPES = [np.float64, np.float32]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_batch_norm_in_training_is_pytorchs(shape, dtype):
    c = shape[1]
    x, w, b = (normal(*s, dtype=dtype) for s in (shape, (c,), (c,)))
    agree(lambda lib, x, w, b: lib.nn.functional.batch_norm(x, None, None, w, b, True), x, w, b)
    agree(lambda lib, x: lib.nn.functional.batch_norm(x, None, None, training=True, eps=0.1), x)
    agree(lambda lib, x, b: lib.nn.functional.batch_norm(x, None, None, None, b, True), x, b)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_batch_norm_in_evaluation_is_pytorchs(shape, dtype):
    c = shape[1]
    mean, var = normal(c, dtype=dtype), normal(c, seed=1, dtype=dtype) ** 2

    def run(lib, x, w, b):
        return lib.nn.functional.batch_norm(x, lib.tensor(mean), lib.tensor(var), w, b)

    agree(run, *(normal(*s, dtype=dtype) for s in (shape, (c,), (c,))))


@pytest.mark.parametrize("shape", SHAPES)
def test_batch_norm_moves_the_running_statistics_as_pytorch_does(shape):
    torch = pytest.importorskip("torch")
    x, c = normal(*shape, dtype=np.float32), shape[1]
    ours = Tensor(np.zeros(c, np.float32)), Tensor(np.ones(c, np.float32))
    theirs = torch.zeros(c), torch.ones(c)
    arrays = [t.array for t in ours]
    for _ in range(3):
        F.batch_norm(Tensor(x), *ours, training=True, momentum=0.3)
        torch.nn.functional.batch_norm(torch.from_numpy(x), *theirs, training=True, momentum=0.3)
    for ours, theirs, array in zip(ours, theirs, arrays):
        np.testing.assert_allclose(ours.array, theirs.numpy(), rtol=1e-5, atol=1e-6)
        assert ours.array is array and ours.version.count == 3      # in place, and said so


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("shape", [(4, 3, 5, 6), (3, 16, 4, 4), (2, 33, 3, 5)])
def test_the_fused_form_equals_its_parts(shape, training, residual):
    c, mean, var = shape[1], normal(shape[1]), normal(shape[1], seed=1) ** 2

    def fused(lib, x, w, b, *r):
        statistics = (lib.tensor(mean), lib.tensor(var))
        return lib.nn.functional.batch_norm_act(x, *statistics, w, b, training, residual=r[0] if r else None)

    def parts(lib, x, w, b, *r):
        y = lib.nn.functional.batch_norm(x, lib.tensor(mean), lib.tensor(var), w, b, training)
        return lib.nn.functional.relu(y + r[0] if r else y)

    arrays = [normal(*s) for s in (shape, (c,), (c,), *[(shape)] * residual)]
    arrays[0] = channels_last(arrays[0])
    agree(fused, *arrays, reference=parts)
    for backend in "numpy", "numba":
        with tinynet.kernels.use(backend):
            slopes(lambda *tensors: fused(tinynet, *tensors), *arrays)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_norms_have_the_slopes_of_differences(backend):
    x, w, b = normal(4, 6, 3, 2), normal(6), normal(6)
    mean, var = Tensor(normal(6)), Tensor(normal(6) ** 2)
    with tinynet.kernels.use(backend):
        slopes(lambda x, w, b: F.batch_norm(x, None, None, w, b, True), x, w, b)
        slopes(lambda x, w, b: F.batch_norm(x, mean, var, w, b), x, w, b)
        slopes(lambda x, w, b: F.group_norm(x, 3, w, b), x, w, b)
        slopes(lambda x, w, b: F.layer_norm(x, (3, 2), w, b), x, normal(3, 2), normal(3, 2))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape, inner", [((4, 5), (5,)), ((2, 3, 4), (3, 4)), ((6,), (6,))])
def test_layer_norm_is_pytorchs(shape, inner, dtype):
    x, w, b = (normal(*s, dtype=dtype) for s in (shape, inner, inner))
    agree(lambda lib, x, w, b: lib.nn.functional.layer_norm(x, inner, w, b), x, w, b)
    agree(lambda lib, x, w: lib.nn.functional.layer_norm(x, inner, w), x, w)
    agree(lambda lib, x: lib.nn.functional.layer_norm(x, inner, eps=0.1), x)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape, groups", [((4, 6), 2), ((2, 6, 5), 3), ((2, 6, 4, 3), 1), ((2, 6, 4, 3), 6)])
def test_group_norm_is_pytorchs(shape, groups, dtype):
    x, w, b = (normal(*s, dtype=dtype) for s in (shape, shape[1:2], shape[1:2]))
    agree(lambda lib, x, w, b: lib.nn.functional.group_norm(x, groups, w, b), x, w, b)
    agree(lambda lib, x: lib.nn.functional.group_norm(x, groups), x)


def test_a_change_of_what_batch_norm_saved_is_noticed():
    x = Tensor(normal(4, 3), requires_grad=True)
    inner = x * 1
    y = F.batch_norm_act(inner, None, None, training=True)
    inner.add_(1)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.sum().backward()


def test_training_after_an_evaluation_does_not_disturb_its_backward():
    mean, var = Tensor(np.zeros(3)), Tensor(np.ones(3))
    x = Tensor(normal(4, 3), requires_grad=True)
    y = F.batch_norm(x, mean, var)
    F.batch_norm(Tensor(normal(4, 3, seed=7)), mean, var, training=True)
    y.backward(Tensor(np.ones((4, 3))))
    np.testing.assert_allclose(x.grad.array, 1 / np.sqrt(1 + 1e-5))


@pytest.mark.parametrize("call, message", [
    (lambda x, v: F.batch_norm(x, None, None), "expected running_mean and running_var"),
    (lambda x, v: F.batch_norm(x, v, v), r"batch_norm: expected running_mean \(3,\), got \(2,\)"),
    (lambda x, v: F.batch_norm(x, None, None, v, training=True), r"expected weight \(3,\), got \(2,\)"),
    (lambda x, v: F.batch_norm(x[:1, :, :1, :1], None, None, training=True), "more than one value"),
    (lambda x, v: F.batch_norm(v, None, None, training=True), r"expected input \(N, C, ...\), got \(2,\)"),
    (lambda x, v: F.batch_norm_act(x, None, None, training=True, residual=x[:1]), r"residual \(2, 3, 4, 4\)"),
    (lambda x, v: F.layer_norm(x, (5,)), r"layer_norm: expected input \(..., 5\), got \(2, 3, 4, 4\)"),
    (lambda x, v: F.layer_norm(x, 4, v), r"expected weight \(4,\), got \(2,\)"),
    (lambda x, v: F.group_norm(x, 2), "C divisible by 2 groups"),
])
def test_norms_refuse(call, message):
    with pytest.raises(ValueError, match=message):
        call(Tensor(np.zeros((2, 3, 4, 4))), Tensor(np.zeros(2)))
