"""The code that trains is the code that is proven: no line of the kernels' dispatch goes without a comparison.

Each comparison below runs a fast kernel beside its reference implementation in float64, on shapes with and without
tails that do not fill a vector. A trace notes which lines of the fast files' Python code (all that chooses a branch: by
type, shape, memory order, lanes) were executed meanwhile, and which register tiles ran. What was never reached fails
the test.
"""

import importlib
import inspect
import pathlib
import sys
import threading
import types

import numpy as np
import pytest

import tinynet
from tinynet.kernels import (
    activation, attention, conv, elementwise, matmul, norm, pool, quantized, reduce, shortcut, softmax)
from tinynet.kernels.conv import spec
from tinynet.kernels.machine import backend, lanes, layout
from tinynet.kernels.machine.backend import kernel

FAST = ["conv.fast", "conv.im2col", "conv.tiles", "conv.weight_tiles", "conv.winograd", "conv.winograd_weights",
        "conv.grid", "conv.panels", "conv.depthwise", "conv.depthwise_tiles",
        "elementwise.fast", "activation.fast", "softmax.fast", "attention.fast", "attention.tiles", "reduce.fast",
        "matmul.fast", "matmul.tiles", "norm.fast", "pool.fast", "quantized.fast", "shortcut.fast"]
if not lanes.LANES:
    FAST = [name for name in FAST if name.partition(".")[2] not in
            ("tiles", "weight_tiles", "winograd", "winograd_weights", "depthwise_tiles", "grid", "panels")]
    FAST.remove("quantized.fast")      # leaves integers to the reference implementation then
RNG = np.random.default_rng(0)
ROUNDINGS = 40                         # float32 results may be this many rounding errors of the largest value off


def images(*shape, dtype=np.float32, memory="channels last"):
    x = RNG.standard_normal(shape).astype(dtype)
    return layout.channels_last(x) if memory == "channels last" and len(shape) > 2 else x


def compare(of, *args, **options):
    """The fast body's results against the reference implementation's in float64."""
    fast = as_tuple(of.numba(*copies(args, None), **options))
    exact = as_tuple(of.numpy(*copies(args, np.float64), **options))
    rounding = np.finfo(args[0].dtype).eps
    for a, b in zip(fast, exact, strict=True):
        if a is not None:
            assert_close(a, b, rounding)
    return fast


def copies(args, dtype):
    """Copies of all arrays, in their memory order, floats in another type if asked."""
    def copy(a):
        if type(a) is tuple and any(isinstance(member, np.ndarray) for member in a):
            return tuple(map(copy, a))
        if not isinstance(a, np.ndarray):
            return a
        return a.astype(dtype if dtype and a.dtype.kind == "f" else a.dtype, order="K", copy=True)
    return [copy(a) for a in args]


def as_tuple(result):
    return result if isinstance(result, tuple) else (result,)


def assert_close(found, exact, rounding=np.finfo(np.float32).eps):
    scale = max(1.0, np.abs(exact).max(initial=0)) * np.sqrt(max(1, exact.size) ** 0.5)
    assert found.shape == exact.shape
    assert np.abs(found - exact).max(initial=0) <= ROUNDINGS * rounding * scale


