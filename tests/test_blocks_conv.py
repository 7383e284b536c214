"""ConvBlock and its variations: gradients, the same in PyTorch, sizes, norms and activations, errors, training."""

import numpy as np
import pytest
from blocks import check_gradients, check_sharing, check_counterpart, images, losses_on_shapes

from tinynet import nn
from tinynet.nn import functional as F
from tinynet.nn.blocks import ConvBlock, DepthwiseSeparableConv, DilatedConv, GroupedConv
from tinynet.tensor import Tensor

BLOCKS = {
    "plain": lambda: ConvBlock(4, 6),
    "strided 5x5": lambda: ConvBlock(4, 6, 5, stride=2),
    "group norm": lambda: ConvBlock(4, 6, norm="group", activation="silu"),
    "layer norm": lambda: ConvBlock(4, 6, norm="layer", activation="gelu"),
    "bare": lambda: ConvBlock(4, 6, norm="none", activation="none"),
    "depthwise separable": lambda: DepthwiseSeparableConv(4, 6, stride=2),
    "grouped": lambda: GroupedConv(4, 6, groups=2),
    "dilated": lambda: DilatedConv(4, 6, dilation=2),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_gradients_are_the_differences(name):
    check_gradients(BLOCKS[name](), 2, 4, 5, 5)


@pytest.mark.parametrize("options", [
    {}, {"kernel_size": 1, "stride": 2}, {"kernel_size": 5, "padding": 0}, {"dilation": 2}, {"groups": 2},
    {"norm": "group"}, {"norm": "layer"}, {"norm": "none"}], ids=str)
@pytest.mark.parametrize("size", [(8, 8), (7, 9)])
def test_conv_block_is_its_pytorch_counterpart(options, size):
    pytest.importorskip("torch")
    import torch_blocks
    check_counterpart(ConvBlock(4, 6, **options), torch_blocks.ConvBlock(4, 6, **options), 3, 4, *size)


@pytest.mark.parametrize("name, theirs", [("leaky_relu", "leaky_relu"), ("gelu", "gelu"), ("silu", "silu"),
                                          ("sigmoid", "sigmoid"), ("tanh", "tanh")])
def test_activations_are_pytorchs(name, theirs):
    torch = pytest.importorskip("torch")
    import torch_blocks
    function = getattr(torch.nn.functional, theirs)
    check_counterpart(ConvBlock(4, 6, activation=name), torch_blocks.ConvBlock(4, 6, activation=function), 2, 4, 5, 5)


@pytest.mark.parametrize("ours, theirs", [
    (lambda: DepthwiseSeparableConv(4, 6, stride=2), lambda torch_blocks: torch_blocks.DepthwiseSeparableConv(4, 6, 2)),
    (lambda: GroupedConv(4, 6, 2, stride=2), lambda torch_blocks: torch_blocks.ConvBlock(4, 6, stride=2, groups=2)),
    (lambda: DilatedConv(4, 6, 3), lambda torch_blocks: torch_blocks.ConvBlock(4, 6, dilation=3))],
    ids=["depthwise", "grouped", "dilated"])
def test_variations_are_their_pytorch_counterparts(ours, theirs):
    pytest.importorskip("torch")
    import torch_blocks
    check_counterpart(ours(), theirs(torch_blocks), 3, 4, 9, 7)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel_size", [1, 3, 5])
def test_the_size_is_kept_or_divided(kernel_size, stride):
    for size in (7, 8):
        y = ConvBlock(3, 5, kernel_size, stride)(Tensor(images(2, 3, size, size, dtype=np.float32)))
        assert y.shape == (2, 5, -(-size // stride), -(-size // stride))


def test_rectangular_kernels_keep_the_size():
    x = Tensor(images(1, 3, 6, 7, dtype=np.float32))
    assert ConvBlock(3, 5, (3, 5), dilation=(2, 1))(x).shape == (1, 5, 6, 7)


def test_the_convolution_has_a_bias_only_without_a_norm():
    assert ConvBlock(3, 5).conv.bias is None and ConvBlock(3, 5, norm="group").conv.bias is None
    assert ConvBlock(3, 5, norm="none").conv.bias is not None


def test_published_cost_of_depthwise_separable_convolution():
    block = DepthwiseSeparableConv(32, 64, norm="none")
    assert block.depthwise.conv.weight.numel() == 9 * 32 and block.pointwise.conv.weight.numel() == 32 * 64


@pytest.mark.parametrize("channels, groups", [(1, 1), (6, 1), (8, 1), (12, 1), (16, 2), (24, 3), (36, 4), (37, 1),
                                              (64, 8), (94, 2), (512, 64)])
def test_group_norm_takes_groups_of_eight_channels_or_a_few_more(channels, groups):
    assert ConvBlock(1, channels, norm="group").norm.num_groups == groups
    assert ConvBlock(1, channels, norm="layer").norm.num_groups == 1


def test_norm_and_activation_may_be_functions_classes_and_modules():
    block = ConvBlock(3, 6, norm=lambda channels: nn.GroupNorm(3, channels), activation=nn.GELU)
    assert block.norm.num_groups == 3 and isinstance(block.activation, nn.GELU)
    x = Tensor(images(2, 3, 4, 4, dtype=np.float32))
    assert np.array_equal(block(x).array, F.gelu(block.norm(block.conv(x))).array)
    assert np.array_equal(ConvBlock(3, 6, activation=F.tanh).eval()(x).array.shape, (2, 6, 4, 4))
    seen = []
    block.activation.register_forward_hook(lambda *_: seen.append(1))
    block(x)
    assert seen == [1]


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="norm: expected batch, group, layer, none or a f.*got 'bach'"):
        ConvBlock(3, 5, norm="bach")
    with pytest.raises(ValueError, match="activation: expected relu.*got 'rellu'"):
        ConvBlock(3, 5, activation="rellu")
    with pytest.raises(TypeError, match="Module"):
        ConvBlock(3, 5, norm=lambda channels: channels)


@pytest.mark.parametrize("make, title", [
    (lambda: ConvBlock(4, 6), "ConvBlock"), (lambda: GroupedConv(4, 6, 2), "GroupedConv"),
    (lambda: DepthwiseSeparableConv(4, 6), "DepthwiseSeparableConv")], ids=["conv", "grouped", "depthwise"])
def test_wrong_input_names_block_path_and_shapes(make, title):
    model = nn.Sequential({"stem": ConvBlock(3, 5), "body": nn.Sequential(make())})
    with pytest.raises(ValueError) as error:
        model(Tensor(images(2, 3, 8, 8, dtype=np.float32)))
    assert str(error.value) == f"body.0: {title}(4 -> 6): expected input (N, 4, H, W), got (2, 5, 8, 8)"


def test_a_map_that_became_too_small_names_the_layer():
    model = nn.Sequential(ConvBlock(3, 4, 5, padding=0), ConvBlock(4, 4, 5, padding=0))
    with pytest.raises(ValueError, match=r"1\.conv: Conv2d\(4 -> 4\): .*\(5, 5\).*\(4, 4\)"):
        model(Tensor(images(1, 3, 8, 8, dtype=np.float32)))


def test_sharing():
    check_sharing(ConvBlock(4, 4), 2, 4, 5, 5)


@pytest.mark.parametrize("make", [lambda: ConvBlock(8, 16, stride=2), lambda: DepthwiseSeparableConv(8, 16),
                                  lambda: GroupedConv(8, 16, 4), lambda: DilatedConv(8, 16, norm="layer")],
                         ids=["plain", "depthwise", "grouped", "dilated"])
def test_it_learns_shapes(make):
    losses = losses_on_shapes(make(), 16)
    assert losses[-1] < 0.95 * losses[0]


def test_repr_tells_the_activation():
    assert "activation=relu" in repr(ConvBlock(3, 5))
    assert "activation=None" in repr(ConvBlock(3, 5, activation="none"))


def test_a_narrow_group_norm_is_no_instance_norm():
    """As many groups as channels would make every 1x1 map zero, and take away how strong a channel is."""
    layer = ConvBlock(4, 8, 1, norm="group", activation="none")
    y = layer(Tensor(images(2, 4, 1, 1, dtype=np.float32))).array
    assert layer.norm.num_groups == 1 and np.abs(y).min() > 0
    with pytest.raises(ValueError, match=r"norm: GroupNorm\(8, 8\): training needs more than one value in each "
                                         r"group, got input \(2, 8, 1, 1\)"):
        ConvBlock(4, 8, 1, norm=lambda channels: nn.GroupNorm(channels, channels))(
            Tensor(images(2, 4, 1, 1, dtype=np.float32)))
