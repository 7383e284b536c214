"""Every operator at NaN, infinities, -0.0 and denormals, and on arrays that lie oddly in memory, as PyTorch.

The operators are those of `tinynet gradcheck`. A part of their inputs is replaced by extreme values; results and
gradients must then be PyTorch's. `DIFFERS` says where tinynet's are others, and why; docs/pytorch.md shows that table.
"""

import math
import zlib

import numpy as np
import pytest

import tinynet
from tinynet.inspect.gradcheck.cases import CASES

DIFFERS = {
    "conv": "padding is not multiplied: beside an infinite weight it gives no NaN. PyTorch has both, by branch",
    "batch_norm": "weight / √var is one factor, made first: with infinite weights, inf - inf comes elsewhere",
    "batchnorm": "as batch_norm",
    "layer_norm": "as batch_norm", "layernorm": "as batch_norm", "rms_norm": "as batch_norm",
    "group_norm": "as batch_norm", "groupnorm": "as batch_norm",
    "gelu": "gelu(inf) is inf; PyTorch gives NaN where it computes in vectors",
    "hardtanh": "the gradient at NaN: PyTorch's loops over vectors and over single numbers differ",
    "relu6": "as hardtanh", "hardswish": "as hardtanh", "selu": "as hardtanh", "hardshrink": "as hardtanh",
    "prelu": "the gradient of the weight beside an infinite input that is not negative: 0 · inf",
    "cumprod": "a NaN that comes after a zero, and its gradient",
    "norm -1": "denormals: 1 / x is not rounded to infinity first",
    "huber_loss": "derived from clamp: inf · 0 beside an infinity", "multi_margin_loss": "as huber_loss",
    "interpolate": "a pixel with the weight 0 counts: 0 · inf is NaN. PyTorch has both, by size",
    "scatter_reduce unseen": "where a scattered value equals the one that it replaces, PyTorch halves its gradient",
    "quantile several": "the gradient between two infinities", "svdvals": "PyTorch's decomposition stops with an error",
    "grid_sample": "as interpolate", "affine_grid": "as interpolate",
    "rnn relu": "0 · inf in the product with the weights of the last step",
}
SETS = {
    "odd": (np.nan, np.inf, -np.inf, -0.0, 0.0, 1.0, -1.0),
    "small": (-0.0, 1e-45, 1.1754944e-38, 2.4e-38, 1e-20, np.nan),
}
FLOAT64 = ("nll_loss", "kl_div", "binary_cross_entropy", "gaussian_nll_loss", "cross_entropy all",
           "cross_entropy pixels weight", "cross_entropy weight", "cross_entropy probabilities")
LEFT_OUT = ("dropout", *DIFFERS, *FLOAT64)             # FLOAT64: the cases hold constants of that type
PLAIN = [c for c in CASES if "=" not in c.name]        # without options
SPECIAL = [c for c in PLAIN if not c.name.lower().startswith(LEFT_OUT) and "dropout" not in c.name.lower()]


def generator(name):
    return np.random.default_rng(zlib.crc32(name.encode()))


def with_extremes(case, values, which):
    """The inputs of a case in float32, every fourth element of one of them (None: of all) being an extreme value."""
    rng = generator(case.name)
    arrays = [np.asarray(a) for a in case.inputs(rng)]
    arrays = [a.astype(np.float32) if a.dtype.kind == "f" else a for a in arrays]
    for i, a in enumerate(arrays):
        if a.dtype.kind == "f" and which in (None, i):
            places = rng.random(a.shape) < 0.25
            a[places] = rng.choice(np.array(values, np.float32), int(places.sum()))
    return arrays


def outcome(lib, run, arrays, make):
    """Results and gradients of the inputs, as arrays; None where there is no gradient."""
    tensors = [make(a) for a in arrays]
    for t in tensors:
        t.requires_grad_(t.is_floating_point())
    y = run(lib, *tensors)
    dy = generator("dy").uniform(0.5, 2, tuple(y.shape)).astype(np.float32)
    if y.requires_grad:
        y.backward(lib.tensor(dy))
    return [y.detach().numpy(), *(None if t.grad is None else t.grad.numpy() for t in tensors)]


