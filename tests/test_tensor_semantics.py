"""What a tensor does as a Python object: copies and pickles, comparisons, formats, hooks and modes; as PyTorch."""

import copy
import pickle

import numpy as np
import pytest

import tinynet
from tinynet import nn


def leaf(*values):
    return tinynet.tensor(values or [1.0, 2.0, 3.0], requires_grad=True)


# Copies and pickles -------------------------------------------------------------------------------------------

WAYS = {"copy": copy.copy, "deepcopy": copy.deepcopy, "pickle": lambda x: pickle.loads(pickle.dumps(x))}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("walked", [False, True], ids=["before backward", "after backward"])
def test_a_copied_leaf_learns_by_itself(way, walked):
    x = leaf()
    if walked:
        (x * 2).sum().backward()
    y = WAYS[way](x)
    assert y.requires_grad and y.is_leaf and (y == x).all()
    assert (y.grad is not None) == (walked and way == "deepcopy") and (y.grad is None or y.grad is not x.grad)
    before = None if x.grad is None else x.grad.tolist()
    (y * 3).sum().backward()
    assert (None if x.grad is None else x.grad.tolist()) == before
    assert np.shares_memory(x.array, y.array) == (way == "copy")


def test_results_cannot_be_deepcopied_and_are_detached_otherwise():
    y = leaf() * 2
    with pytest.raises(RuntimeError, match="expected a leaf, got a result of MulBackward"):
        copy.deepcopy(y)
    assert copy.copy(y).is_leaf and pickle.loads(pickle.dumps(y)).is_leaf
    assert copy.deepcopy(y.detach()).tolist() == [2, 4, 6]


def test_views_stay_views_of_what_is_copied_with_them():
    x = tinynet.arange(6.0)
    base, view = copy.deepcopy([x, x[2:5]])
    view.zero_()
    assert base.tolist() == [0, 1, 0, 0, 0, 5] and x.tolist() == [0, 1, 2, 3, 4, 5]
    alone = copy.deepcopy(x.reshape(2, 3).t())
    assert alone.tolist() == [[0, 3], [1, 4], [2, 5]]


@pytest.mark.parametrize("way", ["deepcopy", "pickle"])
def test_modules_keep_what_they_share(way):
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.BatchNorm1d(2))
    model[1].weight = model[0].weight
    model(tinynet.randn(4, 2)).sum().backward()
    copied = WAYS[way](model)
    assert copied[1].weight is copied[0].weight and copied[0].weight is not model[0].weight
    assert copied[0].weight.grad is None                       # as in PyTorch
    copied(tinynet.randn(4, 2)).sum().backward()
    assert type(copied[0].weight) is nn.Parameter and copied[0].weight.grad is not None


def test_attributes_of_users_are_copied():
    x = leaf()
    x.tag = ["kept"]
    assert copy.deepcopy(x).tag == ["kept"] and copy.deepcopy(x).tag is not x.tag
    assert copy.copy(x).tag is x.tag and pickle.loads(pickle.dumps(x)).tag == ["kept"]


# As Python objects --------------------------------------------------------------------------------------------


def test_none_is_equal_to_no_tensor():
    x = leaf()
    assert (x == None) is False and (x != None) is True        # noqa: E711
    with pytest.raises(TypeError):
        x < None
    with pytest.raises(TypeError, match="add: expected a tensor, an array or a number, got NoneType"):
        x + None


def test_formats_truth_and_membership():
    assert f"{tinynet.tensor(3.14159):.3f}" == "3.142" and f"{tinynet.tensor(7):4d}" == "   7"
    with pytest.raises(TypeError):
        f"{leaf():.3f}"
    assert bool(tinynet.tensor([True])) and not tinynet.tensor(0.0)
    for many in (tinynet.ones(2), tinynet.ones(0)):
        with pytest.raises(RuntimeError, match="ambiguous"):
            bool(many)
    assert 2.0 in leaf() and 5.0 not in leaf()


@pytest.mark.parametrize("run", [
    lambda x: x // 0, lambda x: x % 0, lambda x: tinynet.div(x, tinynet.tensor([1, 0, 2]), rounding_mode="trunc"),
    lambda x: 5 % tinynet.tensor([0]), lambda x: tinynet.fmod(x, 0)],
    ids=["floor", "remainder", "trunc", "reflected", "fmod"])
def test_integers_cannot_be_divided_by_zero(run):
    with pytest.raises(ZeroDivisionError, match="cannot be divided by zero"):
        run(tinynet.tensor([1, 2, 3]))


