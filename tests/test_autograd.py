"""The graph and the backward pass: order, accumulation, freeing, hooks, in-place guards."""

import gc
import threading
import weakref

import numpy as np
import pytest

import tinynet
from memory import growth


def leaf(*shape):
    return tinynet.tensor(np.random.default_rng(0).standard_normal(shape), requires_grad=True)


def test_gradients_accumulate_over_paths_and_calls():
    x = leaf(3)
    y = x * 2 + x * x
    y.sum().backward()
    np.testing.assert_allclose(x.grad.array, 2 + 2 * x.array)
    (x * 1).sum().backward()
    np.testing.assert_allclose(x.grad.array, 3 + 2 * x.array)


def test_chain_of_ten_thousand_operations():
    x = leaf(1)
    y = x
    for _ in range(10_000):
        y = y + 1
    y.backward()
    assert x.grad.item() == 1
    del y                              # freeing a long graph must not recurse either


def test_diamond_of_depth_forty_is_linear():
    x, calls = leaf(1), 0
    y = x
    for _ in range(40):
        y = y + y
    original = tinynet.autograd.Node.run

    def counted(self, gradients):
        nonlocal calls
        calls += 1
        return original(self, gradients)

    tinynet.autograd.Node.run = counted
    try:
        y.backward()
    finally:
        tinynet.autograd.Node.run = original
    assert x.grad.item() == 2.0 ** 40
    assert calls == 40


def test_second_backward_needs_retain_graph():
    x = leaf(2)
    y = x.exp().sum()
    y.backward(retain_graph=True)
    y.backward()
    np.testing.assert_allclose(x.grad.array, 2 * np.exp(x.array))
    with pytest.raises(RuntimeError, match="retain_graph"):
        y.backward()


def test_create_graph_is_refused():
    x = leaf(1)
    with pytest.raises(NotImplementedError, match="first-order"):
        (x * x).backward(create_graph=True)


def test_backward_needs_a_gradient_for_many_elements():
    x = leaf(3)
    with pytest.raises(RuntimeError, match=r"\(3,\)"):
        (x * 2).backward()
    with pytest.raises(ValueError, match=r"expected a gradient of shape \(3,\), got \(2,\)"):
        (x * 2).backward(tinynet.ones(2))
    with pytest.raises(RuntimeError, match="does not require a gradient"):
        tinynet.ones(1).backward()


def test_gradients_never_alias():
    x, y = leaf(3), tinynet.tensor([1.0, 2.0, 3.0], dtype=tinynet.float64, requires_grad=True)
    given = np.ones(3)
    (x + y).backward(tinynet.Tensor(given))
    assert not np.shares_memory(x.grad.array, y.grad.array)
    assert not np.shares_memory(x.grad.array, given)
    x.grad.array[:] = 7
    assert y.grad.array.tolist() == [1, 1, 1] and given.tolist() == [1, 1, 1]


def test_accumulated_gradient_does_not_change_an_earlier_one():
    x = leaf(2)
    (x * 3).sum().backward()
    first = x.grad.array
    (x * 3).sum().backward()
    assert first.tolist() == [3, 3] and x.grad.array.tolist() == [6, 6]


def test_no_grad_records_nothing():
    x = leaf(2)
    with tinynet.no_grad():
        assert not tinynet.is_grad_enabled()
        y = x * 2
    assert y.is_leaf and not y.requires_grad and tinynet.is_grad_enabled()

    @tinynet.no_grad()
    def f():
        return (x * 2).requires_grad

    @tinynet.no_grad
    def g():
        return (x * 2).requires_grad

    assert f() is False and g() is False


