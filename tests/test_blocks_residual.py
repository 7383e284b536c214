"""Residual blocks: gradients, the same in PyTorch, sizes, the shortcut's rule, options, errors; and composition."""

import numpy as np
import pytest
from blocks import check_gradients, check_sharing, check_counterpart, images, losses_on_shapes

import tinynet
from tinynet import nn
from tinynet.nn.blocks import (
    BasicBlock, Bottleneck, ConvBlock, PadShortcut, Parallel, PreActBlock, PreActBottleneck, Residual,
    ResidualBlock, ResidualMLP, SEBasicBlock, SEBlock, SEBottleneck, SelfAttention, SEPreActBlock,
    SEPreActBottleneck, StochasticDepth, make_shortcut)
from tinynet.tensor import Tensor


def se(channels):
    return SEBlock(channels, reduction=2)


def tensor(*shape, seed=0):
    return Tensor(images(*shape, seed=seed, dtype=np.float32))


BLOCKS = {
    "basic": lambda: BasicBlock(4, 4),
    "basic B": lambda: BasicBlock(4, 6, stride=2),
    "basic A": lambda: BasicBlock(4, 6, stride=2, shortcut="A", pad="both"),
    "basic group": lambda: BasicBlock(4, 6, norm="group"),
    "basic none": lambda: BasicBlock(4, 6, norm="none"),
    "bottleneck": lambda: Bottleneck(8, 2),
    "resnext": lambda: Bottleneck(4, 2, stride=2, groups=2, base_width=64),
    "preact": lambda: PreActBlock(4, 4),
    "preact B": lambda: PreActBlock(4, 6, stride=2),
    "preact A": lambda: PreActBlock(4, 6, stride=2, shortcut="A"),
    "preact bottleneck": lambda: PreActBottleneck(4, 2, stride=2),
    "se basic": lambda: SEBasicBlock(4, 4, attention=se),
    "se bottleneck": lambda: SEBottleneck(4, 2, attention=se),
    "se preact": lambda: SEPreActBlock(4, 4, attention=se),
    "se preact bottleneck": lambda: SEPreActBottleneck(4, 2, attention=se),
    "residual": lambda: ResidualBlock(4, hidden_channels=3),
    "parallel": lambda: Parallel(ConvBlock(4, 3), ConvBlock(4, 3, 1), join="cat"),
    "residual of parallel": lambda: Residual(Parallel(ConvBlock(4, 4), ConvBlock(4, 4, 1))),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_gradients_are_the_differences(name):
    channels = 8 if name == "bottleneck" else 4
    check_gradients(BLOCKS[name](), 2, channels, 3, 4)


def test_gradients_of_the_mlp():
    check_gradients(nn.Sequential(nn.Flatten(), ResidualMLP(5, 7)), 6, 5, 1, 1)


PAIRS = {
    "basic": (lambda **o: BasicBlock(4, 6, **o), lambda torch_blocks, **o: torch_blocks.basic(4, 6, **o)),
    "residual": (lambda **o: ResidualBlock(4, 6, hidden_channels=5, **o),
                 lambda torch_blocks, **o: torch_blocks.basic(4, 6, hidden=5, **o)),
    "bottleneck": (lambda **o: Bottleneck(4, 2, **o), lambda torch_blocks, **o: torch_blocks.bottleneck(4, 2, **o)),
    "resnext": (lambda **o: Bottleneck(4, 4, groups=2, base_width=32, **o),
                lambda torch_blocks, **o: torch_blocks.bottleneck(4, 4, groups=2, base_width=32, **o)),
    "preact": (lambda **o: PreActBlock(4, 6, **o),
               lambda torch_blocks, **o: torch_blocks.basic(4, 6, preactivated=True, **o)),
    "preact bottleneck": (lambda **o: PreActBottleneck(4, 2, **o),
                          lambda torch_blocks, **o: torch_blocks.bottleneck(4, 2, preactivated=True, **o)),
}


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("options", [
    {}, {"stride": 2}, {"shortcut": "A"}, {"stride": 2, "shortcut": "A", "pad": "both"},
    {"norm": "group"}, {"norm": "layer", "stride": 2}, {"norm": "none"}], ids=str)
def test_blocks_are_their_pytorch_counterparts(name, options):
    pytest.importorskip("torch")
    import torch_blocks
    ours, theirs = PAIRS[name]
    size = (7, 5) if options.get("stride") else (6, 6)
    check_counterpart(ours(**options), theirs(torch_blocks, **options), 3, 4, *size)


@pytest.mark.parametrize("name", ["basic", "bottleneck", "preact", "preact bottleneck"])
@pytest.mark.parametrize("stride", [1, 2])
def test_se_variants_are_their_pytorch_counterparts(name, stride):
    pytest.importorskip("torch")
    import torch_blocks
    ours, theirs = PAIRS[name]
    check_counterpart(ours(attention=se, stride=stride), theirs(torch_blocks, reduction=2, stride=stride), 3, 4, 6, 5)


def test_the_mlp_is_its_pytorch_counterpart():
    torch = pytest.importorskip("torch")
    import torch_blocks
    ours = nn.Sequential(nn.Flatten(), ResidualMLP(5, 7))
    check_counterpart(ours, torch.nn.Sequential(torch.nn.Flatten(), torch_blocks.ResidualMLP(5, 7)), 6, 5, 1, 1)


@pytest.mark.parametrize("block", [BasicBlock, Bottleneck, PreActBlock, PreActBottleneck, SEBasicBlock,
                                   SEBottleneck, SEPreActBlock, SEPreActBottleneck])
@pytest.mark.parametrize("shortcut", ["A", "B"])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_shapes(block, shortcut, stride):
    for size in ((8, 8), (7, 9), (1, 5)):
        y = block(16, 16, stride, shortcut=shortcut)(tensor(2, 16, *size))
        assert y.shape == (2, 16 * block.expansion, -(-size[0] // stride), -(-size[1] // stride))


# The shortcut -----------------------------------------------------------------------------------------------


def test_the_shortcut_follows_stride_and_channels():
    assert isinstance(make_shortcut(8, 8), nn.Identity)
    assert isinstance(make_shortcut(8, 8, 2, "A"), PadShortcut)
    assert isinstance(make_shortcut(8, 16, 1, "A"), PadShortcut)
    projection = make_shortcut(8, 16, 2)
    assert list(projection.state_dict()) == ["0.weight", "1.weight", "1.bias", "1.running_mean",
                                             "1.running_var", "1.num_batches_tracked"]
    assert isinstance(make_shortcut(8, 16, norm="group")[1], nn.GroupNorm)
    with pytest.raises(ValueError, match='pad: expected shortcut "A" beside pad=\'both\''):
        make_shortcut(8, 8, option="B", pad="both")
    with pytest.raises(ValueError, match='option "A".*or "B".*got \'C\''):
        make_shortcut(8, 8, 1, "C")


@pytest.mark.parametrize("pad, before", [("end", 0), ("both", 2)])
def test_option_a_pads_with_zeros(pad, before):
    x = tensor(2, 4, 5, 7)
    y = PadShortcut(4, 9, 2, pad)(x).array
    assert np.array_equal(y[:, before:before + 4], x.array[:, :, ::2, ::2])
    assert y.shape == (2, 9, 3, 4) and not y[:, :before].any() and not y[:, before + 4:].any()


def test_option_a_cannot_drop_channels():
    with pytest.raises(ValueError, match="at least 8 output channels, got 4"):
        BasicBlock(8, 4, shortcut="A")


BLOCKS_WITH_OPTIONS = [BasicBlock, Bottleneck, PreActBlock, PreActBottleneck, SEBasicBlock, SEBottleneck, ResidualBlock]


def shortcut_of_a_user(channels, stride=2):
    return nn.Sequential(nn.Conv2d(8, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))


@pytest.mark.parametrize("block", BLOCKS_WITH_OPTIONS)
def test_a_given_module_is_the_shortcut(block):
    given = shortcut_of_a_user(8 * block.expansion)
    ours = block(8, 8, 2, downsample=given)
    assert ours.downsample is given and block(8, 8, 2, given).downsample is given
    assert ours(tensor(2, 8, 6, 6)).shape == (2, 8 * block.expansion, 3, 3)
    assert [key for key in ours.state_dict() if key.startswith("downsample.0")] == ["downsample.0.weight"]
    same = block(8 * block.expansion, 8, downsample=nn.Tanh())                   # also where the shape agrees
    assert isinstance(same.downsample, nn.Tanh) and same(tensor(2, 8 * block.expansion, 3, 3)).shape[2] == 3


@pytest.mark.parametrize("block", BLOCKS_WITH_OPTIONS)
@pytest.mark.parametrize("options, error, message", [
    ({"downsample": nn.Identity(), "shortcut": "A"}, ValueError, "either downsample.*or shortcut and pad.*got both"),
    ({"downsample": nn.Identity(), "pad": "both"}, ValueError, "either downsample.*got both"),
    ({"downsample": "A"}, TypeError, "expected downsample to be a module or None, got 'A'.*shortcut=\"A\""),
    ({"shortcutt": "A"}, TypeError, "unknown option 'shortcutt', expected .*did you mean shortcut"),
    ({"inplace": True}, TypeError, "unknown option 'inplace', expected shortcut, pad, attention")],
    ids=["and shortcut", "and pad", "a name", "misspelt", "unknown"])
def test_wrong_options_are_told_by_the_block(block, options, error, message):
    with pytest.raises(error, match=message) as found:
        block(8, 8, **options)
    assert str(found.value).startswith(block.__name__) and "._" not in str(found.value)


# Options ----------------------------------------------------------------------------------------------------


def test_a_residual_block_by_its_shapes():
    same = ResidualBlock(6)
    assert (same.in_channels, same.out_channels, same.conv1.out_channels) == (6, 6, 6)
    block = ResidualBlock(6, 8, hidden_channels=3, stride=2)
    assert block.conv1.weight.shape == (3, 6, 3, 3) and block.conv2.weight.shape == (8, 3, 3, 3)
    assert block.conv1.stride == (2, 2) and block(tensor(2, 6, 5, 5)).shape == (2, 8, 3, 3)
    assert ResidualBlock(in_channels=6, out_channels=8)(tensor(2, 6, 5, 5)).shape == (2, 8, 5, 5)
    assert ResidualBlock(6, 6, 2)(tensor(2, 6, 5, 5)).shape == (2, 6, 3, 3)


@pytest.mark.parametrize("block", [BasicBlock, Bottleneck, PreActBlock, PreActBottleneck, SEBasicBlock])
@pytest.mark.parametrize("norm", ["batch", "group", "none"])
def test_zero_init_begins_as_the_shortcut(block, norm):
    ours = block(16 * block.expansion, 16, norm=norm, zero_init_residual=True)
    x = tensor(2, 16 * block.expansion, 4, 4)
    expected = x.array if block.preactivated else np.maximum(x.array, 0)
    assert np.array_equal(ours(x).array, expected)
    ours(x).sum().backward()
    last = [p for name, p in ours.named_parameters() if name.startswith(("conv", "bn")) and not p.array.any()]
    assert last and any(p.grad.array.any() for p in last)                     # and it can leave there


@pytest.mark.parametrize("block", [BasicBlock, Bottleneck, PreActBlock])
def test_stochastic_depth_drops_whole_samples(block):
    tinynet.manual_seed(3)
    ours = block(8, 8 // block.expansion, stochastic_depth=0.5)
    x = tensor(64, 8, 2, 2)
    y, expected = ours(x).array, x.array if block.preactivated else np.maximum(x.array, 0)
    dropped = [np.array_equal(a, b) for a, b in zip(y, expected)]
    assert 16 < sum(dropped) < 48
    tinynet.manual_seed(3)
    again = block(8, 8 // block.expansion, stochastic_depth=0.5)
    assert np.array_equal(again(x).array, y)
    ours.eval(), again.eval()
    again.drop = None
    again.load_state_dict(ours.state_dict())
    np.testing.assert_allclose(ours(x).array, again(x).array, rtol=1e-5, atol=1e-6)


def test_stochastic_depth_keeps_the_mean_and_its_gradient_the_mask():
    tinynet.manual_seed(0)
    drop = StochasticDepth(0.25)
    x = Tensor(np.ones((4000, 1, 2, 2), np.float32), requires_grad=True)
    y = drop(x)
    assert abs(y.array.mean() - 1) < 0.03 and set(np.unique(y.array)) == {np.float32(0), np.float32(1 / 0.75)}
    y.sum().backward()
    assert np.array_equal(x.grad.array, y.array)
    assert not StochasticDepth(1.0)(x).array.any() and StochasticDepth(0.0)(x) is x and drop.eval()(x) is x
    with pytest.raises(ValueError, match="got 1.5"):
        StochasticDepth(1.5)


def test_attention_may_be_chosen():
    assert isinstance(SEBasicBlock(16, 16).attention, SEBlock)
    assert isinstance(BasicBlock(8, 8, attention="self").attention, SelfAttention)
    assert BasicBlock(8, 8, attention="none").attention is None
    with pytest.raises(ValueError, match="attention: expected se, self, none.*got 'see'"):
        BasicBlock(8, 8, attention="see")
    assert SEBasicBlock(8, 8).attention.reduction == 8 and SEBasicBlock(64, 64).attention.reduction == 16
    with pytest.raises(ValueError, match="SEBlock: expected a reduction from 1 to 8, the number of channels, got 16"):
        SEBlock(8, reduction=16)


def test_batch_norm_relu_and_addition_stay_one_operation():
    found, todo = [], [BasicBlock(4, 4)(tensor(2, 4, 4, 4)).grad_fn]
    while todo:
        node = todo.pop()
        found.append(node.name)
        todo += [edge[0] for edge in node.edges if edge]
    operations = [name for name in found if not name.startswith("Accumulate")]
    assert sorted(operations) == ["BatchNormBackward"] * 2 + ["Conv2dBackward"] * 2


# Errors -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["basic", "bottleneck", "preact", "preact bottleneck", "se basic"])
def test_wrong_channels_name_block_path_and_shapes(name):
    channels = 8 if name == "bottleneck" else 4
    block = BLOCKS[name]()
    model = nn.Sequential({"stem": ConvBlock(3, 5), "layer2": nn.Sequential(nn.Identity(), block)})
    with pytest.raises(ValueError) as error:
        model(tensor(2, 3, 8, 8))
    title = f"{type(block).__name__}({channels} -> {block.out_channels})"
    assert str(error.value) == f"layer2.1: {title}: expected input (N, {channels}, H, W), got (2, 5, 8, 8)"


@pytest.mark.parametrize("block", [BasicBlock, PreActBlock])
def test_a_shortcut_that_does_not_fit_names_path_and_both_shapes(block):
    model = nn.Sequential({"layer2": nn.Sequential(block(4, 8, stride=2))})
    model.layer2[0].downsample = nn.Conv2d(4, 8, 1)
    with pytest.raises(ValueError) as error:
        model(tensor(2, 4, 8, 8))
    for told in "layer2.0: ", block.__name__, "(2, 8, 4, 4)", "downsample gives (2, 8, 8, 8)":
        assert told in str(error.value)
    model.layer2[0].downsample = PadShortcut(6, 8, 2)
    with pytest.raises(ValueError, match=r"layer2\.0\.downsample: PadShortcut\(6 -> 8\): .*\(2, 4, 8, 8\)"):
        model(tensor(2, 4, 8, 8))


def test_the_mlp_refuses_other_rows():
    with pytest.raises(ValueError, match=r"ResidualMLP\(5\): expected input \(N, 5\), got \(2, 4\)"):
        ResidualMLP(5)(Tensor(np.zeros((2, 4), np.float32)))


# Training ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["basic", "preact B", "se bottleneck", "residual of parallel"])
def test_sharing(name):
    block = {"basic": lambda: BasicBlock(4, 4), "preact B": lambda: PreActBlock(4, 4),
             "se bottleneck": lambda: SEBottleneck(8, 2, attention=se),
             "residual of parallel": lambda: Residual(Parallel(ConvBlock(4, 4), ConvBlock(4, 4, 1)))}[name]()
    check_sharing(block, 2, 8 if name == "se bottleneck" else 4, 5, 5)


@pytest.mark.parametrize("make", [
    lambda: BasicBlock(8, 16, 2), lambda: Bottleneck(8, 4, 2, shortcut="A"), lambda: PreActBlock(8, 16, 2),
    lambda: PreActBottleneck(8, 4, 2), lambda: SEBasicBlock(8, 16, 2), lambda: SEBottleneck(8, 4, 2),
    lambda: BasicBlock(8, 16, 2, norm="group", stochastic_depth=0.2), lambda: ResidualBlock(8, 16, stride=2),
    lambda: Residual(ConvBlock(8, 16), shortcut=ConvBlock(8, 16, 1, activation="none"))],
    ids=["basic", "bottleneck", "preact", "preact bottleneck", "se", "se bottleneck", "group", "own", "any"])
def test_it_learns_shapes(make):
    losses = losses_on_shapes(make(), 16)
    assert losses[-1] < 0.95 * losses[0]


# Composition ------------------------------------------------------------------------------------------------


def test_parallel_adds_and_concatenates():
    x = tensor(2, 3, 4, 4)
    a, b = nn.Conv2d(3, 5, 1), nn.Conv2d(3, 5, 3, padding=1)
    assert np.allclose(Parallel(a, b)(x).array, a(x).array + b(x).array)
    both = Parallel({"near": a, "far": b}, join="cat")
    assert np.array_equal(both(x).array, np.concatenate([a(x).array, b(x).array], 1))
    assert list(both.state_dict()) == ["near.weight", "near.bias", "far.weight", "far.bias"]
    rows = Parallel(nn.Linear(3, 2), nn.Linear(3, 4), join="cat", dim=-1)
    assert rows(Tensor(np.zeros((5, 7, 3), np.float32))).shape == (5, 7, 6)
    assert Parallel(a)(x).shape == (2, 5, 4, 4)
    for listed in [a, b], (a, b), nn.ModuleList([a, b]):
        assert np.array_equal(Parallel(listed)(x).array, Parallel(a, b)(x).array)


def test_branches_that_do_not_match_are_told_with_their_shapes():
    x = tensor(2, 3, 4, 4)
    branches = nn.Conv2d(3, 5, 1), nn.Conv2d(3, 5, 1, stride=2)
    wrong = nn.Sequential(nn.Identity(), Parallel(*branches, join="cat"))
    with pytest.raises(ValueError) as error:
        wrong(x)
    assert str(error.value) == ("1: Parallel: expected branches that match, but 0 gives (2, 5, 4, 4), "
                                "1 gives (2, 5, 2, 2)")
    with pytest.raises(ValueError, match=r"branch gives \(2, 5, 4, 4\), shortcut gives \(2, 3, 4, 4\)"):
        Residual(nn.Conv2d(3, 5, 1))(x)
    with pytest.raises(ValueError, match='"sum" or "cat"'):
        Parallel(nn.Identity(), join="add")
    with pytest.raises(ValueError, match="at least one branch"):
        Parallel()
    with pytest.raises(TypeError, match="Module"):
        Parallel(np.tanh)


def test_residual_takes_any_module():
    rows = Tensor(np.random.default_rng(0).standard_normal((4, 6)).astype(np.float32))
    block = Residual(nn.Sequential(nn.LayerNorm(6), nn.Linear(6, 6), nn.GELU()))
    assert np.allclose(block(rows).array, rows.array + block.branch(rows).array)
    projected = Residual(nn.Linear(6, 3), shortcut=nn.Linear(6, 3))
    assert projected(rows).shape == (4, 3)
