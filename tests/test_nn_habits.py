"""What public code does with modules: tables, hooks of gradients, overrides, old spellings."""

import copy
import pickle

import numpy as np
import pytest

import tinynet
from tinynet import nn
from tinynet.nn import functional as F
from tinynet.tensor import Tensor


def test_tables_are_read_and_written():
    layer = nn.Linear(2, 3)
    assert layer._parameters["weight"] is layer.weight and list(layer._parameters) == ["weight", "bias"]
    layer._parameters["weight"] = nn.Parameter(np.ones((3, 2)))
    assert layer.weight.dtype == np.float64
    layer.register_buffer("count", tinynet.zeros(1))
    layer._buffers["count"] = tinynet.ones(1)
    assert layer.count.item() == 1 and list(layer._buffers) == ["count"]
    layer.register_parameter("scale", None)
    assert layer._parameters["scale"] is None and "scale" not in dict(layer.named_parameters())
    layer.scale = nn.Parameter(np.ones(1))
    assert list(layer._parameters)[-1] == "scale" and "scale" in layer.state_dict()
    seq = nn.Sequential(nn.ReLU())
    seq._modules["0"] = nn.Tanh()
    assert isinstance(seq[0], nn.Tanh)


def test_an_unknown_attribute_says_so():
    with pytest.raises(AttributeError, match="'Linear' object has no attribute 'wieght'"):
        nn.Linear(2, 2).wieght
    assert not hasattr(nn.Linear(2, 2), "running_mean") and hasattr(nn.Linear(2, 2, bias=False), "bias")


def test_a_frozen_batch_norm_overrides_train_and_loading():
    class Frozen(nn.BatchNorm2d):
        def train(self, mode=True):
            return super().train(False)

        def _load_from_state_dict(self, state_dict, prefix, *args):
            state_dict.pop(prefix + "extra", None)
            super()._load_from_state_dict(state_dict, prefix, *args)

    net = nn.Sequential(Frozen(2), nn.Dropout())
    net.train()
    assert not net[0].training and net[1].training
    state = dict(net.state_dict())
    state["0.extra"] = tinynet.ones(1)
    net.load_state_dict(state)
    assert "0.extra" in state          # the caller's dict stays as it was


def test_a_state_from_before_batches_were_counted_loads():
    bn = nn.BatchNorm2d(2)
    bn.num_batches_tracked.array += 5
    state = {key: value for key, value in nn.BatchNorm2d(2).state_dict().items() if key != "num_batches_tracked"}
    bn.load_state_dict(state)
    assert bn.num_batches_tracked.item() == 5


def test_assign_takes_the_tensors_themselves():
    layer = nn.Linear(2, 2, bias=False)
    weight = tinynet.ones(2, 2, dtype=tinynet.float64)
    layer.load_state_dict({"weight": weight}, assign=True)
    assert layer.weight.array is weight.array and isinstance(layer.weight, nn.Parameter) and layer.weight.requires_grad


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")
@pytest.mark.parametrize("training", [True, False], ids=["recording inputs", "inputs without gradient"])
def test_backward_hooks_see_what_pytorchs_see(training):
    torch = pytest.importorskip("torch")
    logs = []
    for lib in (torch, tinynet):
        net = lib.nn.Sequential(lib.nn.Linear(3, 4), lib.nn.Tanh(), lib.nn.Linear(4, 2)).double()
        with lib.no_grad():
            for i, p in enumerate(net.parameters()):
                p.copy_(lib.linspace(-1, 1, p.numel(), dtype=lib.float64).reshape(p.shape) * (i + 1))
        log = []

        def note(module, grad_input, grad_output):
            log.append([type(module).__name__, *(None if g is None else g.numpy().tolist()
                                                 for g in (*grad_input, *grad_output))])

        handles = [layer.register_full_backward_hook(note) for layer in net]
        handles.append(net[1].register_full_backward_hook(lambda m, dx, dy: (dx[0] * 2,)))
        handles.append(net[2].register_full_backward_pre_hook(lambda m, dy: (dy[0] * 3,)))
        x = lib.tensor(np.arange(6.0).reshape(2, 3) / 5, requires_grad=training)
        net(x).sum().backward()
        log.append(net[0].weight.grad.numpy().tolist())
        for handle in handles:
            handle.remove()
        count = len(log)
        net(x).sum().backward()
        assert len(log) == count
        logs.append(log)
    theirs, ours = logs
    assert len(theirs) == len(ours) == 4
    for expected, found in zip(theirs, ours):
        assert [part is None for part in expected] == [part is None for part in found] and expected[0] == found[0] or (
            np.allclose(expected, found))
        for a, b in zip(expected[1:], found[1:]):
            assert a is b is None or np.allclose(a, b, rtol=1e-12)


