"""Layers of a block that are one pass over memory, unless someone looks between them."""

import contextlib

import numpy as np
import pytest

import tinynet
from tinynet import kernels, models, nn
from tinynet.kernels.machine import lanes
from tinynet.nn import blocks
from tinynet.nn.blocks import fused

BLOCKS = {
    "basic": lambda: blocks.BasicBlock(16, 32, 2), "wide": lambda: blocks.BasicBlock(64, 64),
    "bottleneck": lambda: blocks.Bottleneck(64, 16),
    "groups": lambda: blocks.Bottleneck(64, 64, groups=8, base_width=16),
    "odd channels": lambda: blocks.BasicBlock(5, 7, 2), "squeeze": lambda: blocks.SEBasicBlock(16, 16),
    "block": lambda: blocks.ConvBlock(3, 16, 5, stride=2),
    "no relu": lambda: blocks.ConvBlock(16, 16, activation="gelu"),
    "depthwise": lambda: blocks.DepthwiseSeparableConv(16, 32),
    "group norm": lambda: blocks.BasicBlock(16, 16, norm="group"),
    "no norm": lambda: blocks.ConvBlock(16, 16, norm="none"),
    "no norm, odd channels": lambda: blocks.BasicBlock(5, 7, 2, norm="none"),
    "no norm, 1x1": lambda: blocks.Bottleneck(64, 16, norm="none"),
}
CHANNELS = {"wide": 64, "bottleneck": 64, "groups": 64, "odd channels": 5, "block": 3, "no norm, odd channels": 5,
            "no norm, 1x1": 64}


def settle(model):
    """Statistics, weights and biases of the norms that are not what they begin with."""
    tinynet.manual_seed(0)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for tensor in (layer.running_mean, layer.bias):
                nn.init.normal_(tensor, std=0.5)
            for tensor in (layer.running_var, layer.weight):
                nn.init.uniform_(tensor, 0.5, 2)
    return model.eval()


def images(channels, size=12):
    return tinynet.randn(3, size, size, channels).permute(0, 3, 1, 2)


def both(model, x):
    """The result with a graph, where each layer runs by itself, and without one."""
    apart = model(x).detach().numpy()
    with tinynet.no_grad():
        return apart, model(x).numpy()


def assert_near(apart, together):
    np.testing.assert_allclose(together, apart, atol=2e-5 * np.abs(apart).max())


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize("backend", kernels.machine.backend.BACKENDS)
def test_one_pass_gives_what_the_layers_give(name, backend):
    model, x = settle(BLOCKS[name]()), images(CHANNELS.get(name, 16))
    with kernels.use(backend):
        assert_near(*both(model, x))


@pytest.mark.parametrize("name", ["resnet8", "resnet18", "preact_resnet20", "se_resnet20"])
def test_networks_give_the_same(name):
    model = settle(getattr(models, name)())
    assert_near(*both(model, images(3, 32)))


@pytest.mark.parametrize("name", ["resnet8", "resnet18", "se_resnet20"])
def test_folded_networks_give_the_same(name, passes):
    model, x = tinynet.fold_batchnorm(settle(getattr(models, name)())), images(3, 32)
    assert_near(*both(model, x))
    assert len(passes) >= 7


