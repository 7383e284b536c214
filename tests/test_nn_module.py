"""Module and the containers: attributes, state, hooks, conversion, errors that say where."""

import copy
import timeit

import numpy as np
import pytest

import tinynet
from tinynet import nn
from tinynet.nn import functional as F
from tinynet.tensor import Tensor


class Block(nn.Module):
    def __init__(self, lib=nn):
        super().__init__()
        self.conv = lib.Conv2d(2, 4, 3, padding=1)
        self.bn = lib.BatchNorm2d(4)
        self.shortcut = lib.Sequential(lib.Conv2d(2, 4, 1, bias=False), lib.ReLU())

    def forward(self, x):
        return self.bn(self.conv(x)) + self.shortcut(x)


def image(n=2, c=2):
    return Tensor(np.random.default_rng(0).standard_normal((n, c, 5, 5)).astype(np.float32))


# Attributes -----------------------------------------------------------------------------------------------


def test_attributes_become_parameters_modules_and_buffers_in_their_order():
    module = nn.Module()
    module.note = "text"
    module.b = nn.Parameter(np.ones(2))
    module.child = nn.Linear(2, 3)
    module.a = nn.Parameter(np.ones(3))
    module.register_buffer("mean", Tensor(np.zeros(2)))
    module.register_buffer("scratch", Tensor(np.zeros(2)), persistent=False)
    module.register_buffer("nothing", None)
    assert [n for n, _ in module.named_parameters()] == ["b", "a", "child.weight", "child.bias"]
    assert [n for n, _ in module.named_parameters(recurse=False)] == ["b", "a"]
    assert [n for n, _ in module.named_buffers()] == ["mean", "scratch"]
    assert list(module.state_dict()) == ["b", "a", "mean", "child.weight", "child.bias"]
    assert [n for n, _ in module.named_modules()] == ["", "child"]
    assert list(module.children()) == [module.child] and len(list(module.modules())) == 2


def test_an_attribute_may_change_its_kind():
    module = nn.Module()
    module.x, module.p = None, nn.Parameter(np.ones(1))
    module.x = nn.Parameter(np.ones(1))
    assert [n for n, _ in module.named_parameters()] == ["p", "x"]     # registered when it became one
    module.x = None
    assert [n for n, _ in module.named_parameters()] == ["p"]
    module.register_buffer("b", Tensor(np.ones(1)))
    del module.b
    assert not list(module.buffers()) and not hasattr(module, "b")


def test_wrong_attributes_are_refused():
    module = nn.Linear(2, 2)
    with pytest.raises(TypeError, match="Linear.weight: expected a Parameter or None, got Tensor"):
        module.weight = Tensor(np.ones((2, 2)))
    module.register_buffer("mean", Tensor(np.ones(2)))
    with pytest.raises(TypeError, match="Linear.mean: expected a Tensor or None, got int"):
        module.mean = 3
    with pytest.raises(TypeError, match="register_buffer: expected a Tensor or None for 'x', got list"):
        module.register_buffer("x", [1])
    with pytest.raises(TypeError, match="add_module: expected a Module or None for 'x', got int"):
        module.add_module("x", 1)
    for name in "", "a.b", "forward", "in_features":
        with pytest.raises(ValueError, match="name"):
            module.add_module(name, nn.Identity())


def test_setting_modules_before_the_constructor_ran_is_an_error():
    class Forgetful(nn.Module):
        def __init__(self):
            self.layer = nn.Identity()

    with pytest.raises(AttributeError, match=r"Forgetful: call super\(\).__init__\(\) before"):
        Forgetful()


def test_paths_lead_to_modules_and_tensors():
    model = nn.Sequential(Block(), nn.Flatten())
    assert model.get_submodule("0.shortcut.1") is model[0].shortcut[1] and model.get_submodule("") is model
    assert model.get_parameter("0.conv.weight") is model[0].conv.weight
    assert model.get_buffer("0.bn.running_mean") is model[0].bn.running_mean
    with pytest.raises(AttributeError, match="Block has no module 'fc', only conv, bn, shortcut"):
        model.get_submodule("0.fc")
    with pytest.raises(AttributeError, match="Conv2d has no parameter 'scale', only weight, bias"):
        model.get_parameter("0.conv.scale")


# Sharing --------------------------------------------------------------------------------------------------