def convolve(x_shape, w_shape, stride=(1, 1), padding=(1, 1), dilation=(1, 1), groups=1, dtype=np.float32, bias=False,
             memory="channels last", method="auto"):
    x = images(*x_shape, dtype=dtype, memory=memory)
    w, geometry = images(*w_shape, dtype=dtype), conv.Geometry(stride, padding, dilation, groups)
    if memory == "channels last":      # as the engine keeps weights, (R, S, C, K)
        w = np.ascontiguousarray(w.transpose(2, 3, 1, 0)).transpose(3, 2, 0, 1)
    b = RNG.standard_normal(w_shape[0]).astype(dtype) if bias else None
    conv.use_method(method)
    try:
        y, = compare(conv.conv2d, x, w, geometry, b)
        dy = images(*y.shape, dtype=dtype, memory=memory)
        compare(conv.conv2d_backward_input, dy, w, x_shape, geometry)
        compare(conv.conv2d_backward_input, dy, w, x_shape, geometry, images(*x_shape, dtype=dtype, memory=memory))
        compare(conv.conv2d_backward_weight, x, dy, w_shape, geometry)
        weight, offset, mean = RNG.standard_normal((3, w_shape[0])).astype(dtype)
        norm = weight, offset, mean, RNG.uniform(0.5, 2, w_shape[0]).astype(dtype), 1e-3
        compare(conv.conv2d_norm, x, w, geometry, b, norm, True)
        compare(conv.conv2d_norm, x, w, geometry, None, norm, False, images(*y.shape, dtype=dtype, memory=memory))
        compare(conv.conv2d_norm, x, w, geometry, b, None, True, images(*y.shape, dtype=dtype, memory=memory))
        weight, offset, mean = RNG.standard_normal((3, x_shape[1])).astype(dtype)
        before = weight, offset, mean, RNG.uniform(0.5, 2, x_shape[1]).astype(dtype), 1e-3
        compare(conv.norm_conv2d, x, before, w, geometry, b)
        compare(conv.norm_conv2d_backward_weight, x, before, dy, w_shape, geometry)
    finally:
        conv.use_method("auto")


def compare_convolutions():
    for k in (3, 10, 16, 17, 32, 33, 64):
        for c, width in ((3, 9), (16, 16), (20, 7), (32, 8), (64, 14), (5, 12)):
            convolve((2, c, 5, width), (k, c, 3, 3), bias=k == 10)
    for kernel, padding in (((1, 1), 0), ((3, 3), 1), ((7, 7), 3), ((2, 2), 0), ((5, 3), 2), ((1, 4), 0)):
        for stride in (1, 2, 3):
            for k in (16, 40):
                convolve((2, 6, 11, 13), (k, 6, *kernel), (stride, stride), (padding, padding))
    for taps, stride in ((1, 1), (2, 1), (3, 1), (3, 2)):      # every tile: M pixels, or M channels, and no tail
        for k in (lanes.LANES or 16, 2 * lanes.LANES or 32):   # one vector of output channels, and two
            for m in (4, 7, 8, 12, 14, 16):
                convolve((1, m, taps, (m - 1) * stride + taps), (k, m, taps, taps), (stride, stride), (0, 0))
    vector = lanes.LANES or 16
    for m in (4, 7, 8, 14, 16):                                # Winograd: a row of M tiles, or M vectors of channels
        for vectors in (1, 2):
            convolve((1, m * vector, 2, 2 * m), (vectors * vector, m * vector, 3, 3), method="winograd")
    convolve((3, 32, 7, 9), (48, 32, 3, 3), padding=(0, 2), bias=True, method="winograd")
    convolve((17, 64, 8, 8), (64, 64, 3, 3))
    convolve((1, 256, 14, 14), (64, 256, 1, 1), padding=(0, 0))
    convolve((2, 256, 6, 6), (128, 256, 3, 3))
    convolve((2, 128, 8, 8), (256, 128, 1, 1), (2, 2), (0, 0))
    convolve((1, 16, 4, 4), (16, 16, 1, 1), padding=(0, 0))
    convolve((16, 64, 28, 28), (64, 64, 1, 1), padding=(0, 0))
    convolve((9, 256, 20, 24), (16, 256, 1, 1), padding=(0, 0))
    convolve((64, 16, 16, 16), (16, 16, 3, 3))
    convolve((2, 512, 7, 7), (512, 512, 3, 3))
    convolve((3, 4, 6, 5), (8, 4, 3, 3), padding=(4, 3), memory="NCHW")
    convolve((2, 48, 6, 5), (32, 24, 3, 3), groups=2)                      # blocks of 24 channels: no whole vectors
    convolve((2, 64, 8, 8), (64, 4, 3, 3), (2, 2), groups=16)
    convolve((0, 4, 6, 5), (8, 4, 3, 3))
    for stride, padding, dilation in ((1, 1, 1), (2, 1, 1), (3, 2, 1), (2, 1, 2)):
        convolve((2, 32, 9, 21), (32, 1, 3, 3), (stride, stride), (padding, 1), (dilation, 1), groups=32)
        convolve((2, 16, 9, 12), (16, 1, 5, 4), (stride, stride), (padding, 4), (1, dilation), groups=16, bias=True)
    for dtype in (np.float32, np.float64):
        for method in ("auto", "im2col"):
            convolve((2, 6, 9, 8), (12, 3, 3, 2), (2, 1), (1, 2), (1, 2), groups=2, dtype=dtype, bias=True,
                     method=method)
            convolve((2, 7, 9, 8), (7, 1, 3, 3), (2, 1), groups=7, dtype=dtype, bias=True, method=method)
            convolve((2, 5, 9, 8), (6, 5, 3, 3), dtype=dtype, method=method)
    convolve((2, 5, 9, 8), (6, 5, 3, 3), method="tiles")
    convolve((2, 12, 9, 8), (24, 3, 3, 3), groups=4, bias=True)
    convolve((2, 40, 5, 4), (80, 20, 1, 1), (2, 2), (0, 0), groups=2)
    convolve((2, 8, 9, 8), (8, 2, 3, 3), groups=4)             # several groups fill a vector, however short it is
    for dtype in (np.float32, np.float64):
        x = images(2, 3, 7, 6, dtype=dtype)
        columns, = compare(spec.im2col, x, (3, 2), (2, 1), (1, 1), (1, 2))
        compare(spec.col2im, columns, (7, 6), (3, 2), (2, 1), (1, 1), (1, 2))