@pytest.mark.parametrize("name", ["basic", "bottleneck", "odd channels", "squeeze", "groups"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_quantized_blocks_give_the_same_bits(name, dtype):
    x = images(CHANNELS.get(name, 16)).to(dtype)
    model = tinynet.quantize(settle(BLOCKS[name]()).to(dtype), [x])
    apart, together = both(model, x)
    assert together.dtype == dtype and (apart == together).all()
    assert (apart < 0).sum() == 0 < (apart > 0).sum()


def test_quantized_layers_with_hooks_are_called():
    x = images(16)
    model, seen = tinynet.quantize(settle(BLOCKS["basic"]()), [x]), []
    for layer in (model.conv1, model.conv2):
        layer.register_forward_hook(lambda module, args, y: seen.append(y.shape))
    assert_near(*both(model, x))
    assert seen == [(3, 32, 6, 6)] * 4


@pytest.fixture
def passes(monkeypatch):
    """How many convolutions were finished in their own pass."""
    seen = []
    original = fused.conv2d_norm
    monkeypatch.setattr(fused, "conv2d_norm", lambda *args: seen.append(args) or original(*args))
    return seen


def test_only_evaluation_without_a_graph_fuses(passes):
    block, x = blocks.BasicBlock(16, 16), images(16)
    block(x)
    block.eval()(x)
    with tinynet.no_grad():
        block.train()(x)
        assert not passes
        block.eval()(x)
    assert len(passes) == 2


@pytest.mark.parametrize("layer", ["conv1", "bn1", "conv2", "bn2"])
def test_hooks_see_their_layer(layer, passes):
    block, x, seen = settle(blocks.BasicBlock(16, 16)), images(16), []
    getattr(block, layer).register_forward_hook(lambda module, args, y: seen.append(y.shape))
    with tinynet.no_grad():
        block(x)
    assert seen == [(3, 16, 12, 12)] and len(passes) == 1


def test_a_layer_of_another_class_is_called(passes):
    class Doubled(nn.Conv2d):
        def forward(self, x):
            return 2 * super().forward(x)

    block, x = settle(blocks.BasicBlock(16, 16)), images(16)
    block.conv1 = Doubled(16, 16, 3, padding=1, bias=False)
    assert_near(*both(block, x))
    assert len(passes) == 1


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_odd_weights_and_images(value):
    block, x = settle(blocks.BasicBlock(16, 16)), images(16)
    x.array[0, 3, 5, 5] = value
    apart, together = both(block, x)
    assert np.array_equal(np.isfinite(apart), np.isfinite(together))
    np.testing.assert_allclose(together, apart, atol=1e-4)
    block.conv2.weight.array[2, 1] = value
    apart, together = both(block, images(16))
    np.testing.assert_allclose(together, apart, atol=1e-4)


def test_wrong_shapes_are_the_layers_errors():
    block = blocks.BasicBlock(16, 16, downsample=nn.AvgPool2d(2)).eval()
    calls = []
    block.downsample.register_forward_hook(lambda *args: calls.append(args))
    with tinynet.no_grad(), pytest.raises(ValueError, match="expected branch and shortcut of one shape"):
        block(images(16))
    assert len(calls) == 1
    with tinynet.no_grad(), pytest.raises(ValueError, match="expected input"):
        blocks.ConvBlock(16, 16).eval()(images(8))


# In training: a norm, its ReLU and the convolution after it ------------------------------------------------------

ON_TILES = pytest.mark.skipif(not lanes.LANES or kernels.backend() == "numpy", reason="there are no register tiles")
TRAINED = {"basic": 16, "wide": 64, "bottleneck": 64, "groups": 64, "squeeze": 16, "preactivated": 16}


def trained(block, x, mode=contextlib.nullcontext):
    """Everything that a training step makes, and the names of the nodes of its graph."""
    block.train()
    with mode():
        y = block(x)
        loss = (y * tinynet.arange(float(y.shape[-1]))).sum()
        names = {node.name for node in nodes_of(loss)}
        loss.backward()
    made = [x.grad, *(p.grad for p in block.parameters()), *block.buffers()]
    return [loss.item(), *(t.numpy().copy() for t in made)], names


def nodes_of(tensor):
    """All nodes of a tensor's graph, some of them several times."""
    waiting = [tensor.grad_fn]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [edge[0] for edge in node.edges if edge]


def one_of(name):
    make = (lambda: blocks.PreActBlock(16, 16)) if name == "preactivated" else BLOCKS[name]
    tinynet.manual_seed(1)
    x = images(TRAINED[name])
    return settle(make()), x.requires_grad_()


@ON_TILES
@pytest.mark.parametrize("name", TRAINED)
def test_a_norm_joins_the_convolution_after_it(name, monkeypatch):
    together, names = trained(*one_of(name))
    assert "NormConv2dBackward" in names
    monkeypatch.setattr(fused, "may_join", lambda norm, conv: False)
    apart, names = trained(*one_of(name))
    assert "NormConv2dBackward" not in names
    for a, b in zip(together, apart, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5 * np.abs(b).max())


@pytest.mark.parametrize("layer", ["bn1", "conv2"])
def test_a_norm_with_a_hook_does_not_join(layer):
    block, x = one_of("basic")
    seen = []
    getattr(block, layer).register_forward_hook(lambda module, args, y: seen.append(y.shape))
    _, names = trained(block, x)
    assert "NormConv2dBackward" not in names and seen


@pytest.mark.parametrize("layer", [nn.Identity(), nn.Conv2d(16, 16, 3, padding="same"), nn.Conv2d(16, 16, 1)])
def test_a_layer_that_was_put_in_later_does_not_join(layer):
    for block in (blocks.PreActBlock(16, 16), blocks.BasicBlock(16, 16)):
        block.conv2 = layer
        _, names = trained(block, images(16).requires_grad_())
        assert "NormConv2dBackward" not in names


def test_the_search_for_nan_sees_every_operator():
    _, names = trained(*one_of("basic"), tinynet.autograd.detect_anomaly)
    assert "NormConv2dBackward" not in names


@pytest.mark.parametrize("value", [np.inf, np.nan])
@pytest.mark.parametrize("where", ["x", "conv1.weight", "conv2.weight", "bn1.weight"])
def test_odd_values_go_the_same_way(value, where, monkeypatch):
    def with_odd_value():
        block, x = one_of("basic")
        array = x.array if where == "x" else dict(block.named_parameters())[where].array
        array.reshape(-1)[3] = value
        return trained(block, x)[0]
    together = with_odd_value()
    monkeypatch.setattr(fused, "may_join", lambda norm, conv: False)
    for a, b in zip(together, with_odd_value(), strict=True):
        assert np.array_equal(np.isfinite(a), np.isfinite(b))


@pytest.mark.parametrize("images_of", [0, 3])
def test_the_fused_function_is_its_parts(images_of):
    """Also for an empty batch, and beside an infinite weight."""
    F = nn.functional
    for odd in (1.0, np.inf):
        x, k = tinynet.randn(images_of, 16, 6, 6), tinynet.randn(8, 16, 3, 3)
        k.array[0, 0, 0, 0] = odd
        w, b = tinynet.rand(16), tinynet.randn(16)
        mean, var = tinynet.zeros(16), tinynet.ones(16)
        y = F.batch_norm_conv2d(x, mean, var, w, b, k, stride=2, padding=1)
        parts = F.conv2d(F.batch_norm_act(x, None, None, w, b, training=True), k, stride=2, padding=1)
        assert y.shape == parts.shape == (images_of, 8, 3, 3)
        np.testing.assert_allclose(y.numpy(), parts.numpy(), atol=1e-4)
        assert (mean.numpy() != 0).all() == (images_of > 0)


def test_bad_arguments_of_the_fused_function_are_named():
    F, v = nn.functional, tinynet.ones(16)
    x, k = tinynet.randn(3, 16, 6, 6), tinynet.randn(8, 16, 3, 3)
    with pytest.raises(ValueError, match="batch_norm_conv2d.*16"):
        F.batch_norm_conv2d(x, None, None, v, v, k[:, :8])
    with pytest.raises(ValueError, match="batch_norm: .*weight"):
        F.batch_norm_conv2d(x, None, None, v[:8], v, k)
    with pytest.raises(ValueError, match="batch_norm_conv2d: expected padding in whole pixels"):
        F.batch_norm_conv2d(x, None, None, v, v, k[:, :, :2, :2], padding="same")


@ON_TILES
def test_a_map_that_is_not_written_takes_no_memory():
    """What a graph keeps of a block: x, the first convolution's result, and the second's."""
    block, x = one_of("wide")
    y = block.train()(x)
    kept = {id(a): a for node in nodes_of(y) for a in node.saved_arrays if a is not None and a.ndim == 4
            and a.shape[-1] == 12}
    assert len(kept) == 4                                       # and y, whose sign is the last ReLU's mask