def test_shared_modules_and_parameters_are_listed_once_and_saved_twice():
    shared = nn.Linear(3, 3)
    model = nn.Sequential(shared, nn.Tanh(), shared)
    tied = nn.Linear(3, 3)
    tied.weight = shared.weight
    model.append(tied)
    assert [n for n, _ in model.named_parameters()] == ["0.weight", "0.bias", "3.bias"]
    assert len(list(model.named_parameters(remove_duplicate=False))) == 6
    assert [n for n, _ in model.named_modules()] == ["", "0", "1", "3"]
    assert len(list(model.children())) == 3 and len(model) == 4
    assert list(model.state_dict()) == [f"{i}.{n}" for i in (0, 2, 3) for n in ("weight", "bias")]


def test_shared_parameters_accumulate_their_gradients():
    shared = nn.Linear(3, 3).double()
    x = Tensor(np.random.default_rng(0).standard_normal((4, 3)))
    nn.Sequential(shared, nn.Tanh(), shared)(x).sum().backward()
    one, two = nn.Linear(3, 3).double(), nn.Linear(3, 3).double()
    for copied in one, two:
        copied.load_state_dict(shared.state_dict())
    nn.Sequential(one, nn.Tanh(), two)(x).sum().backward()
    np.testing.assert_allclose(shared.weight.grad.array, one.weight.grad.array + two.weight.grad.array)


# State ----------------------------------------------------------------------------------------------------


def test_state_shares_memory_and_loading_copies_in_place():
    model, other = Block(), Block()
    state = model.state_dict()
    assert state["conv.weight"].array is model.conv.weight.array and not state["conv.weight"].requires_grad
    array, strides = other.conv.weight.array, other.conv.weight.array.strides
    found = other.load_state_dict({k: np.array(v.array, np.float64, order="C") for k, v in state.items()})
    assert found.missing_keys == [] and found.unexpected_keys == []
    assert other.conv.weight.array is array and array.strides == strides and array.dtype == np.float32
    for key, value in other.state_dict().items():
        np.testing.assert_array_equal(value.array, state[key].array)


def test_one_error_lists_everything_that_does_not_fit_and_nothing_is_changed():
    model = Block()
    state = dict(model.state_dict())
    before = model.bn.bias.array.copy()
    del state["conv.bias"], state["bn.running_var"]
    state |= {"fc.weight": np.ones(3), "bn.weight": np.ones(5), "bn.bias": np.full(4, 9.0)}
    with pytest.raises(ValueError) as caught:
        model.load_state_dict(state)
    assert str(caught.value) == (
        "Block.load_state_dict: missing: conv.bias, bn.running_var; unexpected: fc.weight; "
        "wrong shape: bn.weight (expected (4,), got (5,))")
    np.testing.assert_array_equal(model.bn.bias.array, before)
    with pytest.raises(ValueError, match="wrong shape: bn.weight") as caught:
        model.load_state_dict(state, strict=False)
    assert "missing" not in str(caught.value)
    del state["bn.weight"]
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert missing == ["conv.bias", "bn.weight", "bn.running_var"] and unexpected == ["fc.weight"]
    np.testing.assert_array_equal(model.bn.bias.array, 9)


def test_loading_is_noticed_by_a_backward_that_saved_the_old_values():
    model, x = nn.Linear(3, 3), Tensor(np.ones((1, 3), np.float32), requires_grad=True)
    y = model(x)
    model.load_state_dict(model.state_dict())
    with pytest.raises(RuntimeError, match="changed in place"):
        y.sum().backward()


def test_state_moves_to_pytorch_and_back():
    torch = pytest.importorskip("torch")
    ours = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(36, 3)).eval()
    theirs = torch.nn.Sequential(torch.nn.Conv2d(2, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Flatten(),
                                 torch.nn.Linear(36, 3)).eval()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    theirs.load_state_dict({k: torch.from_numpy(np.array(v.array)) for k, v in ours.state_dict().items()})
    x = image()
    expected = theirs(torch.from_numpy(x.array)).detach().numpy()
    np.testing.assert_allclose(ours(x).array, expected, rtol=1e-4, atol=1e-5)
    again = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(36, 3)).eval()
    again.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    np.testing.assert_array_equal(again(x).array, ours(x).array)


def test_deepcopy_is_independent():
    model = Block()
    model(image()).sum().backward()
    copied = copy.deepcopy(model)
    for (name, p), (_, q) in zip(model.named_parameters(), copied.named_parameters()):
        assert type(q) is nn.Parameter and q.requires_grad and q.array is not p.array, name
        assert q.array.strides == p.array.strides
        np.testing.assert_array_equal(p.array, q.array)
    before = model.conv.weight.grad.array.copy()
    copied.zero_grad()
    copied(image()).sum().backward()
    np.testing.assert_array_equal(model.conv.weight.grad.array, before)
    assert copied.conv.weight.grad is not None
    assert copied.bn.running_mean.array is not model.bn.running_mean.array