SHAPES = [(2, 3), (5, 17), (4, 16, 5), (2, 5, 3, 4), (3, 16, 7, 5), (32, 64, 9, 9), (64, 130, 5, 5)]


def compare_elementwise():
    for shape in SHAPES:
        for dtype in (np.float32, np.float64):
            x, y, out = (images(*shape, dtype=dtype) for _ in range(3))
            compare(elementwise.relu, x)
            compare(elementwise.relu, x, out)
            compare(elementwise.relu_backward, x, y)
            compare(elementwise.add, x, y)
            compare(elementwise.add, x, y, out)
            compare(elementwise.add_relu, x, y)
            compare(elementwise.channel_sum, x)
            for forward, backward in ((activation.sigmoid, activation.sigmoid_backward),
                                      (activation.tanh, activation.tanh_backward),
                                      (activation.silu, activation.silu_backward)):
                compare(forward, x)
                compare(backward, y, x)
            compare(activation.silu, x, out)
            for tanh in (False, True):
                compare(activation.gelu, x, tanh)
                compare(activation.gelu_backward, x, y, tanh)
    x = images(2, 5, 3, 4)
    compare(elementwise.add, x, images(2, 5, 3, 4, memory="NCHW"))             # unlike memory
    for size in (5, 65):
        compare(elementwise.in_planes, images(3, 7, size, size))
    compare(elementwise.relu, x, np.empty((2, 5, 3, 4), np.float32))
    compare(activation.gelu_backward, x, images(2, 5, 3, 4, memory="NCHW"))
    for nesterov, momentum in ((False, 0.0), (False, 0.9), (True, 0.9)):
        p, g, buffer = (images(4, 5, 3, 3) for _ in range(3))
        other, filters = np.ascontiguousarray(g), [a.transpose(3, 2, 0, 1) for a in (p, g, buffer)]
        large = [images(80_000) for _ in range(3)]                            # for all threads
        for arrays in ((p, g, buffer), (p, other, buffer), filters, large):
            found, exact = copies(arrays, None), copies(arrays, np.float64)
            for body, (a, b, c) in ((elementwise.sgd_update.numba, found), (elementwise.sgd_update.numpy, exact)):
                body(a, b, c if momentum else None, 0.1, momentum, 0.0, 1e-3, nesterov)
            assert_close(found[0], exact[0])
            assert_close(found[2], exact[2])