def test_quotients_are_rounded_as_in_pytorch():
    torch = pytest.importorskip("torch")
    x, y = np.array([7, -7, 7, -7, 2**53 + 1]), np.array([2, 2, -2, -2, 1])
    for mode in ("floor", "trunc"):
        ours = tinynet.div(tinynet.tensor(x), tinynet.tensor(y), rounding_mode=mode)
        assert ours.tolist() == torch.div(torch.tensor(x), torch.tensor(y), rounding_mode=mode).tolist()
    assert tinynet.div(tinynet.tensor([1.0, -1.0]), 0, rounding_mode="floor").tolist() == [np.inf, -np.inf]


def test_steps_have_gradients_of_zero():
    for run in (tinynet.sign, tinynet.floor, tinynet.round, lambda x: x // 2, lambda x: tinynet.div(
            x, leaf(), rounding_mode="trunc")):
        x = leaf(-1.5, 0.5, 2.5)
        run(x).sum().backward()
        assert x.grad.tolist() == [0, 0, 0]


def test_nothing_is_accepted_and_ignored():
    x = tinynet.ones(2)
    with pytest.raises(TypeError):
        x.mul_(2, alpha=3)
    with pytest.raises(ValueError, match='expected device "cpu"'):
        x.cuda()
    with pytest.raises(TypeError, match="float16"):
        x.half()


# Modes and hooks ----------------------------------------------------------------------------------------------


def test_a_generator_without_gradients_leaves_its_caller_alone():
    seen = []

    @tinynet.no_grad()
    def numbers():
        try:
            seen.append(tinynet.is_grad_enabled())
            got = yield 1
            seen.append((got, tinynet.is_grad_enabled()))
            try:
                yield 2
            except ValueError:
                seen.append(tinynet.is_grad_enabled())
            yield 3
            return "end"
        finally:
            seen.append(tinynet.is_grad_enabled())

    generator = numbers()
    assert next(generator) == 1 and tinynet.is_grad_enabled()
    assert generator.send("sent") == 2 and tinynet.is_grad_enabled()
    assert generator.throw(ValueError()) == 3
    with pytest.raises(StopIteration) as stopped:
        next(generator)
    assert stopped.value.value == "end" and tinynet.is_grad_enabled()
    assert seen == [False, ("sent", False), False, False]
    unfinished = numbers()
    next(unfinished)
    unfinished.close()
    assert seen[-1] is False and tinynet.is_grad_enabled()


def test_gradients_are_enabled_at_once_for_a_block_or_for_a_function():
    tinynet.set_grad_enabled(False)
    assert not tinynet.is_grad_enabled()
    tinynet.set_grad_enabled(True)
    with tinynet.set_grad_enabled(False):
        assert not tinynet.is_grad_enabled()
    assert tinynet.is_grad_enabled()
    assert tinynet.set_grad_enabled(False)(tinynet.is_grad_enabled)() is False and tinynet.is_grad_enabled()
    with tinynet.inference_mode():
        assert not tinynet.is_grad_enabled()
    assert tinynet.inference_mode()(tinynet.is_grad_enabled)() is False
    with tinynet.inference_mode(False):
        assert tinynet.is_grad_enabled()


@pytest.mark.parametrize("returned, error", [
    (lambda g: g[:1], r"expected a gradient of shape \(3,\) and float32, got \(1,\)"),
    (lambda g: g.double(), "float32, got .* and float64"), (lambda g: g.numpy(), "expected a tensor or None")],
    ids=["shape", "dtype", "array"])
def test_hooks_cannot_change_the_shape_or_the_type(returned, error):
    for tensor in (lambda x: x, lambda x: x * 2):
        x = leaf()
        y = tensor(x)
        y.register_hook(returned)
        with pytest.raises((TypeError, ValueError), match=error):
            (y * 1).sum().backward()


def test_grad_gives_gradients_and_changes_none():
    x, w = leaf(), leaf(2.0, 2.0, 2.0)
    y = x * w
    z = (y * y).sum()
    dx, dy = tinynet.autograd.grad(z, [x, y], retain_graph=True)
    assert dx.tolist() == [8, 16, 24] and dy.tolist() == [4, 8, 12] and x.grad is w.grad is None
    assert tinynet.autograd.grad(y, x, tinynet.ones(3), retain_graph=True)[0].tolist() == [2, 2, 2]
    assert tinynet.autograd.grad(z, [x, leaf()], allow_unused=True)[1] is None
    with pytest.raises(RuntimeError, match="do not depend on one of the inputs"):
        tinynet.autograd.grad((x * 2).sum(), [leaf()])
    with pytest.raises(NotImplementedError, match="first-order only"):
        tinynet.autograd.grad(x.sum(), x, create_graph=True)


def test_backward_into_some_leaves_only():
    x, w = leaf(), leaf()
    (x * w).sum().backward(inputs=[w])
    assert x.grad is None and w.grad.tolist() == [1, 2, 3]


# In place on views, while recording ---------------------------------------------------------------------------