# Changing everything --------------------------------------------------------------------------------------


def test_train_eval_apply_zero_grad_and_requires_grad():
    model, seen = Block(), []
    assert model.eval() is model and not any(m.training for m in model.modules())
    assert all(m.training for m in model.train().modules())
    model.apply(lambda module: seen.append(type(module).__name__))
    assert seen == ["Conv2d", "BatchNorm2d", "Conv2d", "ReLU", "Sequential", "Block"]
    model(image()).sum().backward()
    model.zero_grad(set_to_none=False)
    assert not model.conv.weight.grad.array.any()
    model.zero_grad()
    assert model.conv.weight.grad is None
    model.requires_grad_(False)
    assert not model(image()).requires_grad


def test_conversion_keeps_memory_order_and_leaves_integers_alone():
    model = Block()
    weight, strides = model.conv.weight, model.conv.weight.array.strides
    model(image()).sum().backward()
    assert model.double() is model and model.conv.weight is weight
    assert weight.dtype == np.float64 and weight.grad.dtype == np.float64
    assert weight.array.strides == tuple(2 * s for s in strides)
    assert model.bn.running_mean.dtype == np.float64 and model.bn.num_batches_tracked.dtype == np.int64
    model.zero_grad()
    model(Tensor(image().array.astype(np.float64))).sum().backward()
    assert weight.grad.dtype == np.float64
    assert model.to("cpu", tinynet.float32).conv.bias.dtype == np.float32
    assert model.to(dtype="float64").float().conv.bias.dtype == np.float32
    with pytest.raises(ValueError, match="expected the device 'cpu', there is no other, got 'cuda:0'"):
        model.to("cuda:0")
    with pytest.raises(ValueError, match="got 'cuda'"):
        model.to(device="cuda")
    with pytest.raises(TypeError, match="floating-point dtype, got int64"):
        model.to(tinynet.int64)


# Calling --------------------------------------------------------------------------------------------------


def test_hooks_see_and_replace_arguments_and_results():
    module, seen = nn.ReLU(), []
    first = module.register_forward_pre_hook(lambda m, args: seen.append(args[0].shape) or -args[0])
    second = module.register_forward_hook(lambda m, args, y: seen.append(y.array.tolist()))
    third = module.register_forward_hook(lambda m, args, y: y + 1)
    assert module(Tensor(np.array([-2.0, 1.0]))).array.tolist() == [3.0, 1.0]
    assert seen == [(2,), [2.0, 0.0]]
    for handle in first, second, third:
        handle.remove()
    assert module(Tensor(np.array([-2.0, 1.0]))).array.tolist() == [0.0, 1.0]


def test_hooks_run_on_fused_calls():
    bn, seen = nn.BatchNorm2d(2), []
    bn.register_forward_hook(lambda m, args, y: seen.append(y.array.min()))
    bn(image(), residual=image(), relu=True)
    assert seen == [0]


def test_errors_say_where_in_the_model_and_which_layer():
    model = nn.Sequential(nn.Identity(), nn.Sequential(Block()))
    with pytest.raises(ValueError) as caught:
        model(image(c=3))
    assert str(caught.value) == ("1.0.conv: Conv2d(2 -> 4): expected input (N, 2, H, W) or (2, H, W), "
                                 "got (2, 3, 5, 5)")
    with pytest.raises(ValueError, match=r"^BatchNorm2d\(3\): expected input \(N, 3, H, W\), got \(2, 2,"):
        nn.BatchNorm2d(3)(image())
    with pytest.raises(TypeError, match=r"^0: Linear\(2 -> 3\): expected a floating-point tensor"):
        nn.Sequential(nn.Linear(2, 3))(Tensor(np.zeros((1, 2), np.int64)))
    with pytest.raises(IndexError, match=r"^emb: Embedding\(3, 2\): expected indices in \[0, 2\], got 7$"):
        nn.Sequential({"emb": nn.Embedding(3, 2)})(Tensor(np.array([7])))


