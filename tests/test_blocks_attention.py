"""Attention over channels, pixels and sequences: gradients, PyTorch's numbers, masks, gates and errors."""

import numpy as np
import pytest

import tinynet
from tinynet import Tensor
from tinynet.data import Loader, shapes
from tinynet.inspect.gradcheck import gradcheck
from tinynet.nn import AdaptiveAvgPool2d, Conv2d, Flatten, Linear, ReLU, Sequential, functional as F
from tinynet.nn.blocks.attention import MultiheadAttention, SEBlock, SelfAttention, watch_gates
from tinynet.optim import AdamW

torch = pytest.importorskip("torch")
rng = np.random.default_rng(0)


def normal(*shape, dtype=np.float32):
    return rng.standard_normal(shape).astype(dtype)


def matched(ours, theirs):
    """Both with our weights, in float64; what PyTorch saves must load back unchanged."""
    ours.double(), theirs.double()
    theirs.load_state_dict({key: torch.tensor(value.numpy()) for key, value in ours.state_dict().items()})
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    return ours, theirs


def check_module(module, *inputs):
    """Gradients with respect to inputs and all parameters, against central differences."""
    module.double()
    names = [name for name, _ in module.named_parameters()]

    def function(*tensors):
        for name, tensor in zip(names, tensors[len(inputs):]):
            path, _, last = name.rpartition(".")
            vars(module.get_submodule(path))[last] = tensor
        return module(*tensors[:len(inputs)])

    values = [p.array for p in module.parameters()]
    gradcheck(function, [*inputs, *values])


def equal(ours, theirs, scale=1e-10):
    np.testing.assert_allclose(ours.numpy(), theirs.detach().numpy(), atol=scale)


def compare_gradients(ours, theirs, pairs):
    """Inputs (ours, theirs) and all parameters."""
    for x, y in [*pairs, *zip(ours.parameters(), theirs.parameters())]:
        equal(x.grad, y.grad)


# Squeeze-and-excitation -----------------------------------------------------------------------------------