def compare_softmaxes():
    for shape in ((5, 7), (9, 3, 17), (300, 130)):
        for axis in (0, -1):
            for dtype in (np.float32, np.float64):
                x, dy = (RNG.standard_normal(shape).astype(dtype) for _ in range(2))
                y, = compare(softmax.softmax, x, axis)
                compare(softmax.softmax_backward, dy, y, axis)
                y, = compare(softmax.log_softmax, x, axis)
                compare(softmax.log_softmax_backward, dy, y, axis)
    for rows, classes in ((5, 7), (300, 130)):
        for smoothing in (0.0, 0.1):
            x, weight = RNG.standard_normal((rows, classes)).astype(np.float32), np.ones(classes, np.float32)
            labels, dloss = RNG.integers(-1, classes, rows), RNG.standard_normal(rows).astype(np.float32)
            _, top, log_sum = compare(softmax.cross_entropy, x, labels, -1, weight, smoothing)
            compare(softmax.cross_entropy_backward, dloss, x, labels, -1, weight, smoothing, top, log_sum)


def compare_sums():
    def total(x, axes):
        """A sum of many numbers of both signs may come out small; its rounding errors do not."""
        found, exact = reduce.total.numba(x, axes), reduce.total.numpy(x.astype(np.float64), axes)
        terms = x.size / max(1, np.size(exact))
        assert_close(found, exact, np.finfo(x.dtype).eps * np.sqrt(terms))

    for dtype in (np.float32, np.float64):
        x = images(5, 24, 9, 11, dtype=dtype)
        for axes in ((0,), (1,), (2, 3), (0, 2, 3), (0, 1, 2, 3), (1, 3), ()):
            total(x, axes)
        total(images(4, 5, dtype=dtype), (0,))
        total(images(40, 9001, dtype=dtype), (0,))
        total(images(3, 70_001, dtype=dtype), (1,))
        total(images(3, 70_001, dtype=dtype)[:, ::2], (1,))
        for x in (images(5, 24, 9, 11, dtype=dtype), images(140_000, dtype=dtype)):
            assert reduce.all_finite.numba(x) is reduce.all_finite.numpy(x) is True
            for value in (np.nan, np.inf, -np.inf):
                x.ravel("K")[-1] = value
                assert reduce.all_finite.numba(x) is reduce.all_finite.numpy(x) is False


def compare_attention():
    for stack, length, keys in ((3, 7, 5), (9, 33, 65), (2, 300, 600), (2, 3, 0)):
        for features, values, options in ((4, 6, (None, None)), (17, 40, ("all", None)), (8, 6, ("each", "keep"))):
            for dtype in (np.float32, np.float64):
                def numbers(*shape):
                    return RNG.standard_normal(shape).astype(dtype)
                q, k, v = numbers(stack, length, features), numbers(stack, keys, features), numbers(stack, keys, values)
                bias = {None: None, "all": numbers(1, length, keys), "each": numbers(stack, length, keys)}[options[0]]
                if bias is not None:
                    bias[:, 0] = -np.inf                   # a query that sees no key
                how = bias, options[1] and numbers(stack, length, keys), 0.3
                y, sums = compare(attention.attention, q, k, v, how)
                compare(attention.attention_backward, numbers(*y.shape), q, k, v, how, sums, bias is not None)
    q, k, v = RNG.standard_normal((3, 2, 3, 7, 10)).astype(np.float32)         # heads in two axes, and gaps in memory
    for heads in (q[..., ::2], q.swapaxes(1, 2).copy().swapaxes(1, 2)):
        found = attention.attention.numba(heads, k[..., :heads.shape[-1]], v, (None, None, 0.3))
        exact = attention.attention.numpy(*(a.astype(np.float64) for a in (heads, k[..., :heads.shape[-1]], v)),
                                          (None, None, 0.3))
        for a, b in zip(found, exact, strict=True):
            assert_close(a, b)