def assert_alike(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        if a is None or b is None:
            rest = b if a is None else a
            assert rest is None or not rest.any()              # no gradient, or one of zeros
        else:
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("case", SPECIAL, ids=lambda case: case.name)
def test_values_and_gradients_are_pytorchs(case):
    torch = pytest.importorskip("torch")
    for name, values in SETS.items():
        for which in (None, 0):
            arrays = with_extremes(case, values, which)
            theirs = outcome(torch, case.reference or case.run, arrays, lambda a: torch.from_numpy(a.copy()))
            assert_alike(outcome(tinynet, case.run, arrays, tinynet.tensor), theirs)


def strided(a):
    wide = np.zeros((*a.shape[:-1], 2 * a.shape[-1]) if a.ndim else (), a.dtype)
    view = wide[..., ::2] if a.ndim else wide
    view[...] = a
    return view


def reversed_in_memory(a):
    axes = tuple(range(a.ndim))
    return np.flip(np.flip(a, axes).copy(), axes)


def read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


@pytest.mark.parametrize("lay", [strided, reversed_in_memory, read_only, np.asfortranarray],
                         ids=["strided", "reversed", "read-only", "Fortran"])
def test_the_order_of_memory_changes_nothing(lay):
    for case in (c for c in PLAIN if c.name != "cross_entropy one"):           # NumPy makes () a (1,) of labels
        arrays = [np.asarray(a) for a in case.inputs(generator(case.name))]
        plain = outcome(tinynet, case.run, arrays, tinynet.tensor)
        odd = outcome(tinynet, case.run, [lay(a) for a in arrays], tinynet.Tensor)
        for a, b in zip(plain, odd):
            if a is not None:
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12, err_msg=case.name)


def test_memory_mapped_arrays_can_be_used(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(6.0).reshape(2, 3))
    x = tinynet.from_numpy(np.load(tmp_path / "x.npy", mmap_mode="r")).requires_grad_()
    (x @ x.T).exp().sum().backward()
    y = tinynet.tensor(np.arange(6.0).reshape(2, 3)).requires_grad_()
    (y @ y.T).exp().sum().backward()
    assert (x.grad == y.grad).all()


@pytest.mark.parametrize("make", [tinynet.tensor, tinynet.from_numpy, tinynet.as_tensor],
                         ids=["tensor", "from_numpy", "as_tensor"])
def test_the_other_byte_order_is_refused_as_in_pytorch(make):
    with pytest.raises(TypeError, match="byte order"):
        make(np.arange(3).astype(np.dtype("f4").newbyteorder()))


ONE_OPERAND = "neg abs exp log sqrt rsqrt sin cos tanh sigmoid sign square log1p expm1 erf floor relu".split()


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3)], ids=["0-d", "empty", "empty 3-d"])
def test_tensors_of_no_axes_and_of_no_elements(shape):
    torch = pytest.importorskip("torch")
    runs = {name: (lambda lib, x, name=name: getattr(x, name)()) for name in ONE_OPERAND} | {
        "sum": lambda lib, x: x.sum(), "prod": lambda lib, x: x.prod(), "mean": lambda lib, x: x.mean(),
        "norm": lambda lib, x: x.norm(), "cumsum": lambda lib, x: x.cumsum(0), "softmax": lambda lib, x: x.softmax(0),
        "logsumexp": lambda lib, x: x.logsumexp(0), "var": lambda lib, x: x.var(),
        "sort": lambda lib, x: x.sort().values,
        "add": lambda lib, x: x + 1, "mul": lambda lib, x: x * x, "maximum": lambda lib, x: lib.maximum(x, x),
        "where": lambda lib, x: lib.where(x > 0, x, 0), "flatten": lambda lib, x: x.flatten()}
    for name, run in runs.items():
        if name == "var" and math.prod(shape) < 2:             # PyTorch warns
            continue
        array = np.full(shape, 0.3, np.float32)
        ours = outcome(tinynet, run, [array], tinynet.tensor)
        theirs = outcome(torch, run, [array], lambda a: torch.from_numpy(a.copy()))
        for a, b in zip(ours, theirs):
            assert (a is None) == (b is None), name
            if a is not None:
                np.testing.assert_allclose(a, b, rtol=1e-5, err_msg=name)


