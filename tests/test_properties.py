"""Properties over random shapes and options: value and gradients are PyTorch's whatever the geometry."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinynet
from tinynet.nn import functional as F

torch = pytest.importorskip("torch")

small = st.integers(1, 4)
quick = settings(max_examples=60, deadline=None, derandomize=True)


def agree(run, *arrays):
    """`run(F, *tensors)` gives the same value and gradients in both libraries, in float64."""
    ours = [tinynet.tensor(a, requires_grad=True) for a in arrays]
    theirs = [torch.tensor(a, requires_grad=True) for a in arrays]
    y, z = run(F, *ours), run(torch.nn.functional, *theirs)
    v = np.random.default_rng(0).standard_normal(tuple(z.shape))
    y.backward(tinynet.tensor(v)), z.backward(torch.tensor(v))
    for a, b in ((y, z), *((x.grad, w.grad) for x, w in zip(ours, theirs))):
        b = b.detach().numpy()
        assert a.shape == b.shape
        assert np.abs(a.array - b).max(initial=0) <= 1e-11 * max(1, np.abs(b).max(initial=0))


@quick
@given(st.data())
def test_conv2d(data):
    draw = lambda strategy: data.draw(strategy)
    groups, per_group, outputs = draw(st.integers(1, 3)), draw(small), draw(small)
    kernel, dilation = (draw(small), draw(small)), (draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    padding, stride = (draw(st.integers(0, 3)), draw(st.integers(0, 3))), (draw(small), draw(small))
    size = [draw(st.integers(max(1, d * (k - 1) + 1 - 2 * p), 9)) for k, d, p in zip(kernel, dilation, padding)]
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    x = rng.standard_normal((draw(st.integers(1, 3)), groups * per_group, *size))
    w = rng.standard_normal((groups * outputs, per_group, *kernel))
    agree(lambda F, x, w, b: F.conv2d(x, w, b, stride, padding, dilation, groups), x, w, rng.standard_normal(len(w)))


@quick
@given(st.data())
def test_pooling(data):
    kernel = data.draw(st.tuples(small, small))
    padding = tuple(data.draw(st.integers(0, k // 2)) for k in kernel)
    stride, ceil_mode = data.draw(st.tuples(small, small)), data.draw(st.booleans())
    count = data.draw(st.booleans())
    size = [data.draw(st.integers(k, 9)) for k in kernel]
    x = np.random.default_rng(data.draw(st.integers(0, 99))).permutation(2 * 3 * size[0] * size[1]).reshape(2, 3, *size)
    agree(lambda F, x: F.max_pool2d(x, kernel, stride, padding, ceil_mode=ceil_mode), x.astype(float))
    agree(lambda F, x: F.avg_pool2d(x, kernel, stride, padding, ceil_mode, count), x.astype(float))


@quick
@given(st.lists(small, max_size=4), st.data())
def test_broadcasting(shape, data):
    def partner():
        kept = shape[data.draw(st.integers(0, len(shape))):]
        return [n if data.draw(st.booleans()) else 1 for n in kept]
    rng = np.random.default_rng(0)
    x, y, z = (rng.standard_normal(s) for s in (shape, partner(), partner()))
    agree(lambda F, x, y, z: x * y + z / (y * y + 1) - x, x, y, z)