class TorchSE(torch.nn.Module):
    def __init__(self, channels, reduction):
        super().__init__()
        self.fc = torch.nn.Sequential(
            torch.nn.Linear(channels, channels // reduction, bias=False), torch.nn.ReLU(),
            torch.nn.Linear(channels // reduction, channels, bias=False), torch.nn.Sigmoid())

    def forward(self, x):
        return x * self.fc(x.mean((2, 3)))[:, :, None, None]


@pytest.mark.parametrize("channels, reduction, size", [(16, 4, (5, 3)), (32, 16, (1, 1)), (6, 6, (2, 7))])
def test_se_is_pytorchs(channels, reduction, size):
    ours, theirs = matched(SEBlock(channels, reduction), TorchSE(channels, reduction))
    assert list(ours.state_dict()) == ["fc.0.weight", "fc.2.weight"]
    assert sum(p.numel() for p in ours.parameters()) == 2 * channels * (channels // reduction)
    x = normal(3, channels, *size, dtype=np.float64)
    a, b = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    weight = normal(*x.shape, dtype=np.float64)
    y, z = ours(a), theirs(b)
    equal(y, z)
    (y * Tensor(weight)).sum().backward(), (z * torch.tensor(weight)).sum().backward()
    compare_gradients(ours, theirs, [(a, b)])


def test_se_gradients():
    check_module(SEBlock(4, 2), normal(2, 4, 3, 2))


def test_se_keeps_channels_last_memory():
    x = Tensor(normal(2, 5, 4, 32).transpose(0, 3, 1, 2))
    assert SEBlock(32)(x).array.transpose(0, 2, 3, 1).flags.c_contiguous


def test_gates_are_recorded_on_request_only():
    model = Sequential(SEBlock(4, 2), Sequential(SEBlock(4, 4)))
    x = Tensor(normal(3, 4, 5, 5))
    model(x)
    assert model[0].gates is None
    with watch_gates(model) as gates:
        model(x), model(x)
    assert list(gates) == ["0", "1.0"] and [len(recorded) for recorded in gates.values()] == [2, 2]
    assert gates["0"][0].shape == (3, 4) and ((0 < gates["0"][0]) & (gates["0"][0] < 1)).all()
    np.testing.assert_allclose((x.array * gates["0"][0][:, :, None, None]), model[0](x).array, rtol=1e-6)
    assert model[0].gates is None and "gates" not in model.state_dict()


@pytest.mark.parametrize("make, message", [
    (lambda: SEBlock(8, 16), r"SEBlock: expected a reduction from 1 to 8, the number of channels, got 16"),
    (lambda: SEBlock(32)(Tensor(normal(2, 8, 4, 4))),
     r"SEBlock\(32\): expected input \(N, 32, H, W\), got \(2, 8, 4, 4\)"),
    (lambda: SelfAttention(8)(Tensor(normal(2, 4, 4))),
     r"SelfAttention\(8\): expected input \(N, 8, H, W\), got \(2, 4, 4\)"),
    (lambda: SelfAttention(8, 3), r"SelfAttention: expected a size that 3 heads can share equally, got 8"),
    (lambda: MultiheadAttention(8, 0),
     r"MultiheadAttention: expected a size that 0 heads can share equally, got 8"),
    (lambda: MultiheadAttention(8, 2)(*[Tensor(normal(5, 2, 7))] * 3),
     r"MultiheadAttention\(8, 2 heads\): expected query, key and value \(L, N, 8\), .*got \(5, 2, 7\)"),
    (lambda: attend_with(attn_mask=Tensor(normal(5, 4))),
     r"expected attn_mask \(5, 5\) or \(4, 5, 5\), got \(5, 4\)"),
    (lambda: attend_with(key_padding_mask=Tensor(normal(5, 2))),
     r"expected key_padding_mask \(2, 5\), got \(5, 2\)"),
    (lambda: attend_with(attn_mask=Tensor(np.zeros((5, 5), int))),
     r"expected attn_mask of bool or float32, got int64"),
    (lambda: Sequential(Sequential(SEBlock(16)))(Tensor(normal(1, 3, 2, 2))),
     r"^0.0: SEBlock\(16\): expected input"),
])
def test_errors_name_the_block_and_the_shapes(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


def attend_with(**masks):
    return MultiheadAttention(8, 2)(*[Tensor(normal(5, 2, 8))] * 3, **masks)


# Over the pixels ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("heads", [1, 2])
def test_self_attention_over_maps(heads):
    block = SelfAttention(4, heads).double()
    x = normal(2, 4, 3, 5, dtype=np.float64)
    assert np.array_equal(block(Tensor(x)).array, x)                    # γ is 0 at first
    assert sum(p.numel() for p in block.parameters()) == 3 * 4 * 5 + 1
    block.gamma.array[:] = 0.7
    q, k, v = (torch.tensor(getattr(block, name)(Tensor(x)).array).reshape(2, heads, 4 // heads, 15).mT
               for name in ("query", "key", "value"))
    y = torch.nn.functional.scaled_dot_product_attention(q, k, v).mT.reshape(2, 4, 3, 5)
    equal(block(Tensor(x)), torch.tensor(x) + 0.7 * y, 1e-12)
    check_module(block, normal(2, 4, 2, 3))


# Over sequences -------------------------------------------------------------------------------------------


def run_both(ours, theirs, arrays, **options):
    """Outputs, weights and all gradients of the two agree; one array is query, key and value at once."""
    (outputs, inputs), (expected, expected_inputs) = (
        run(module, lib, arrays, options) for module, lib in ((ours, tinynet), (theirs, torch)))
    assert len(outputs) == len(expected)
    for x, y in zip(outputs, expected):
        equal(x, y)
    compare_gradients(ours, theirs, list(zip(inputs, expected_inputs)))


def run(module, lib, arrays, options):
    """(outputs, all tensors that got a gradient) for a random cotangent."""
    def tensor(a):
        return lib.tensor(a, requires_grad=a.dtype.kind == "f") if isinstance(a, np.ndarray) else a

    inputs, given = [tensor(a) for a in arrays], {name: tensor(value) for name, value in options.items()}
    outputs = [y for y in module(*(inputs * (3 // len(inputs))), **given) if y is not None]
    cotangents = np.random.default_rng(5)
    sum((y * lib.tensor(cotangents.standard_normal(tuple(y.shape)))).sum() for y in outputs).backward()
    return outputs, [x for x in (*inputs, *given.values()) if getattr(x, "grad", None) is not None]


CAUSAL = np.triu(np.ones((4, 4), bool), 1)
PADDING = np.array([[False] * 4, [False, False, True, True], [False] * 3 + [True]])
CASES = {
    "plain": {},
    "no weights": dict(need_weights=False),
    "weights of each head": dict(average_attn_weights=False),
    "bool mask": dict(attn_mask=CAUSAL),
    "bool mask, no weights": dict(attn_mask=CAUSAL, need_weights=False),
    "float mask": dict(attn_mask=normal(4, 4, dtype=np.float64)),
    "mask of each head": dict(attn_mask=normal(6, 4, 4, dtype=np.float64), need_weights=False),
    "padding": dict(key_padding_mask=PADDING),
    "padding and mask": dict(key_padding_mask=PADDING, attn_mask=CAUSAL, need_weights=False),
    "float padding": dict(key_padding_mask=np.where(PADDING, -np.inf, 0)),
    "causal": dict(attn_mask=CAUSAL, is_causal=True, need_weights=False),
}


@pytest.mark.filterwarnings("ignore:Support for mismatched")
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_multihead_attention_is_pytorchs(name, batch_first):
    tinynet.manual_seed(1)
    ours, theirs = matched(MultiheadAttention(6, 2, batch_first=batch_first),
                         torch.nn.MultiheadAttention(6, 2, batch_first=batch_first))
    shape = (3, 4, 6) if batch_first else (4, 3, 6)
    run_both(ours, theirs, [normal(*shape, dtype=np.float64)], **CASES[name])


@pytest.mark.parametrize("options", [{}, dict(kdim=5, vdim=7), dict(kdim=5, bias=False), dict(bias=False)],
                         ids=str)
def test_cross_attention_is_pytorchs(options):
    ours, theirs = matched(MultiheadAttention(6, 3, **options), torch.nn.MultiheadAttention(6, 3, **options))
    kdim, vdim = options.get("kdim", 6), options.get("vdim", 6)
    arrays = [normal(*shape, dtype=np.float64) for shape in ((4, 2, 6), (5, 2, kdim), (5, 2, vdim))]
    run_both(ours, theirs, arrays)
    ours.zero_grad(), theirs.zero_grad()
    run_both(ours, theirs, [a[:, 0] for a in arrays])                  # without a batch


def test_multihead_attention_gradients():
    attention = MultiheadAttention(4, 2, batch_first=True)
    check_module(attention, normal(2, 3, 4), normal(2, 2, 4), normal(2, 2, 4))


def test_is_causal_alone_makes_the_mask():
    attention, x = MultiheadAttention(6, 2, batch_first=True), Tensor(normal(2, 4, 6))
    by_mask = attention(x, x, x, attn_mask=Tensor(CAUSAL))
    for found, expected in zip(attention(x, x, x, is_causal=True), by_mask):
        np.testing.assert_array_equal(found.array, expected.array)
    assert (by_mask[1].array[:, CAUSAL] == 0).all()
    later = Tensor(np.concatenate([x.array[:, :3], normal(2, 1, 6)], 1))
    y, _ = attention(later, later, later, is_causal=True)
    np.testing.assert_allclose(y.array[:, :3], by_mask[0].array[:, :3], atol=1e-6)


@pytest.mark.parametrize("need_weights", [True, False])
def test_a_query_without_keys_gets_zeros(need_weights):
    attention = MultiheadAttention(6, 2, batch_first=True)
    x = Tensor(normal(2, 4, 6), requires_grad=True)
    padding = Tensor(np.array([[True] * 4, [False] * 4]))
    y, weights = attention(x, x, x, padding, need_weights=need_weights)
    y.sum().backward()
    np.testing.assert_array_equal(y.array[0], np.broadcast_to(attention.out_proj.bias.array, (4, 6)))
    assert np.isfinite(y.array).all() and np.isfinite(x.grad.array).all()
    assert not need_weights or (weights.array[0] == 0).all()


def test_dropout_follows_the_seed_and_stops_in_evaluation():
    attention, x = MultiheadAttention(8, 2, dropout=0.5), Tensor(normal(6, 3, 8))

    def values(seed, need_weights):
        tinynet.manual_seed(seed)
        return attention(x, x, x, need_weights=need_weights)[0].array

    for need_weights in True, False:
        assert np.array_equal(values(1, need_weights), values(1, need_weights))
        assert not np.array_equal(values(1, need_weights), values(2, need_weights))
    _, weights = attention(x, x, x, average_attn_weights=False)
    assert 0.3 < (weights.array == 0).mean() < 0.7
    attention.eval()
    np.testing.assert_allclose(values(1, True), values(2, False), atol=1e-6)


def test_initial_weights_are_pytorchs_in_kind():
    attention = MultiheadAttention(64, 4)
    bound = np.sqrt(6 / (64 + 192))
    assert np.abs(attention.in_proj_weight.array).max() == pytest.approx(bound, rel=0.01)
    assert (attention.in_proj_bias.array == 0).all() and (attention.out_proj.bias.array == 0).all()


def test_a_few_steps_on_shapes_lower_the_loss():
    tinynet.manual_seed(0)
    images, labels = next(iter(Loader(shapes(count=64), 64)))
    model = Sequential(Conv2d(3, 16, 4, stride=4), ReLU(), SEBlock(16, 4), SelfAttention(16, 2),
                       AdaptiveAvgPool2d(1), Flatten(), Linear(16, 10))
    optimizer, losses = AdamW(model.parameters(), 0.02), []
    for _ in range(20):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0] and model[3].gamma.item() != 0


def test_shared_attention_adds_its_gradients():
    attention, x = MultiheadAttention(4, 2), Tensor(normal(3, 2, 4))
    once, _ = attention(x, x, x)
    twice, _ = attention(once, once, once)
    twice.sum().backward()
    assert len(list(Sequential(attention, attention).parameters())) == 4
    assert attention.in_proj_weight.grad.shape == (12, 4)