def test_errors_of_a_list_and_of_the_users_own_code_say_where_too():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.heads = nn.ModuleList([nn.Linear(2, 3), nn.Linear(4, 3)])

        def forward(self, x):
            return [head(x) for head in self.heads]

    class Picky(nn.Module):
        def forward(self, x):
            raise ValueError("cats only")

    with pytest.raises(ValueError, match=r"^heads\.1: Linear\(4 -> 3\): expected input"):
        Net()(Tensor(np.zeros((1, 2), np.float32)))
    with pytest.raises(ValueError, match="^1: cats only$"):
        nn.Sequential(nn.Identity(), Picky())(1)


def test_a_module_without_forward_says_so():
    with pytest.raises(NotImplementedError, match=r"Module does not define forward\(\)"):
        nn.Module()(1)


def test_calling_costs_little():
    module = nn.Identity()
    extra = min(timeit.repeat(lambda: module(1), number=2000, repeat=9)) / 2000
    assert extra < 5e-6                # about 0.4 µs on a quiet machine


# Containers -----------------------------------------------------------------------------------------------


def test_sequential():
    a, b, c = nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)
    model = nn.Sequential(a, b, c)
    assert model[0] is a and model[-1] is c and len(model) == 3 and list(model) == [a, b, c]
    assert list(model[:2]) == [a, b] and isinstance(model[1:], nn.Sequential)
    assert model(Tensor(np.ones((4, 2), np.float32))).shape == (4, 1)
    model[1] = nn.Tanh()
    model.append(nn.Sigmoid())
    model.insert(1, nn.Identity())
    assert [type(m).__name__ for m in model] == ["Linear", "Identity", "Tanh", "Linear", "Sigmoid"]
    del model[1]
    assert list(model._modules) == ["0", "1", "2", "3"] and model[2] is c
    named = nn.Sequential({"first": a, "act": b})
    assert list(named.state_dict()) == ["first.weight", "first.bias"] and named.act is b and named[1] is b
    with pytest.raises(IndexError, match="Sequential: index 9 is out of range for 4 modules"):
        model[9]
    with pytest.raises(TypeError, match="Sequential: expected a Module or None, got function"):
        nn.Sequential(F.relu)


def test_module_list_and_dict():
    layers = nn.ModuleList(nn.Linear(2, 2) for _ in range(3))
    layers.extend([nn.ReLU()]).append(nn.Tanh())
    assert len(layers) == 5 and isinstance(layers[1:3], nn.ModuleList) and len(layers + [nn.ReLU()]) == 6
    assert len(list(layers.parameters())) == 6
    named = nn.ModuleDict({"a": nn.Linear(2, 2)})
    named["b"] = nn.ReLU()
    named.update({"c": nn.Tanh()})
    assert list(named) == list(named.keys()) == ["a", "b", "c"] and "b" in named and len(named) == 3
    assert isinstance(named.pop("b"), nn.ReLU)
    assert list(named.items()) == [("a", named["a"]), ("c", named["c"])]
    assert list(named.values())[1] is named["c"] and list(named.state_dict()) == ["a.weight", "a.bias"]
    with pytest.raises(ValueError, match="the name 'pop' is taken"):
        named["pop"] = nn.ReLU()
    named.clear()
    assert len(named) == 0


def test_repr_is_pytorchs():
    torch = pytest.importorskip("torch")

    def build(lib):
        return lib.Sequential(
            lib.Conv2d(3, 8, 3, stride=2, padding=1, bias=False),
            lib.Conv2d(8, 8, (1, 3), dilation=2, groups=4), lib.Conv2d(1, 1, 3, padding="same"),
            lib.BatchNorm2d(8), lib.ReLU(), lib.ReLU(inplace=True), lib.MaxPool2d(2),
            lib.AvgPool2d((2, 1), 1), lib.AdaptiveAvgPool2d((1, 1)), lib.Flatten(),
            lib.Sequential(lib.Linear(8, 4, bias=False), lib.Dropout(0.2)),
            lib.LayerNorm(4), lib.GroupNorm(2, 4), lib.GELU(), lib.SiLU(), lib.Sigmoid(), lib.Tanh(),
            lib.LayerNorm((2, 3), elementwise_affine=False), lib.Softmax(1),
            lib.LogSoftmax(dim=-1), lib.LeakyReLU(0.2), lib.Embedding(5, 4, padding_idx=0), lib.Identity(),
            lib.BatchNorm1d(3, momentum=None, affine=False), lib.Unfold(3), lib.Fold((4, 4), 2),
            lib.ZeroPad2d(2), lib.CrossEntropyLoss(), lib.MSELoss(),
            lib.ModuleDict({"a": lib.ReLU()}), lib.Sequential())

    assert repr(build(nn)) == repr(build(torch.nn))