def compare_norms():
    for shape in SHAPES:
        for dtype in (np.float32, np.float64):
            x, dy, residual = (images(*shape, dtype=dtype) for _ in range(3))
            weight, bias = RNG.standard_normal((2, shape[1])).astype(dtype)
            for w, b, relu, r in ((weight, bias, False, None), (weight, bias, True, None),
                                  (weight, bias, True, residual), (weight, bias, False, residual),
                                  (None, None, False, None)):
                y, mean, var, invstd = compare(norm.batch_norm_train, x, w, b, 1e-3, relu, r)
                compare(norm.batch_moments, x)
                y = norm.batch_norm_train.numpy(*copies((x, w, b), np.float64), 1e-3, relu, r)[0]
                for training in (True, False):
                    compare(norm.batch_norm_backward, dy, x, y.astype(dtype), (w, b), (mean, invstd), relu,
                            r is not None, training)
                compare(norm.batch_norm_eval, x, w, b, mean, var, 1e-3, relu, r)
            if len(shape) > 2:
                for w, b in ((weight, bias), (None, None)):
                    groups = shape[1] // 4 if shape[1] % 4 == 0 else 1
                    y, mean, invstd = compare(norm.group_norm, x, groups, w, b, 1e-3)
                    compare(norm.group_norm_backward, dy, x, groups, w, mean, invstd)
            else:
                for w, b in ((weight, bias), (None, None)):
                    y, mean, invstd = compare(norm.layer_norm, x, w, b, 1e-3)
                    compare(norm.layer_norm_backward, dy, x, w, mean, invstd)


def compare_pools():
    for shape in ((2, 3, 7, 6), (4, 17, 9, 8), (20, 64, 12, 12)):
        for dtype in (np.float32, np.float64):
            x = images(*shape, dtype=dtype)
            y, indices = compare(pool.max_pool2d, x, (3, 2), (2, 1), (1, 1), (1, 2), True)
            compare(pool.max_pool2d_backward, images(*y.shape, dtype=dtype), indices, shape)
            rows = np.array([[0, 2, 3], [2, 5, 7]])
            columns, divisor = np.array([[0, 1], [3, 6]]), np.array([[2.0, 3], [4, 5], [6, 7]])
            y, = compare(pool.mean_pool2d, x, rows, columns, divisor)
            compare(pool.mean_pool2d_backward, images(*y.shape, dtype=dtype), shape, rows, columns, divisor)
            y, = compare(shortcut.subsample_pad, x, 2, shape[1] + 5, 2)
            compare(shortcut.subsample_pad_backward, images(*y.shape, dtype=dtype), shape, 2, 2)


def compare_products():
    for dtype in (np.float32, np.float64):
        for a, b in (((3, 4), (4, 5)), ((200, 70), (70, 300)), ((300, 70), (70, 200)), ((2, 1, 3, 4), (5, 4, 2)),
                     ((40, 32, 33), (40, 33, 64)), ((1, 9000), (9000, 3)), ((2, 3, 4), (4, 5)), ((0, 4), (4, 3))):
            compare(matmul.matmul, RNG.standard_normal(a).astype(dtype), RNG.standard_normal(b).astype(dtype))
        for rows, features, out in ((5, 4, 3), (600, 70, 90)):
            x, w, b = (RNG.standard_normal(shape).astype(dtype) for shape in ((rows, features), (out, features), out))
            compare(matmul.linear, x, w, b)
            compare(matmul.linear, x, w, None)
        x = RNG.standard_normal((2100, 128)).astype(dtype)
        compare(matmul.matmul, x.T, x)
        x = RNG.standard_normal((300, 200)).astype(dtype)
        compare(matmul.matmul, x.T, x)
        compare(matmul.matmul, x[::2, ::2], x[::-2, ::2].T)
        gaps = x[:, ::2]                                       # `compare` would copy it without gaps
        assert_close(matmul.matmul.numba(gaps, x.T[:100]), gaps.astype(np.float64) @ x.T[:100], np.finfo(dtype).eps)
        x = RNG.standard_normal((2, 1030, 1030)).astype(dtype)         # too large for the tiles
        compare(matmul.matmul, *x)
    assert (matmul.matmul.numba(np.ones((2, 3), int), np.ones((3, 2), int)) == 3).all()