def a_flat_view(lib, x, w):
    y = x * 1
    v = y.view(-1)
    v += 1
    v *= w[0]
    return y * y


def parts_by_index(lib, x, w):
    y = x * 2
    y[:, 0] *= 2
    y[1] += w
    return y.exp()


def base_and_two_views(lib, x, w):
    y = x * 2
    a = y[0]
    b = y[:, 1]
    y *= 3
    a.mul_(w)
    return y + a * 2 + b.sum()


def a_base_without_gradient(lib, x, w):
    z = lib.zeros(2, 3, dtype=x.dtype)
    z[:, 0] += w[:2]
    z[0].copy_(x[0])
    return z * z


def transposed_and_relu(lib, x, w):
    y = (x * 2).transpose(0, 1)
    y[0] *= w[0]
    lib.nn.functional.relu(y[1], inplace=True)
    return y


def three_shapes(lib, x, w):
    y = x * 2
    e = y.t()
    c = y.reshape(3, 2)
    c[1].sub_(w[:2])
    e[2] *= 5
    return y * y + c.reshape(2, 3) + e.t()


def a_diagonal(lib, x, w):
    y = x * 2
    d = y.diagonal()
    d *= w[:2]
    u = y.unsqueeze(0)
    u.add_(1)
    return y * u


def masks(lib, x, w):
    y = x * 1
    v = y[:, :2]
    v.clamp_(min=0.2)
    y.div_(2)
    v.masked_fill_(v > 0.3, 0.0)
    return y * v.sum()


PROGRAMS = [a_flat_view, parts_by_index, base_and_two_views, a_base_without_gradient, transposed_and_relu, three_shapes,
            a_diagonal, masks]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_changes_of_views_are_recorded_as_in_pytorch(program):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    arrays, dy = (rng.standard_normal((2, 3)), rng.standard_normal(3)), None
    found = []
    for lib in (tinynet, torch):
        x, w = (lib.tensor(a, requires_grad=True) for a in arrays)
        y = program(lib, x, w)
        dy = np.arange(1.0, 1 + np.prod(y.shape)).reshape(tuple(y.shape))
        y.backward(lib.tensor(dy))
        found.append([y.detach().numpy(), x.grad.numpy(), None if w.grad is None else w.grad.numpy()])
    for ours, theirs in zip(*found):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_what_saved_the_old_base_notices():
    y = leaf() * 2
    z = y.exp() * y                    # saves y
    y[:2].add_(1)
    with pytest.raises(RuntimeError, match="changed in place afterwards"):
        z.sum().backward()


def test_views_of_leaves_are_guarded():
    with pytest.raises(RuntimeError, match="a view of a leaf that requires a gradient"):
        leaf()[:2].add_(1)
    with tinynet.no_grad():
        leaf()[:2].add_(1)


# Layers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["nll_loss", "cross_entropy"])
def test_where_every_label_is_ignored_there_is_no_gradient(loss):
    x = tinynet.randn(2, 3, requires_grad=True)
    value = getattr(nn.functional, loss)(x, tinynet.tensor([-100, -100]))
    value.backward()
    assert np.isnan(value.item()) and (x.grad == 0).all()


def test_batch_norm_takes_an_empty_batch():
    layer = nn.BatchNorm2d(3)
    x = tinynet.zeros(0, 3, 4, 4, requires_grad=True)
    y = layer(x)
    y.sum().backward()
    assert y.shape == (0, 3, 4, 4) and layer.running_mean.tolist() == [0, 0, 0]
    assert layer.weight.grad.tolist() == [0, 0, 0]


def test_a_state_from_before_batches_were_counted_loads():
    layer = nn.Sequential(nn.BatchNorm1d(3))
    state = {key: value for key, value in layer.state_dict().items() if "num_batches" not in key}
    assert layer.load_state_dict(state) == ([], [])


def test_a_layer_can_be_replaced_through_modules():
    model = nn.Sequential(nn.Linear(2, 3))
    model._modules["0"] = nn.Linear(2, 5)
    assert model(tinynet.ones(1, 2)).shape == (1, 5) and model[0].out_features == 5


def test_keywords_of_numpy_are_understood():
    x = tinynet.arange(6.0).reshape(2, 3)
    assert x.sum(axis=1, keepdims=True).shape == (2, 1) and x.max(axis=0).values.tolist() == [3, 4, 5]
    assert x.softmax(axis=1).shape == (2, 3) and tinynet.cat([x, x], axis=1).shape == (2, 6)
    assert tinynet.zeros(size=(2, 3)).shape == x.view(size=(2, 3)).shape == (2, 3)
    assert x.permute(dims=(1, 0)).shape == (3, 2) and x.max(other=x + 1).tolist() == (x + 1).tolist()
    assert x.to("cpu", non_blocking=True) is x and x.to(copy=True) is not x
