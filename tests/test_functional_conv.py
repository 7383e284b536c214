"""conv2d, unfold, fold and linear: against PyTorch, against central differences, and on bad input."""

import numpy as np
import pytest
from parity import agree, channels_last, normal, slopes

import tinynet
from tinynet.nn import functional as F
from tinynet.tensor import Tensor

# input (C, H, W), weight (K, C/groups, R, S), options
CONVOLUTIONS = [
    ((3, 8, 8), (4, 3, 3, 3), dict(padding=1)),
    ((3, 9, 7), (4, 3, 3, 3), dict(stride=2, padding=1)),
    ((3, 9, 7), (4, 3, 3, 3), dict(stride=(1, 3), padding=(0, 2))),
    ((16, 6, 6), (32, 16, 3, 3), dict(padding=1)),
    ((16, 7, 5), (24, 16, 3, 3), dict(stride=2, padding=1)),
    ((8, 5, 6), (16, 8, 1, 1), dict()),
    ((8, 5, 6), (16, 8, 1, 1), dict(stride=2)),
    ((2, 12, 11), (3, 2, 5, 2), dict(dilation=2, padding=3)),
    ((2, 12, 11), (3, 2, 2, 3), dict(dilation=(3, 2), stride=2)),
    ((4, 6, 7), (6, 2, 3, 3), dict(groups=2, padding=1)),
    ((6, 6, 7), (6, 1, 3, 3), dict(groups=6, padding=1, stride=2)),
    ((6, 6, 7), (12, 1, 3, 3), dict(groups=6, dilation=2, padding=2)),
    ((3, 17, 15), (8, 3, 7, 7), dict(stride=2, padding=3)),
    ((2, 5, 5), (3, 2, 5, 5), dict()),
    ((2, 6, 5), (3, 2, 3, 3), dict(padding="valid")),
    ((2, 6, 5), (3, 2, 3, 5), dict(padding="same")),
    ((2, 6, 5), (3, 2, 4, 2), dict(padding="same")),
    ((2, 8, 9), (3, 2, 2, 3), dict(padding="same", dilation=3)),
    ((1, 4, 4), (1, 1, 2, 2), dict(padding=3)),
]
IGNORE_EVEN_SAME = pytest.mark.filterwarnings("ignore:Using padding='same'")


@IGNORE_EVEN_SAME
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("x, w, options", CONVOLUTIONS)
def test_conv2d_is_pytorchs(x, w, options, dtype):
    arrays = [normal(*shape, dtype=dtype) for shape in ((2, *x), w, w[:1])]
    agree(lambda lib, x, w, b: lib.nn.functional.conv2d(x, w, b, **options), *arrays)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("x, w, options", CONVOLUTIONS[::4])
def test_conv2d_has_the_slopes_of_differences(x, w, options, backend):
    with tinynet.kernels.use(backend):
        slopes(lambda x, w, b: F.conv2d(x, w, b, **options), normal(2, *x), normal(*w), normal(w[0]))


def test_conv2d_without_bias_and_of_a_single_image():
    agree(lambda lib, x, w: lib.nn.functional.conv2d(x, w, padding=1), normal(2, 3, 5, 5), normal(4, 3, 3, 3))
    agree(lambda lib, x, w: lib.nn.functional.conv2d(x, w, padding=1), normal(3, 5, 5), normal(4, 3, 3, 3))


def test_conv2d_takes_any_memory_order_and_gives_channels_last():
    x, w = normal(2, 3, 6, 5, dtype=np.float32), normal(16, 3, 3, 3, dtype=np.float32)
    expected = F.conv2d(Tensor(x), Tensor(w)).array
    for variant in channels_last(x), x[:, :, ::-1][:, :, ::-1], np.asfortranarray(x):
        found = F.conv2d(Tensor(variant), Tensor(w)).array
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
        assert found.transpose(0, 2, 3, 1).flags.c_contiguous


def test_conv2d_computes_only_the_gradients_that_are_asked_for():
    x, w, b = (Tensor(normal(*s)) for s in ((1, 2, 4, 4), (3, 2, 3, 3), (3,)))
    w.requires_grad_()
    F.conv2d(x, w, b).sum().backward()
    assert x.grad is None and b.grad is None and w.grad.shape == w.shape