def convolve_bytes(x_shape, w_shape, stride=(1, 1), padding=(1, 1), dilation=(1, 1), groups=1, dtype=np.float32):
    """Integers have no rounding errors: both bodies are equal."""
    k, w = w_shape[0], RNG.integers(-128, 128, w_shape, np.int8)
    bias, zeros = RNG.integers(-9999, 9999, k, np.int32), RNG.integers(-128, 128, 2).tolist()
    multiplier = np.stack([RNG.integers(2**30, 2**31, k), RNG.integers(38, 42, k)]).astype(np.int32)
    grids = tuple(zip((0.02, 0.3), zeros))
    geometry = conv.Geometry(stride, padding, dilation, groups)
    arguments = images(*x_shape, dtype=dtype), grids, w, bias, multiplier, geometry
    exact = quantized.conv2d.numpy(*arguments)
    assert (quantized.conv2d.numba(*arguments) == exact).all()
    residual = images(*exact.shape, dtype=dtype)
    for ending in ({"relu": True}, {"residual": residual}, {"residual": residual, "relu": True}):
        fast, exact = (body(*arguments, **ending) for body in (quantized.conv2d.numba, quantized.conv2d.numpy))
        assert (fast == exact).all() and fast.dtype == exact.dtype == dtype and layout.is_channels_last(fast)


def compare_integers():
    for k in (3, 16, 17, 32, 40, 48, 64):          # a panel with and without a tail, one and two vectors
        for c, width in ((3, 7), (4, 16), (6, 33)):
            convolve_bytes((2, c, 5, width), (k, c, 3, 3))
    for kernel, padding in (((1, 1), 0), ((7, 7), 3), ((2, 2), 0), ((5, 3), 2)):
        for stride in (1, 2, 3):
            convolve_bytes((2, 6, 11, 13), (16, 6, *kernel), (stride, stride), (padding, padding))
    convolve_bytes((2, 6, 9, 8), (12, 3, 3, 2), (2, 1), (1, 2), (1, 2), groups=2)
    convolve_bytes((2, 7, 9, 8), (7, 1, 3, 3), (2, 1), groups=7)
    for k in (8, 16, 32):                          # as many outputs as lanes, in more than one group
        convolve_bytes((2, 8, 6, 9), (k, 4, 3, 3), groups=2)
    convolve_bytes((40, 4, 3, 3), (8, 4, 1, 1), padding=(0, 0))
    convolve_bytes((2, 6, 5, 7), (16, 6, 3, 3), dtype=np.float64)
    w, grids = RNG.integers(-128, 128, (33, 70), np.int8), ((0.02, 3), (0.3, -5))
    for dtype in (np.float32, np.float64):
        x = RNG.standard_normal((5, 70)).astype(dtype)
        arguments = x, grids, w, np.arange(33, dtype=np.int32), np.tile(np.int32([[2**30], [40]]), 33)
        assert (quantized.linear.numba(*arguments) == quantized.linear.numpy(*arguments)).all()


# The trace ------------------------------------------------------------------------------------------------------


def python_functions(module):
    """The code of every function that the module itself defines in Python (compiled loops are not), nested ones too."""
    pending = [f.__code__ for f in vars(module).values()
               if isinstance(f, types.FunctionType) and f.__module__ == module.__name__]
    pending += [f.__code__ for c in vars(module).values() if isinstance(c, type) and c.__module__ == module.__name__
                for f in vars(c).values() if isinstance(f, types.FunctionType)
                and f.__code__.co_filename == module.__file__]         # not what a namedtuple brings along
    while pending:
        code = pending.pop()
        yield code
        pending += [c for c in code.co_consts if isinstance(c, types.CodeType)]


def lines_of(code):
    return {line for _, _, line in code.co_lines() if line is not None and line > code.co_firstlineno}


