"""Activations, dropout and attention: against PyTorch, central differences, in place, and on bad input."""

import numpy as np
import pytest
from parity import agree, channels_last, distinct, normal, slopes

import tinynet
from tinynet.nn import functional as F
from tinynet.tensor import Tensor

ACTIVATIONS = {
    "relu": lambda lib, x: lib.nn.functional.relu(x),
    "leaky_relu": lambda lib, x: lib.nn.functional.leaky_relu(x, 0.2),
    "leaky_relu negative": lambda lib, x: lib.nn.functional.leaky_relu(x, -0.5),
    "gelu": lambda lib, x: lib.nn.functional.gelu(x),
    "gelu tanh": lambda lib, x: lib.nn.functional.gelu(x, approximate="tanh"),
    "silu": lambda lib, x: lib.nn.functional.silu(x),
    "sigmoid": lambda lib, x: lib.nn.functional.sigmoid(x),
    "tanh": lambda lib, x: lib.nn.functional.tanh(x),
    "softmax": lambda lib, x: lib.nn.functional.softmax(x, 0),
    "softmax last": lambda lib, x: lib.nn.functional.softmax(x, dim=-1),
    "log_softmax": lambda lib, x: lib.nn.functional.log_softmax(x, dim=-1),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_pytorchs(name, dtype):
    images, strided = channels_last(distinct(2, 3, 4, 5)), distinct(3, 6)[:, ::2]
    for x in distinct(3, 7), distinct(5), 30 * distinct(4, 3), images, strided:
        agree(ACTIVATIONS[name], x.astype(dtype))
    agree(ACTIVATIONS[name], np.array([0.0, -0.0, 1e4, -1e4], dtype))


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_have_the_slopes_of_differences(name, backend):
    with tinynet.kernels.use(backend):
        slopes(lambda x: ACTIVATIONS[name](tinynet, x), distinct(3, 7))


@pytest.mark.parametrize("tanh", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_gelus_bodies_agree(dtype, tanh):
    from tinynet.kernels import activation
    for x in normal(5, 7), normal(3, 4, 5)[::-1, :, ::2], channels_last(normal(2, 3, 50, 70)), np.array(1.0):
        x = x.astype(dtype)
        dy = normal(*x.shape, seed=1).astype(dtype)
        tolerance = dict(rtol=1e-5, atol=1e-6) if dtype == np.float32 else dict(rtol=1e-12, atol=1e-14)
        for kernel, args in (activation.gelu, (x, tanh)), (activation.gelu_backward, (dy, x, tanh)):
            assert kernel.numba(*args).dtype == dtype
            np.testing.assert_allclose(kernel.numba(*args), kernel.numpy(*args), **tolerance)


def steep(x, inplace):
    return F.leaky_relu(x, -0.3, inplace)


@pytest.mark.parametrize("function", [F.relu, F.silu, F.leaky_relu, steep])
def test_in_place_is_the_same_in_the_same_memory(function):
    x = distinct(3, 5)
    slopes(lambda x: function(x * 1, inplace=True), x)
    inner = Tensor(x.copy())
    memory = inner.array
    y = function(inner, inplace=True)
    assert y is inner and y.array is memory
    np.testing.assert_array_equal(y.array, function(Tensor(x), inplace=False).array)


def test_in_place_on_a_leaf_that_needs_a_gradient_is_refused():
    with pytest.raises(RuntimeError, match="leaf"):
        F.relu(Tensor(np.zeros(3), requires_grad=True), inplace=True)


def test_relu_keeps_its_output_and_not_its_input():
    x = Tensor(normal(4), requires_grad=True)
    inner = x * 1
    y = F.relu(inner)
    inner.add_(1)                                  # nobody saved it
    y.sum().backward()
    y = F.relu(x * 1)
    y.add_(1)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.sum().backward()


def test_relu_of_integers_and_of_nan():
    assert F.relu(Tensor(np.array([-2, 3]))).array.tolist() == [0, 3]
    assert np.isnan(F.relu(Tensor(np.array([np.nan], np.float32))).array).all()


def test_add_relu():
    x, y = distinct(2, 3, 4, 4), 0.013 + distinct(2, 3, 4, 4, seed=1)
    agree(lambda lib, x, y: lib.nn.functional.add_relu(x, y), x, y,
          reference=lambda lib, x, y: lib.nn.functional.relu(x + y))
    with pytest.raises(ValueError, match=r"add_relu: expected other \(2, 3\), got \(3,\)"):
        F.add_relu(Tensor(np.zeros((2, 3))), Tensor(np.zeros(3)))


def test_softmax_can_convert_and_guesses_a_dim_aloud():
    agree(lambda lib, x: lib.nn.functional.softmax(x, 1, dtype=lib.float64), normal(3, 4, dtype=np.float32))
    for shape, chosen in (((), 0), ((3,), 0), ((3, 4), 1), ((2, 3, 4), 0), ((2, 3, 4, 2), 1)):
        with pytest.warns(UserWarning, match=f"softmax: no dim was given; {chosen} is chosen"):
            y = F.softmax(Tensor(normal(*shape)))
        assert (y.array == F.softmax(Tensor(normal(*shape)), chosen).array).all()
    with pytest.raises(ValueError, match='gelu: expected approximate "none" or "tanh"'):
        F.gelu(Tensor(np.zeros(3)), "erf")
    with pytest.raises(TypeError, match="silu: expected a floating-point tensor, got int64"):
        F.silu(Tensor(np.zeros(3, np.int64)))


# Dropout --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_zeroes_the_right_share_and_keeps_the_mean(p):
    tinynet.manual_seed(1)
    y = F.dropout(Tensor(np.ones(100_000, np.float32)), p).array
    assert abs((y == 0).mean() - p) < 0.01
    np.testing.assert_allclose(y[y != 0], 1 / (1 - p), rtol=1e-6)


def test_dropout_lets_gradients_pass_where_values_did():
    x = Tensor(normal(50), requires_grad=True)
    y = F.dropout(x, 0.4)
    y.sum().backward()
    np.testing.assert_allclose(x.grad.array, np.where(y.array == 0, 0, 1 / 0.6))
    seeded = lambda x: tinynet.manual_seed(0) and F.dropout(x * 1, 0.4, inplace=True)
    slopes(seeded, normal(20))


def test_dropout_does_nothing_in_evaluation_all_at_1_and_follows_the_seed():
    x = Tensor(normal(200))
    assert F.dropout(x, 0.5, training=False) is x and F.dropout(x, 0.0) is x
    assert not F.dropout(x, 1.0).array.any()
    tinynet.manual_seed(3)
    first, second = F.dropout(x).array, F.dropout(x).array
    tinynet.manual_seed(3)
    np.testing.assert_array_equal(F.dropout(x).array, first)
    assert (first != second).any()
    with pytest.raises(ValueError, match=r"dropout: expected p in \[0, 1\], got 1.5"):
        F.dropout(x, 1.5)


# Attention ------------------------------------------------------------------------------------------------

SHAPES = [((3, 4), (5, 4), (5, 2)), ((2, 3, 4), (2, 3, 4), (2, 3, 4)),
          ((2, 3, 5, 4), (2, 3, 6, 4), (2, 3, 6, 7))]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shapes", SHAPES)
def test_attention_is_pytorchs(shapes, dtype):
    qkv = [normal(*s, seed=i, dtype=dtype) for i, s in enumerate(shapes)]
    scores = shapes[0][-2], shapes[1][-2]
    seen = normal(*scores) > -0.5
    seen[:, 0] = True

    def attention(lib, *args, **options):
        return lib.nn.functional.scaled_dot_product_attention(*args, **options)

    agree(attention, *qkv)
    agree(lambda lib, *args: attention(lib, *args, is_causal=True), *qkv)
    agree(lambda lib, *args: attention(lib, *args, scale=0.3), *qkv)
    agree(lambda lib, *args: attention(lib, *args, attn_mask=lib.tensor(seen)), *qkv)
    bias = normal(*scores, seed=3, dtype=dtype)
    agree(lambda lib, q, k, v, bias: attention(lib, q, k, v, attn_mask=bias), *qkv, bias)


def test_attention_has_the_slopes_of_differences():
    shapes = SHAPES[2]
    arrays = [normal(*s, seed=i) for i, s in enumerate(shapes)]
    slopes(lambda q, k, v, bias: F.scaled_dot_product_attention(q, k, v, bias), *arrays, normal(3, 1, 6))

    def dropped(q, k, v):
        tinynet.manual_seed(0)
        return F.scaled_dot_product_attention(q, k, v, dropout_p=0.3)

    slopes(dropped, *arrays)


def test_attention_broadcasts_over_the_batch():
    q, k, v = Tensor(normal(2, 3, 5, 4)), Tensor(normal(1, 3, 6, 4)), Tensor(normal(6, 2))
    y = F.scaled_dot_product_attention(q, k, v)
    all_k, all_v = np.broadcast_to(k.array, (2, 3, 6, 4)), np.broadcast_to(v.array, (2, 3, 6, 2))
    again = F.scaled_dot_product_attention(q, Tensor(all_k), Tensor(all_v))
    np.testing.assert_allclose(y.array, again.array)
    slopes(lambda q, k, v: F.scaled_dot_product_attention(q, k, v), q.array, k.array, v.array)


def test_a_query_that_sees_nothing_gets_zeros():
    q = Tensor(normal(2, 3), requires_grad=True)
    seen = Tensor(np.array([[True, True], [False, False]]))
    y = F.scaled_dot_product_attention(q, Tensor(normal(2, 3)), Tensor(normal(2, 3)), seen)
    y.sum().backward()
    assert not y.array[1].any() and not q.grad.array[1].any() and y.array[0].any()


@pytest.mark.parametrize("options, message", [
    (dict(enable_gqa=True), "enable_gqa is not supported"),
    (dict(is_causal=True, attn_mask=Tensor(np.ones((3, 5), bool))), "attn_mask or is_causal, got both"),
    (dict(attn_mask=Tensor(np.ones((4, 5), bool))), r"do not broadcast to \(..., 3, 5\)"),
    (dict(attn_mask=Tensor(np.ones((2, 3, 5), bool))), "do not broadcast"),
    (dict(dropout_p=-0.1), "dropout_p"),
])
def test_attention_refuses(options, message):
    q, k, v = (Tensor(np.zeros(s)) for s in SHAPES[0])
    with pytest.raises(ValueError, match=message):
        F.scaled_dot_product_attention(q, k, v, **options)
    with pytest.raises(ValueError, match=r"expected \(..., L, E\)"):
        F.scaled_dot_product_attention(q, v, k)


def test_relu_is_a_function_and_a_method_too():
    x = tinynet.tensor([-1.0, 2.0], requires_grad=True)
    (x.relu() + tinynet.relu(x)).sum().backward()
    assert x.relu().tolist() == [0, 2] and x.grad.tolist() == [0, 2]
    assert tinynet.relu(-3).item() == 0