# What issue reports showed ------------------------------------------------------------------------------------


def agree(run, *arrays):
    torch = pytest.importorskip("torch")
    arrays = [np.array(a, np.float32) for a in arrays]
    assert_alike(outcome(tinynet, run, arrays, tinynet.tensor),
                 outcome(torch, run, arrays, lambda a: torch.from_numpy(a.copy())))


def test_rsqrt_of_infinities():
    agree(lambda lib, x: lib.rsqrt(x), [np.inf, -np.inf, 0.0, -0.0, 4.0, -1.0])


def test_extremes_beside_nan():
    agree(lambda lib, x: x.amax(1), [[1, np.nan, 2], [1, 2, 2]])
    agree(lambda lib, x: x.max(), [1, np.nan, np.nan])
    agree(lambda lib, x: x.min(), [1, np.nan, 2])
    agree(lambda lib, x, y: lib.maximum(x, y), [1, np.nan, 2, np.inf], [np.nan, 1, 2, np.inf])
    agree(lambda lib, x, y: lib.minimum(x, y), [1, np.nan, 2, -0.0], [np.nan, 1, 2, 0.0])


def test_division_does_not_square():
    agree(lambda lib, x, y: x / y, [1e20, 1e-20, 1.0, 1e-30], [1e30, 1e-30, 1e-25, 1e-38])


@pytest.mark.parametrize("padding", [0, 1])
def test_an_infinity_in_an_image_stays_where_it_is_seen(padding):
    x = np.arange(50.0).reshape(1, 2, 5, 5)
    x[0, 0, 1, 4] = np.inf
    w = np.ones((3, 2, 3, 3))
    agree(lambda lib, x, w: lib.nn.functional.conv2d(x, w, padding=padding), x, w)


def test_an_infinite_weight_meets_only_what_it_sees():
    x, w = np.arange(50.0).reshape(1, 2, 5, 5) + 1, np.ones((3, 2, 3, 3))
    w[1, 0, 0, 0] = np.inf
    agree(lambda lib, x, w: lib.nn.functional.conv2d(x, w), x, w)
    agree(lambda lib, x, w: lib.nn.functional.conv2d(x, w, stride=2), x, w)


@pytest.mark.parametrize("make", [
    lambda lib: lib.linspace(0, 10, 4, dtype=lib.int64), lambda lib: lib.linspace(-5, 5, 7, dtype=lib.int32),
    lambda lib: lib.linspace(3, 3, 1, dtype=lib.int64), lambda lib: lib.linspace(0, 1, 11),
    lambda lib: lib.linspace(0, 1, 0), lambda lib: lib.arange(0.5, 5.5, 1.5, dtype=lib.int64),
    lambda lib: lib.arange(5, 0, -2), lambda lib: lib.arange(1, 2, 0.1),
    lambda lib: lib.arange(0, 3, dtype=lib.float64),
    lambda lib: lib.arange(3, dtype=lib.uint8), lambda lib: lib.linspace(2.7, 9.9, 5, dtype=lib.int64),
    lambda lib: lib.logspace(0, 3, 4)], ids=[
    "linspace int64", "linspace int32", "linspace of one", "linspace", "linspace of none", "arange of halves",
    "arange down", "arange of tenths", "arange float64", "arange uint8", "linspace of fractions", "logspace"])
def test_ranges(make):
    torch = pytest.importorskip("torch")
    ours, theirs = make(tinynet).numpy(), make(torch).numpy()
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