def test_no_grad_belongs_to_its_thread():
    seen = []
    with tinynet.no_grad():
        thread = threading.Thread(target=lambda: seen.append(tinynet.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_intermediate_gradients_are_freed_unless_retained():
    x = leaf(2)
    y = x * 2
    z = y * 3
    y.retain_grad()
    z.sum().backward()
    assert y.grad.array.tolist() == [3, 3] and z.grad is None


def test_hooks_see_the_whole_gradient_and_may_replace_it():
    x = leaf(2)
    seen = []
    y = x * 1
    handle = y.register_hook(lambda g: seen.append(g.array.copy()))
    x.register_hook(lambda g: g * 10)
    (y + y).sum().backward()
    assert [s.tolist() for s in seen] == [[2, 2]]
    assert x.grad.array.tolist() == [20, 20]
    handle.remove()
    (y.detach() * x).sum().backward()
    assert len(seen) == 1


def test_change_in_place_of_a_saved_array_is_detected():
    x = leaf(2)
    y = x.exp()
    y += 1
    with pytest.raises(RuntimeError, match="ExpBackward.*changed in place"):
        y.sum().backward()


def test_detach_shares_the_version_counter():
    x = leaf(2)
    y = x * 1
    z = y * y
    y.detach().mul_(2)
    with pytest.raises(RuntimeError, match="changed in place"):
        z.sum().backward()


def test_change_in_place_of_what_nobody_saved_is_fine():
    x = leaf(2)
    y = x * 2
    y += 1
    y *= 3
    y.sum().backward()
    assert x.grad.array.tolist() == [6, 6]


def test_in_place_on_leaves_is_refused_while_recording():
    x = leaf(4)
    with pytest.raises(RuntimeError, match="leaf"):
        x += 1
    view = x.reshape(2, 2)
    with pytest.raises(RuntimeError, match="view of a leaf"):
        view += 1
    with tinynet.no_grad():
        x += 1
    assert x.is_leaf and x.requires_grad


def test_in_place_keeps_memory_and_identity():
    x = tinynet.ones(3)
    memory, same = x.array, x
    x += 2
    x *= np.float32(2)
    assert x is same and x.array is memory and memory.tolist() == [6, 6, 6]


def test_activations_that_nobody_saved_die_early():
    x = leaf(4)
    y = x + 1
    watch = weakref.ref(y.array)
    z = y + 1
    del y
    assert watch() is None
    z.sum().backward()


def test_no_reference_cycles():
    gc.collect()
    gc.disable()
    try:
        x = leaf(3)
        y = (x * 2).exp().sum()
        y.backward()
        watch = weakref.ref(y), weakref.ref(x)
        del x, y
        assert watch[0]() is None and watch[1]() is None
    finally:
        gc.enable()


def test_detect_anomaly_names_the_operator():
    x = tinynet.tensor([-1.0], requires_grad=True)
    with np.errstate(invalid="ignore"), tinynet.detect_anomaly():
        with pytest.raises(FloatingPointError, match="Log forward: NaN"):
            x.log()
    zero = tinynet.tensor([0.0], requires_grad=True)
    with np.errstate(divide="ignore", invalid="ignore"), tinynet.detect_anomaly():
        with pytest.raises(FloatingPointError, match="SqrtBackward: infinity"):
            zero.sqrt().backward()


def test_context_remembers_its_backend():
    seen = []

    class Spy(tinynet.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, dy):
            seen.append(tinynet.kernels.backend())
            return dy * 2

    del tinynet.autograd.Function.registry["Spy"]
    x = leaf(2)
    with tinynet.kernels.use("numpy"):
        y = Spy.apply(x)
    y.sum().backward()
    assert seen == ["numpy"]


def test_memory_is_flat_over_graphs():
    x = leaf(1000)

    def step():
        x.grad = None
        ((x * 2).exp() + x).sum().backward()

    array_bytes, objects = growth(step)
    assert array_bytes <= 0 and objects < 20


def test_data_is_a_tensor_on_the_same_memory_outside_the_graph():
    w = tinynet.tensor([1.0, 2.0], requires_grad=True)
    assert isinstance(w.data, tinynet.Tensor) and not w.data.requires_grad and w.data.is_leaf
    (w * 2).sum().backward()
    w.data -= 0.5 * w.grad
    assert w.tolist() == [0.0, 1.0] and w.is_leaf and w.requires_grad
    w.data = tinynet.ones(3)
    w.grad = None
    w.sum().backward()
    assert w.shape == (3,) and w.grad.tolist() == [1, 1, 1]
    with pytest.raises(TypeError, match="data: expected a tensor, got ndarray"):
        w.data = np.ones(3)
    with pytest.raises(TypeError, match="floating-point"):
        w.data = tinynet.arange(3)


def test_grad_takes_pytorchs_options():
    used, unused = tinynet.ones(2, requires_grad=True), tinynet.ones(3, requires_grad=True)
    total = (used * 2).sum()
    found = tinynet.autograd.grad(total, [used, unused], only_inputs=True, retain_graph=True, materialize_grads=True)
    assert [gradient.tolist() for gradient in found] == [[2, 2], [0, 0, 0]]
    for option in ({"only_inputs": False}, {"is_grads_batched": True}):
        with pytest.raises(NotImplementedError, match="grad: is_grads_batched=True and only_inputs=False"):
            tinynet.autograd.grad(total, [used], **option)
