"""In evaluation, a block's convolution, norm, addition and ReLU are one pass, unless someone looks between them."""

import numpy as np
import pytest

import tinynet
from tinynet import kernels, models, nn
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
