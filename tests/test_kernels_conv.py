"""Convolution kernels: the specification against seven loops, every fast branch against the specification."""

import os
import subprocess
import sys

import numpy as np
import pytest

from tinynet.kernels import conv
from tinynet.kernels.conv import spec, winograd_spec
from tinynet.kernels.machine import layout, threads
from tinynet.kernels.machine.lanes import LANES

# x_shape, w_shape, stride, padding, dilation, groups
SHAPES = {
    "3x3": ((2, 16, 9, 11), (16, 16, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    "3x3 wide rows": ((1, 8, 3, 37), (40, 8, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    "3x3 ragged": ((2, 5, 7, 6), (7, 5, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    "3x3 no padding": ((1, 17, 8, 8), (33, 17, 3, 3), (1, 1), (0, 0), (1, 1), 1),
    "3x3 blocked": ((2, 130, 7, 7), (66, 130, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    "3x3 256 channels": ((1, 256, 4, 4), (32, 256, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    "3x3 odd": ((3, 32, 7, 9), (48, 32, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    "3x3 odd, no padding": ((2, 16, 8, 5), (32, 16, 3, 3), (1, 1), (0, 0), (1, 1), 1),
    "3x3 padding over kernel": ((2, 32, 3, 4), (16, 32, 3, 3), (1, 1), (4, 3), (1, 1), 1),
    "3x3 many tiles": ((9, 32, 14, 15), (64, 32, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    "stride 2": ((2, 16, 8, 8), (32, 16, 3, 3), (2, 2), (1, 1), (1, 1), 1),
    "stride 2 odd": ((2, 6, 9, 7), (20, 6, 3, 3), (2, 2), (1, 1), (1, 1), 1),
    "stride 2 kernel 2": ((1, 4, 7, 8), (5, 4, 2, 2), (2, 2), (0, 0), (1, 1), 1),
    "stride 3 over kernel 2": ((1, 4, 11, 10), (5, 4, 2, 2), (3, 3), (0, 0), (1, 1), 1),
    "mixed strides": ((1, 4, 9, 10), (18, 4, 3, 3), (1, 2), (2, 0), (1, 1), 1),
    "1x1": ((3, 16, 5, 7), (24, 16, 1, 1), (1, 1), (0, 0), (1, 1), 1),
    "1x1 stride 2": ((2, 8, 7, 7), (16, 8, 1, 1), (2, 2), (0, 0), (1, 1), 1),
    "1x1 padded": ((2, 3, 4, 4), (4, 3, 1, 1), (1, 1), (1, 2), (1, 1), 1),
    "1x1 wide": ((3, 64, 4, 5), (70, 64, 1, 1), (1, 1), (0, 0), (1, 1), 1),
    "1x1 wide, many pixels": ((9, 64, 25, 22), (70, 64, 1, 1), (1, 1), (0, 0), (1, 1), 1),
    "1x1 256 channels": ((1, 256, 5, 4), (24, 256, 1, 1), (1, 1), (0, 0), (1, 1), 1),
    "1x1 256 channels, many pixels": ((9, 256, 10, 12), (4, 256, 1, 1), (1, 1), (0, 0), (1, 1), 1),
    "1x1 wide stride 2": ((2, 66, 5, 6), (64, 66, 1, 1), (2, 2), (0, 0), (1, 1), 1),
    "stem": ((1, 3, 23, 26), (16, 3, 7, 7), (2, 2), (3, 3), (1, 1), 1),
    "first layer": ((2, 3, 9, 8), (16, 3, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    "5x3": ((1, 4, 8, 9), (17, 4, 5, 3), (1, 1), (2, 1), (1, 1), 1),
    "padding over kernel": ((1, 3, 4, 3), (5, 3, 2, 3), (1, 1), (4, 5), (1, 1), 1),
    "padding over kernel, stride": ((1, 3, 4, 3), (5, 3, 2, 3), (2, 3), (4, 5), (1, 1), 1),
    "one pixel": ((1, 4, 1, 1), (4, 4, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    "dilated": ((1, 4, 9, 8), (6, 4, 3, 3), (1, 2), (2, 1), (2, 3), 1),
    "grouped": ((2, 6, 6, 5), (9, 2, 3, 3), (2, 1), (1, 1), (1, 1), 3),
    "grouped 1x1, stride 2": ((2, 24, 6, 5), (48, 4, 1, 1), (2, 2), (0, 0), (1, 1), 6),
    "grouped, many": ((2, 40, 6, 5), (40, 4, 3, 3), (2, 2), (1, 1), (1, 1), 10),
    "depthwise": ((2, 20, 6, 7), (20, 1, 3, 3), (2, 1), (1, 1), (1, 2), 20),
    "depthwise, stride over kernel": ((2, 3, 11, 12), (3, 1, 2, 2), (3, 4), (1, 0), (1, 1), 3),
    "depthwise, wide, padding over kernel": ((1, 300, 4, 3), (300, 1, 2, 3), (2, 2), (3, 4), (2, 1), 300),
    "depthwise of vectors": ((3, 32, 9, 19), (32, 1, 3, 3), (1, 1), (1, 1), (1, 1), 32),
    "depthwise of vectors, stride 2": ((2, 48, 9, 12), (48, 1, 3, 3), (2, 2), (1, 1), (1, 1), 48),
    "depthwise of vectors, stride 3, 5x5": ((2, 16, 11, 13), (16, 1, 5, 5), (3, 3), (2, 2), (1, 1), 16),
    "depthwise of vectors, dilated": ((2, 16, 9, 23), (16, 1, 3, 3), (1, 2), (2, 3), (2, 3), 16),
    "depthwise of vectors, padding over kernel": ((1, 32, 4, 3), (32, 1, 2, 3), (2, 2), (3, 4), (1, 1), 32),
    "depthwise doubled": ((2, 4, 6, 7), (8, 1, 3, 3), (1, 1), (1, 1), (1, 1), 4),
}
GEOMETRIES = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)


def arrays(shape, dtype=np.float32, seed=0):
    """x, w, b, dy for a geometry; w in the memory order of the engine."""
    x_shape, w_shape, stride, padding, dilation, groups = shape
    rng = np.random.default_rng(seed)
    size = conv.out_size(x_shape[2:], w_shape[2:], stride, padding, dilation)
    k, c, r, s = w_shape
    x, dy = layout.channels_last(rng.standard_normal(x_shape).astype(dtype)), rng.standard_normal(
        (x_shape[0], k, *size)).astype(dtype)
    w = rng.standard_normal((r, s, c, k)).astype(dtype).transpose(3, 2, 0, 1)
    return x, w, rng.standard_normal(k).astype(dtype), layout.channels_last(dy)


def all_three(shape, x, w, b, dy, body="numba"):
    """y, dx and dw by the given body."""
    geometry = conv.Geometry(*shape[2:])
    return [getattr(conv.conv2d, body)(x, w, geometry, b),
            getattr(conv.conv2d_backward_input, body)(dy, w, x.shape, geometry),
            getattr(conv.conv2d_backward_weight, body)(x, dy, w.shape, geometry)]


def assert_close(found, expected):
    """Within a few rounding errors of the largest value: the sums are long and their order differs."""
    for a, b in zip(found, expected):
        assert a.shape == b.shape
        epsilon = np.finfo(a.dtype).eps
        np.testing.assert_allclose(a, b, rtol=0, atol=20 * epsilon * max(1, np.abs(b).max()))


def seven_loops(shape, x, w, b):
    (n, _, h, width), (k, c, r, s), stride, padding, dilation, groups = shape
    p, q = conv.out_size((h, width), (r, s), stride, padding, dilation)
    y = np.zeros((n, k, p, q)) + b[:, None, None]
    for i, j, row, column in np.ndindex(y.shape):
        for channel, rr, ss in np.ndindex(c, r, s):
            yy = row * stride[0] + rr * dilation[0] - padding[0]
            xx = column * stride[1] + ss * dilation[1] - padding[1]
            if 0 <= yy < h and 0 <= xx < width:
                y[i, j, row, column] += x[i, j // (k // groups) * c + channel, yy, xx] * w[j, channel, rr, ss]
    return y


@pytest.fixture(autouse=True)
def default_method():
    yield
    conv.use_method("auto")


@pytest.mark.parametrize("name", ["3x3 ragged", "mixed strides", "dilated", "grouped", "padding over kernel"])
def test_specification_against_loops(name):
    x, w, b, _ = arrays(SHAPES[name], np.float64)
    assert_close([conv.conv2d.numpy(x, w, SHAPES[name][2:], b)], [seven_loops(SHAPES[name], x, w, b)])


@GEOMETRIES
def test_specification_is_adjoint(shape):
    """<dy, conv(x, w)> is linear in x and in w: the gradients must give the same number."""
    x, w, b, dy = arrays(shape, np.float64)
    y, dx, dw = all_three(shape, x, w, 0 * b, dy, "numpy")
    np.testing.assert_allclose([(dx * x).sum(), (dw * w).sum()], (dy * y).sum(), rtol=1e-9)


@pytest.mark.parametrize("method", conv.METHODS)
@GEOMETRIES
def test_fast_body(shape, method):
    conv.use_method(method)
    inputs = arrays(shape)
    found = all_three(shape, *inputs)
    assert all(a.dtype == np.float32 for a in found)
    assert_close(found, all_three(shape, *(a.astype(np.float64) for a in inputs), "numpy"))


@GEOMETRIES
def test_fast_body_float64(shape):
    inputs = arrays(shape, np.float64)
    assert_close(all_three(shape, *inputs), all_three(shape, *inputs, "numpy"))


@pytest.mark.parametrize("method", ["im2col", "tiles", "winograd"])
def test_memory_order(method):
    """Results are channels-last, dw lies as (R, S, C, K); any strides are accepted."""
    conv.use_method(method)
    shape = SHAPES["stride 2 odd"]
    inputs = arrays(shape)
    y, dx, dw = all_three(shape, *inputs)
    assert layout.is_channels_last(y) and layout.is_channels_last(dx)
    assert dw.transpose(2, 3, 1, 0).flags.c_contiguous
    strided = [np.ascontiguousarray(a) for a in inputs]
    for a, b in zip(all_three(shape, *strided), (y, dx, dw)):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("method", ["im2col", "tiles", "winograd"])
@pytest.mark.parametrize("x_shape, w_shape, stride", [((33, 16, 16, 16), (32, 16, 3, 3), (1, 1)),
                                                      ((9, 32, 14, 14), (80, 32, 3, 3), (2, 2)),
                                                      ((40, 20, 12, 12), (20, 1, 3, 3), (1, 1)),
                                                      ((20, 32, 12, 12), (32, 1, 3, 3), (1, 1))])
def test_same_bits_for_any_thread_count(method, x_shape, w_shape, stride):
    conv.use_method(method)
    shape = (x_shape, w_shape, stride, (1, 1), (1, 1), x_shape[1] // w_shape[1])
    inputs, before, results = arrays(shape), threads.get_num_threads(), []
    try:
        for count in (1, 2, 3):
            threads.set_num_threads(count)
            results.append(all_three(shape, *inputs))
    finally:
        threads.set_num_threads(before)
    for other in results[1:]:
        for a, b in zip(results[0], other):
            np.testing.assert_array_equal(a, b)


def test_every_branch_is_chosen():
    from tinynet.kernels.conv import fast
    x, narrow, wide, once = np.float32, (16, 16, 3, 3), (64, 256, 1, 1), conv.Geometry(padding=(1, 1))
    def images(channels):
        return 64, channels, 8, 8
    cases = {("forward", x, images(16), narrow, once), ("weight", x, images(256), wide, conv.Geometry()),
             ("weight", x, images(64), (32, 64, 3, 3), once),
             ("input", x, images(8), (8, 1, 3, 3), once._replace(groups=8)),
             ("input", x, images(32), (32, 1, 3, 3), once._replace(groups=32)),
             ("input", np.float64, images(8), (8, 1, 3, 3), once._replace(groups=8)),
             ("forward", np.float64, images(16), narrow, once)}
    found = {fast.choose(*case) for case in cases}
    explicit = {"tiles", "winograd", "depthwise tiles"}                # not chosen without explicit SIMD
    assert found | explicit == set(fast.BRANCHES)


@pytest.mark.parametrize("method", conv.METHODS)
def test_empty_batch(method):
    conv.use_method(method)
    shape = ((0, 4, 6, 6), (5, 4, 3, 3), (2, 2), (1, 1), (1, 1), 1)
    y, dx, dw = all_three(shape, *arrays(shape))
    assert y.shape == (0, 5, 3, 3) and dx.shape == shape[0] and not dw.any()


WINOGRAD = [name for name, (_, w_shape, stride, _, dilation, groups) in SHAPES.items()
            if w_shape[2:] == (3, 3) and stride == dilation == (1, 1) and groups == 1]


@pytest.mark.parametrize("name", WINOGRAD)
def test_winograd_in_numpy_is_a_convolution(name):
    """In float64, where its sums before the products hardly round."""
    x, w, b, dy = arrays(SHAPES[name], np.float64)
    y, _, dw = all_three(SHAPES[name], x, w, 0 * b, dy, "numpy")
    padding = SHAPES[name][3]
    found = winograd_spec.conv2d(x, w, padding), winograd_spec.conv2d_backward_weight(x, dy, padding)
    for a, exact in zip(found, (y, dw), strict=True):
        np.testing.assert_allclose(a, exact, rtol=0, atol=1e-12 * np.abs(exact).max())


@pytest.mark.skipif(not LANES, reason="explicit SIMD is switched off")
def test_winograd_is_as_accurate_as_it_says():
    """Errors of the largest value: below 1e-6, and below those of the direct tiles, whose sums are longer."""
    shape = (2, 128, 13, 12), (64, 128, 3, 3), (1, 1), (1, 1), (1, 1), 1
    inputs = arrays(shape)
    exact = all_three(shape, *(a.astype(np.float64) for a in inputs), "numpy")
    worst = {}
    for method in ("tiles", "winograd"):
        conv.use_method(method)
        worst[method] = [np.abs(a - b).max() / np.abs(b).max() for a, b in zip(all_three(shape, *inputs), exact)]
    assert max(worst["winograd"]) < 1e-6
    assert all(a < b for a, b in zip(worst["winograd"], worst["tiles"]))


@pytest.mark.parametrize("odd", [np.inf, -np.inf, np.nan, 3e38])
def test_winograd_leaves_an_odd_pixel_in_its_own_windows(odd):
    """inf - inf would spoil the whole tile of 2 x 2 outputs, and 3e38 + 3e38 would be infinite."""
    shape = SHAPES["3x3 odd"]
    x, w, b, dy = arrays(shape)
    x[1, 5, 2, 2:4] = dy[0, 3, 4, 4:6] = odd
    w = w / 1024
    results = {}
    for method in ("tiles", "winograd"):
        conv.use_method(method)
        with np.errstate(all="ignore"):                                        # as around every operator
            results[method] = all_three(shape, x, w, b, dy)[:2]                # dw: see ops/conv.py
    for found, expected in zip(results["winograd"], results["tiles"]):
        np.testing.assert_array_equal(found, expected)


def test_unknown_method():
    with pytest.raises(ValueError, match="auto, im2col, tiles, winograd"):
        conv.use_method("fft")


@GEOMETRIES
@pytest.mark.parametrize("body", ["numpy", "numba"])
def test_im2col_and_its_adjoint(shape, body):
    x, w, _, _ = arrays(shape, np.float64)
    _, _, *geometry, _ = shape
    columns = getattr(spec.im2col, body)(x, w.shape[2:], *geometry)
    np.testing.assert_array_equal(columns, spec.im2col.numpy(x, w.shape[2:], *geometry))
    other = np.random.default_rng(1).standard_normal(columns.shape)
    back = getattr(spec.col2im, body)(other, x.shape[2:], w.shape[2:], *geometry)
    np.testing.assert_allclose((back * x).sum(), (columns * other).sum(), rtol=1e-9)


@pytest.mark.parametrize("lanes", ["16", *(pytest.param(few, marks=pytest.mark.slow) for few in ("8", "4")), "0"])
def test_every_lane_count(lanes):
    """A fresh process with forced lanes: `python test_kernels_conv.py` runs `check_all`."""
    path = os.path.abspath(__file__)
    root = os.path.dirname(os.path.dirname(path))
    environment = {**os.environ, "TINYNET_SIMD_LANES": lanes, "PYTHONPATH": root}
    subprocess.run([sys.executable, path], check=True, env=environment, timeout=300)


def check_all():
    for shape in SHAPES.values():
        inputs = arrays(shape)
        exact = all_three(shape, *(a.astype(np.float64) for a in inputs), "numpy")
        for method in ("auto", "winograd"):
            conv.use_method(method)
            assert_close(all_three(shape, *inputs), exact)


if __name__ == "__main__":
    check_all()