def test_a_change_in_place_behind_a_gate_is_noticed():
    layer = nn.Sigmoid()               # saves its output
    layer.register_full_backward_hook(lambda module, dx, dy: None)
    y = layer(Tensor(np.ones(3), requires_grad=True) * 1)
    F.relu(y, inplace=True)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.sum().backward()


def test_forward_hooks_with_keywords_and_in_front():
    seen = []

    class Scaled(nn.Module):
        def forward(self, x, factor=1):
            return x * factor

    module = Scaled()
    module.register_forward_pre_hook(lambda m, args, kwargs: (args, {"factor": kwargs["factor"] + 1}), with_kwargs=True)
    module.register_forward_hook(lambda m, args, y: seen.append("last"))
    module.register_forward_hook(lambda m, args, kwargs, y: seen.append(kwargs), with_kwargs=True, prepend=True)
    assert module(tinynet.ones(1), factor=2).item() == 3 and seen == [{"factor": 3}, "last"]


def test_devices_and_types():
    net = nn.Linear(2, 2)
    assert net.to("cpu", tinynet.float64, non_blocking=True).weight.dtype == np.float64
    assert net.to(tinynet.ones(1)).weight.dtype == np.float32 and net.type(tinynet.float64).weight.dtype == np.float64
    assert net.cpu() is net
    with pytest.raises(ValueError, match="cuda"):
        net.cuda()
    for refused in (net.half, net.bfloat16):
        with pytest.raises(TypeError, match="Module.to: expected a dtype of"):
            refused()


def test_lists_and_dicts_of_parameters():
    weights = nn.ParameterList([nn.Parameter(np.ones(2)), tinynet.zeros(3)])
    weights.append(tinynet.ones(1))
    assert [p.shape for p in weights] == [(2,), (3,), (1,)] and list(weights.state_dict()) == ["0", "1", "2"]
    assert all(p.requires_grad for p in weights) and isinstance(weights[1:], nn.ParameterList)
    named = nn.ParameterDict({"a": tinynet.ones(2)})
    named["b"] = tinynet.ones(1)
    assert list(named.state_dict()) == ["a", "b"] and "b" in named and named.pop("b").shape == (1,)
    with pytest.raises(TypeError, match="ParameterList: expected a tensor, got int"):
        weights.append(3)
    net = nn.Sequential(nn.Linear(1, 1), nn.ReLU())
    assert isinstance(net.pop(-1), nn.ReLU) and len(net + [nn.Tanh()]) == 2
    layers = nn.ModuleList(None)
    layers += [nn.ReLU()]
    assert len(layers) == 1


def test_modules_are_copied_and_pickled_after_a_backward():
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.LSTM(3, 2))
    net[:2](tinynet.ones(4, 2)).sum().backward()
    for again in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert list(again.state_dict()) == list(net.state_dict())
        assert (again[0].weight.array == net[0].weight.array).all() and again[0].weight is not net[0].weight


def test_conversion_leaves_a_pending_backward_alone_where_nothing_changes():
    net = nn.Linear(2, 2)
    y = net(tinynet.ones(1, 2)).sum()
    net.float().to("cpu")
    y.backward()
    assert net.weight.grad is not None


def test_rooms_of_torch_nn_modules():
    assert issubclass(nn.BatchNorm1d, nn.modules.batchnorm._BatchNorm) and nn.modules.utils._pair(3) == (3, 3)
    assert isinstance(nn.Conv2d(1, 1, 1), nn.modules.conv._ConvNd)
    assert nn.parameter.Parameter is nn.Parameter and nn.utils.clip_grad_norm_
    with pytest.raises(AttributeError, match="no attribute 'quantum'"):
        nn.modules.quantum


def test_embedding_from_pretrained():
    table = tinynet.randn(4, 3)
    layer = nn.Embedding.from_pretrained(table, padding_idx=1)
    assert layer.weight.array is table.array and not layer.weight.requires_grad and layer.padding_idx == 1
    assert nn.Embedding.from_pretrained(table, freeze=False).weight.requires_grad
    with pytest.raises(ValueError, match=r"expected embeddings \(rows, D\)"):
        nn.Embedding.from_pretrained(tinynet.ones(3))