@pytest.mark.parametrize("x, w, options, message", [
    ((2, 3, 8, 8), (4, 16, 3, 3), {},
     r"conv2d: expected input \(N, 16, H, W\) or \(16, H, W\), got \(2, 3, 8, 8\)"),
    ((3, 8), (4, 3, 3, 3), {}, r"expected input \(N, 3, H, W\)"),
    ((2, 3, 8, 8), (4, 3, 3), {}, "expected weight"),
    ((2, 3, 8, 8), (4, 1, 3, 3), dict(groups=3), "divisible by groups=3"),
    ((2, 3, 2, 8), (4, 3, 3, 3), {}, r"a kernel of \(3, 3\) .* does not fit into \(2, 8\)"),
    ((2, 3, 8, 8), (4, 3, 3, 3), dict(stride=0), "stride to be one or two integers of at least 1, got 0"),
    ((2, 3, 8, 8), (4, 3, 3, 3), dict(stride=(1, 2, 3)), "expected stride"),
    ((2, 3, 8, 8), (4, 3, 3, 3), dict(padding=-1), "expected padding"),
    ((2, 3, 8, 8), (4, 3, 3, 3), dict(padding="full"), 'expected padding "valid"'),
    ((2, 3, 8, 8), (4, 3, 3, 3), dict(padding="same", stride=2), '"same" with stride 1'),
    ((2, 3, 8, 8), (4, 3, 3, 3), dict(dilation=1.5), "expected dilation"),
])
def test_conv2d_refuses(x, w, options, message):
    with pytest.raises(ValueError, match=message):
        F.conv2d(Tensor(np.zeros(x, np.float32)), Tensor(np.zeros(w, np.float32)), **options)


def test_conv2d_refuses_other_types():
    x, w = np.zeros((1, 2, 4, 4), np.float32), np.zeros((1, 2, 3, 3), np.float32)
    with pytest.raises(TypeError, match="conv2d: expected a tensor, got ndarray"):
        F.conv2d(x, Tensor(w))
    with pytest.raises(TypeError, match="one dtype, got float32 and float64"):
        F.conv2d(Tensor(x), Tensor(w.astype(np.float64)))
    with pytest.raises(TypeError, match="floating-point tensor, got int64"):
        F.conv2d(Tensor(x.astype(np.int64)), Tensor(w))
    with pytest.raises(ValueError, match=r"expected bias \(1,\), got \(2,\)"):
        F.conv2d(Tensor(x), Tensor(w), Tensor(np.zeros(2, np.float32)))


WINDOWS = [
    ((2, 3, 6, 5), 3, dict()),
    ((2, 3, 6, 5), (2, 3), dict(stride=2, padding=1)),
    ((1, 2, 9, 8), 3, dict(dilation=(2, 3), padding=(2, 1), stride=(1, 2))),
    ((1, 1, 1, 1), 1, dict()),
    ((3, 6, 5), 2, dict()),
]


@pytest.mark.parametrize("shape, kernel, options", WINDOWS)
def test_unfold_and_fold_are_pytorchs(shape, kernel, options):
    agree(lambda lib, x: lib.nn.functional.unfold(x, kernel, **options), normal(*shape))
    columns = F.unfold(Tensor(normal(*shape)), kernel, **options).shape
    agree(lambda lib, x: lib.nn.functional.fold(x, shape[-2:], kernel, **options), normal(*columns))
    slopes(lambda x: F.unfold(x, kernel, **options), normal(*shape))
    slopes(lambda x: F.fold(x, shape[-2:], kernel, **options), normal(*columns))


def test_fold_is_the_adjoint_of_unfold():
    x, columns = normal(2, 3, 6, 5), normal(2, 27, 6)
    unfolded = F.unfold(Tensor(x), 3, stride=(1, 2), padding=(0, 0))
    columns = normal(*unfolded.shape)
    folded = F.fold(Tensor(columns), (6, 5), 3, stride=(1, 2))
    np.testing.assert_allclose((unfolded.array * columns).sum(), (x * folded.array).sum())


def test_unfold_and_fold_refuse():
    with pytest.raises(ValueError, match=r"unfold: expected input \(N, C, H, W\)"):
        F.unfold(Tensor(np.zeros((2, 2))), 2)
    with pytest.raises(ValueError, match=r"unfold: a kernel of \(3, 3\) .* does not fit"):
        F.unfold(Tensor(np.zeros((1, 1, 2, 5))), 3)
    with pytest.raises(ValueError, match=r"expected input \(N, C·4, 4\) or \(C·4, 4\), got \(1, 4, 5\)"):
        F.fold(Tensor(np.zeros((1, 4, 5))), 3, 2)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", [(5, 4), (4,), (2, 3, 4), (2, 1, 3, 4), (0, 4)])
def test_linear_is_pytorchs(shape, dtype):
    x, w, b = (normal(*s, dtype=dtype) for s in (shape, (3, 4), (3,)))
    agree(lambda lib, x, w, b: lib.nn.functional.linear(x, w, b), x, w, b)
    agree(lambda lib, x, w: lib.nn.functional.linear(x, w), x, w)


def test_linear_has_the_slopes_of_differences():
    slopes(lambda x, w, b: F.linear(x, w, b), normal(2, 3, 4), normal(5, 4), normal(5))


def test_linear_refuses():
    x, w = Tensor(np.zeros((2, 3))), Tensor(np.zeros((5, 4)))
    with pytest.raises(ValueError, match=r"linear: expected input \(..., 4\) and weight \(K, 4\), got"):
        F.linear(x, w)
    with pytest.raises(ValueError, match=r"linear: expected bias \(5,\), got \(4,\)"):
        F.linear(Tensor(np.zeros((2, 4))), w, Tensor(np.zeros(4)))
