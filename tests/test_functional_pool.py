"""Pooling and padding: against PyTorch, against central differences, and on bad input."""

import numpy as np
import pytest
from parity import agree, channels_last, distinct, normal, slopes

import tinynet
from tinynet.nn import functional as F
from tinynet.tensor import Tensor

MAX = [
    (2, {}), (3, dict(stride=2, padding=1)), ((2, 3), dict(stride=(2, 1))), (2, dict(dilation=2)),
    (3, dict(stride=2, ceil_mode=True)), (3, dict(stride=3, padding=1, dilation=(1, 2), ceil_mode=True)),
    (1, dict(stride=2)), ((7, 6), {}),
]
MEAN = [
    (2, {}), (3, dict(stride=2, padding=1)), ((2, 3), dict(stride=(2, 1))),
    (3, dict(stride=2, ceil_mode=True)), (3, dict(stride=2, padding=1, count_include_pad=False)),
    (2, dict(divisor_override=3)),
    (3, dict(stride=3, padding=1, ceil_mode=True, count_include_pad=False)),
    (3, dict(stride=3, padding=1, ceil_mode=True)),
]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("window, options", MAX)
def test_max_pool2d_is_pytorchs(window, options, dtype):
    def both(lib, x):
        return lib.nn.functional.max_pool2d(x, window, **options, return_indices=True)[0]

    for x in distinct(2, 3, 7, 6), distinct(3, 7, 6), channels_last(distinct(1, 16, 7, 6)):
        agree(lambda lib, x: lib.nn.functional.max_pool2d(x, window, **options), x.astype(dtype))
        agree(both, x.astype(dtype))


@pytest.mark.parametrize("window, options", MAX)
def test_max_pool2d_finds_the_places_pytorch_finds(window, options):
    torch = pytest.importorskip("torch")
    x = np.round(normal(2, 3, 7, 6))               # with many ties
    _, ours = F.max_pool2d(Tensor(x), window, **options, return_indices=True)
    _, theirs = torch.nn.functional.max_pool2d(torch.from_numpy(x), window, **options, return_indices=True)
    assert ours.dtype == np.int64
    np.testing.assert_array_equal(ours.array, theirs.numpy())
    agree(lambda lib, x: lib.nn.functional.max_pool2d(x, window, **options), x)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("window, options", MEAN)
def test_avg_pool2d_is_pytorchs(window, options, dtype):
    for x in normal(2, 3, 7, 6), normal(3, 7, 6), channels_last(normal(1, 16, 7, 6)):
        agree(lambda lib, x: lib.nn.functional.avg_pool2d(x, window, **options), x.astype(dtype))


@pytest.mark.parametrize("size", [1, (1, 1), 3, (2, 5), (None, 2), (7, 6), (9, 8)])
def test_adaptive_avg_pool2d_is_pytorchs(size):
    for x in normal(2, 3, 7, 6), normal(3, 7, 6), channels_last(normal(1, 16, 7, 6)):
        agree(lambda lib, x: lib.nn.functional.adaptive_avg_pool2d(x, size), x)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_pools_have_the_slopes_of_differences(backend):
    with tinynet.kernels.use(backend):
        slopes(lambda x: F.max_pool2d(x, 3, 2, 1), distinct(2, 2, 6, 5))
        slopes(lambda x: F.avg_pool2d(x, 3, 2, 1, True, False), distinct(2, 2, 6, 5))
        slopes(lambda x: F.adaptive_avg_pool2d(x, (4, 2)), distinct(2, 2, 6, 5))


def test_max_pool2d_does_not_keep_its_input():
    import weakref
    x = Tensor(normal(1, 2, 6, 6), requires_grad=True)
    inner = x * 2
    memory, y = weakref.ref(inner.array), F.max_pool2d(inner, 2)
    del inner
    assert memory() is None and y.grad_fn is not None


@pytest.mark.parametrize("call, message", [
    (lambda x: F.max_pool2d(x, 3, padding=2), r"padding of at most half the window \(3, 3\)"),
    (lambda x: F.max_pool2d(x, 9), r"a window of \(9, 9\) does not fit into input \(1, 2, 4, 5\)"),
    (lambda x: F.max_pool2d(x, 2, stride=0), "expected stride"),
    (lambda x: F.max_pool2d(x, 0), "expected kernel_size"),
    (lambda x: F.avg_pool2d(x, 2, divisor_override=0), "divisor_override"),
    (lambda x: F.avg_pool2d(x[0, 0], 2), r"expected input \(N, C, H, W\) or \(C, H, W\), got \(4, 5\)"),
    (lambda x: F.adaptive_avg_pool2d(x, 0), "expected output_size"),
    (lambda x: F.adaptive_avg_pool2d(x, (1, 2, 3)), "expected output_size to be one or two integers"),
])
def test_pools_refuse(call, message):
    with pytest.raises(ValueError, match=message):
        call(Tensor(np.zeros((1, 2, 4, 5))))


PADS = [
    ("constant", (1, 2)), ("constant", (1, 2, 0, 3)), ("constant", (0, 1, 2, 0, 1, 1)),
    ("constant", (-1, 2, 1, -2)),
    ("reflect", (1, 2)), ("reflect", (3, 2, 1, 2)), ("reflect", (0, 0, 3, 0)),
    ("replicate", (1, 2)), ("replicate", (5, 0, 1, 7)), ("circular", (2, 1, 0, 3)),
]


@pytest.mark.parametrize("mode, widths", PADS)
def test_pad_is_pytorchs(mode, widths):
    ndim = 4 if mode == "constant" or len(widths) == 4 else 3
    x = normal(2, 3, 4, 5)[(0,) * (4 - ndim)]
    agree(lambda lib, x: lib.nn.functional.pad(x, widths, mode), x)
    slopes(lambda x: F.pad(x, widths, mode), x)
    if mode == "constant":
        agree(lambda lib, x: lib.nn.functional.pad(x, widths, mode, -1.5), x)


def test_pad_keeps_the_memory_order():
    x = channels_last(normal(2, 3, 4, 5))
    for mode in "constant", "reflect":
        assert F.pad(Tensor(x), (1, 1, 1, 1), mode).array.transpose(0, 2, 3, 1).flags.c_contiguous


@pytest.mark.parametrize("widths, mode, message", [
    ((1,), "constant", "a pair of widths"), ((1,) * 10, "constant", "at most 4 axes"),
    ((-3, -3), "constant", "cuts off more"), ((1, 1), "mirror", "expected mode"),
    ((5, 0, 0, 0), "reflect", r"expected widths in \[-5, 4\] for mode 'reflect' and size 5"),
    ((6, 0, 0, 0), "circular", r"in \[-5, 5\]"), ((-6, 0, 0, 0), "replicate", "expected widths"),
    ((1, 1), "reflect", r"all axes but \(C\) or \(N, C\)"),
])
def test_pad_refuses(widths, mode, message):
    with pytest.raises(ValueError, match=message):
        F.pad(Tensor(np.zeros((2, 3, 4, 5))), widths, mode)