class Trace:
    """Notes the executed lines of the given modules' functions, on all threads."""

    def __init__(self, modules):
        self.wanted = {code: lines_of(code) for module in modules for code in python_functions(module)}
        self.seen = {code: set() for code in self.wanted}

    def __call__(self, frame, event, argument):
        if frame.f_code not in self.wanted:
            return None
        if event == "line":
            self.seen[frame.f_code].add(frame.f_lineno)
        return self

    def __enter__(self):
        sys.settrace(self)
        threading.settrace(self)
        return self

    def __exit__(self, *exception):
        sys.settrace(None)
        threading.settrace(None)

    def missed(self):
        return sorted(f"{'/'.join(pathlib.Path(code.co_filename).parts[-2:])}:{line} ({code.co_name})"
                      for code, lines in self.wanted.items() for line in lines - self.seen[code])


@pytest.fixture(scope="module")
def trace():
    threads = tinynet.get_num_threads()
    tinynet.set_num_threads(1)         # all on this thread, under the trace
    with Trace([importlib.import_module(f"tinynet.kernels.{name}") for name in FAST]) as trace:
        tiles = note_tiles()
        for part in (compare_convolutions, compare_elementwise, compare_softmaxes, compare_attention, compare_sums,
                     compare_norms, compare_pools, compare_products, compare_integers):
            part()
    trace.tiles = tiles
    tinynet.set_num_threads(threads)
    return trace


def note_tiles():
    """Which entries of the tile tables `pick` hands out from now on."""
    used = set()
    if lanes.LANES:
        grid, *planners = (importlib.import_module(f"tinynet.kernels.conv.{name}")
                           for name in ("grid", "tiles", "weight_tiles", "winograd", "winograd_weights"))
        original = grid.pick.__wrapped__

        def noting(table, extent, form):
            number, m = original(table, extent, form)
            used.add((table, number))
            return number, m

        grid.pick = noting
        for module in planners:
            for function in vars(module).values():
                getattr(function, "cache_clear", int)()        # or it would not pick again what other tests have used
    return used


@pytest.mark.skipif(not lanes.LANES, reason="explicit SIMD is switched off")
def test_every_line_of_dispatch_is_reached_by_a_comparison(trace):
    missed = trace.missed()
    assert not missed, "no comparison reached\n" + "\n".join(missed)


@pytest.mark.skipif(not lanes.LANES, reason="explicit SIMD is switched off")
def test_every_register_tile_is_reached_by_a_comparison(trace):
    from tinynet.kernels.conv import winograd, winograd_weights
    from tinynet.kernels.machine import simd
    listed = {(table, n) for table in (simd.WINDOW_TILES, simd.OUTER_TILES, winograd.PRODUCT_TILES,
                                       winograd_weights.PRODUCT_TILES) for n in range(len(table))}
    missing = sorted(table[n] for table, n in listed - trace.tiles)
    assert not missing, f"no comparison used these tiles: {missing}"


@pytest.mark.parametrize("name", kernel.registry)
def test_every_kernel_has_a_fast_body_that_takes_the_same_arguments(name):
    bodies = kernel.registry[name].numba, kernel.registry[name].numpy
    assert inspect.signature(bodies[0]) == inspect.signature(bodies[1])


def test_a_kernel_without_a_fast_body_is_an_error():
    def misspelt(x):
        return x
    misspelt.__module__ = "tinynet.kernels.activation.spec"
    body = kernel(misspelt)
    del kernel.registry["activation.misspelt"]
    with pytest.raises(AttributeError, match="activation.spec.misspelt: tinynet.kernels.activation.fast has no"):
        body.numba


def test_an_unknown_backend_is_refused(monkeypatch):
    with pytest.raises(ValueError, match="kernels.use: expected one of numpy, numba, got 'cuda'"):
        tinynet.kernels.use("cuda")
    monkeypatch.setattr(backend, "_current", None)
    monkeypatch.setenv("TINYNET_BACKEND", "cuda")
    with pytest.raises(ValueError, match="TINYNET_BACKEND: expected one of numpy, numba, got 'cuda'"):
        tinynet.kernels.backend()


@pytest.mark.parametrize("width, machine, registers", [(16, "x86_64", 32), (8, "AMD64", 16), (4, "x86_64", 16),
                                                       (4, "aarch64", 32), (4, "arm64", 32)])
def test_tiles_are_planned_with_the_registers_that_there_are(width, machine, registers):
    assert lanes.count_registers(width, machine) == registers
