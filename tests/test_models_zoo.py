"""All networks by name and from configuration: counts, keys, forward passes, feature maps, clear errors."""

import json
import types

import numpy as np
import pytest
from blocks import images

import tinynet
from tinynet import models, nn
from tinynet.kernels.machine import layout
from tinynet.nn import functional as F
from tinynet.nn.blocks import SEBlock
from tinynet.tensor import Tensor

QUICK = {"resnet18": 11_689_512, "resnet34": 21_797_672, "resnet50": 25_557_032,
         "resnext50_32x4d": 25_028_904, "googlenet": 7_005_832,
         "se_resnet20": 271_738, "preact_resnet20": 269_722, "preact_resnet110": 1_727_962}
LARGE = {"resnet101": 44_549_160, "resnet152": 60_192_808, "resnext101_32x8d": 88_791_336,
         "wide_resnet50_2": 68_883_240, "wide_resnet101_2": 126_886_696, "se_resnet50": 28_071_976}
CIFAR = [name for name in models.MODELS if name.removeprefix("se_").removeprefix("preact_") in
         ("resnet8", "resnet14", "resnet20", "resnet32", "resnet44", "resnet56", "resnet110")]


def count(model):
    return sum(p.numel() for p in model.parameters())


def pictures(n, size, seed=0):
    return Tensor(images(n, 3, size, size, seed=seed, dtype=np.float32))


@pytest.mark.parametrize("name", QUICK)
def test_parameter_counts(name):
    assert count(models.create(name)) == QUICK[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_parameter_counts_of_large_networks(name):
    assert count(models.create(name)) == LARGE[name]


def test_googlenet_without_norms_has_the_published_count():
    assert count(models.googlenet(norm="none")) == 6_998_552


# Keys -------------------------------------------------------------------------------------------------------


def torchvision_keys(convolutions, depths, first_projects):
    """torchvision's state_dict keys: so many convolutions a block, a projection in a stage's first block."""
    norm = "weight", "bias", "running_mean", "running_var", "num_batches_tracked"
    keys = ["conv1.weight", *(f"bn1.{name}" for name in norm)]
    for stage, depth in enumerate(depths, start=1):
        for block in range(depth):
            path = f"layer{stage}.{block}"
            for i in range(1, convolutions + 1):
                keys += [f"{path}.conv{i}.weight", *(f"{path}.bn{i}.{name}" for name in norm)]
            if block == 0 and (stage > 1 or first_projects):
                keys += [f"{path}.downsample.0.weight", *(f"{path}.downsample.1.{name}" for name in norm)]
    return [*keys, "fc.weight", "fc.bias"]


SHAPES = {
    "resnet18": (2, [2, 2, 2, 2], False, {"layer4.0.downsample.0.weight": (512, 256, 1, 1)}),
    "resnet34": (2, [3, 4, 6, 3], False, {"layer3.5.conv2.weight": (256, 256, 3, 3)}),
    "resnet50": (3, [3, 4, 6, 3], True, {"fc.weight": (1000, 2048)}),
    "resnext50_32x4d": (3, [3, 4, 6, 3], True, {"layer1.0.conv2.weight": (128, 4, 3, 3)}),
}
LARGE_SHAPES = {
    "resnet101": (3, [3, 4, 23, 3], True, {"layer3.22.conv3.weight": (1024, 256, 1, 1)}),
    "resnet152": (3, [3, 8, 36, 3], True, {"layer3.35.bn3.weight": (1024,)}),
    "resnext101_32x8d": (3, [3, 4, 23, 3], True, {"layer1.0.conv2.weight": (256, 8, 3, 3)}),
    "wide_resnet50_2": (3, [3, 4, 6, 3], True, {"layer4.2.conv2.weight": (1024, 1024, 3, 3)}),
    "wide_resnet101_2": (3, [3, 4, 23, 3], True, {"layer1.0.conv1.weight": (128, 64, 1, 1)}),
}


def check_keys(name, convolutions, depths, first_projects, shapes):
    model = models.create(name)
    state = model.state_dict()
    assert list(state) == torchvision_keys(convolutions, depths, first_projects)
    assert state["conv1.weight"].shape == (64, 3, 7, 7)
    for key, shape in shapes.items():
        assert state[key].shape == shape
    for stage in (model.layer2, model.layer3, model.layer4):                 # the stride is on the 3x3
        strides = [conv.stride for key, conv in stage[0].named_children() if key.startswith("conv")]
        assert strides == ([(2, 2), (1, 1)] if convolutions == 2 else [(1, 1), (2, 2), (1, 1)])


@pytest.mark.parametrize("name", SHAPES)
def test_keys_are_torchvisions(name):
    check_keys(name, *SHAPES[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE_SHAPES)
def test_keys_of_large_networks_are_torchvisions(name):
    check_keys(name, *LARGE_SHAPES[name])


# Forward passes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in CIFAR if "110" not in name])
def test_cifar_networks_give_logits_and_gradients(name):
    model = models.create(name, num_classes=7)
    y = model(pictures(2, 32))
    assert y.shape == (2, 7)
    y.sum().backward()
    assert all(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize("name, size", [("resnet18", 64), ("resnext50_32x4d", 33), ("googlenet", 64)])
def test_imagenet_networks_give_logits(name, size):
    model = models.create(name, num_classes=5).eval()
    with tinynet.no_grad():
        assert model(pictures(1, size)).shape == (1, 5)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in models.MODELS if name not in [*CIFAR, "vit_small32", "airbench94"]])
def test_all_imagenet_networks_at_their_size(name):
    with tinynet.no_grad():
        y = models.create(name).eval()(pictures(1, 224)).array
    assert y.shape == (1, 1000) and np.isfinite(y).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet110", "preact_resnet110"])
def test_the_deep_cifar_networks(name):
    assert models.create(name)(pictures(2, 32)).shape == (2, 10)


def test_preact_resnet_has_no_norm_before_and_one_behind_its_stages():
    model = models.preact_resnet20()
    assert model.bn1.num_features == 64
    x = pictures(2, 32)
    model.eval()
    maps = model.body(model.conv1(x))
    assert np.array_equal(model(x).array, model.head(F.relu(model.bn1(maps))).array)


def test_no_activation_is_copied_for_its_layout():
    for name in ("se_resnet20", "preact_resnet20"):
        model, x = models.create(name), pictures(4, 32)
        model(x).sum().backward()
        before = layout.count
        model(x).sum().backward()
        assert layout.count == before, name


def test_zero_init_and_stochastic_depth_reach_the_blocks():
    model = models.resnet20(zero_init_residual=True, stochastic_depth=0.9)
    assert not any(model.layer2[i].bn2.weight.array.any() for i in range(3))
    rates = [block.drop.p for stage in (model.layer1, model.layer2, model.layer3) for block in stage]
    assert np.allclose(rates, np.arange(1, 10) / 10)
    assert models.preact_resnet20(zero_init_residual=True).layer1[0].conv2.weight.array.any() == np.False_


def test_norms_for_small_batches():
    model = models.resnet8(norm="group")
    assert not [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    alone, both = pictures(2, 32).array[:1], pictures(2, 32)
    assert np.allclose(model(Tensor(alone)).array, model(both).array[:1], atol=1e-5)


def test_transfer_learning_takes_three_lines():
    model = models.resnet8()
    model.requires_grad_(False)
    model.fc = nn.Linear(model.fc.in_features, 3)
    model(pictures(2, 32)).sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is not None] == ["fc.weight", "fc.bias"]


def test_unknown_names():
    with pytest.raises(ValueError, match="resnext50_32x4d"):
        models.create("resnext50_32x4")


def test_wrong_input_names_the_place():
    with pytest.raises(ValueError, match=r"conv1: Conv2d\(3 -> 16\): .*got \(2, 1, 32, 32\)"):
        models.resnet8()(Tensor(images(2, 1, 32, 32, dtype=np.float32)))
    model = models.resnet18()
    model.layer2 = models.resnet18().layer3
    told = r"layer2\.0: BasicBlock\(128 -> 256\): expected input \(N, 128, H, W\), got \(1, 64, 8, 8\)"
    with pytest.raises(ValueError, match=told):
        model(pictures(1, 32))


# Configuration ----------------------------------------------------------------------------------------------


RESNET20 = {"stem": "cifar", "block": "basic", "blocks": [3, 3, 3], "channels": [16, 32, 64], "shortcut": "A",
            "norm": "batch", "attention": "none", "head": {"num_classes": 10}}


def test_resnet20_from_its_description():
    model, named = models.build(RESNET20), models.resnet20()
    assert list(model.state_dict()) == list(named.state_dict())
    model.load_state_dict(named.state_dict())
    x = pictures(2, 32)
    assert np.array_equal(model.eval()(x).array, named.eval()(x).array)
    assert RESNET20["head"] == {"num_classes": 10}                # the caller's own is left as it was


def test_from_a_file(tmp_path):
    path = tmp_path / "net.json"
    path.write_text(json.dumps({**RESNET20, "blocks": [1, 1, 1], "attention": "se", "reduction": 8}), encoding="utf-8")
    model = models.create(str(path), num_classes=4)
    assert model.fc.out_features == 4 and model.layer1[0].attention.reduction == 8
    assert len([m for m in model.modules() if isinstance(m, SEBlock)]) == 3
    assert models.build(path).fc.out_features == 10


@pytest.mark.parametrize("changes, kind", [
    ({"block": "bottleneck", "groups": 4, "base_width": 16}, "Bottleneck"),
    ({"block": "preact"}, "PreActBlock"),
    ({"block": "preact_bottleneck", "shortcut": "B"}, "PreActBottleneck"), ({"norm": "group"}, "BasicBlock"),
    ({"norm": "none", "stem": "imagenet"}, "BasicBlock"), ({"attention": "self"}, "BasicBlock"),
    ({"stochastic_depth": 0.1, "zero_init_residual": True}, "BasicBlock"),
    ({"head": {"dropout": 0.5, "num_classes": 10}}, "BasicBlock"),
    ({"channels": [8, 24, 40], "pad": "both"}, "BasicBlock"),
    ({"blocks": [1], "channels": [8]}, "BasicBlock"),
    ({"norm": lambda c: nn.GroupNorm(2, c), "attention": lambda c: SEBlock(c, 2)}, "BasicBlock")], ids=str)
def test_what_can_be_described(changes, kind):
    model = models.build({**RESNET20, "blocks": [1, 1, 1], **changes})
    assert type(model.layer1[0]).__name__ == kind
    y = model(pictures(2, 32))
    assert y.shape == (2, 10)
    y.sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_a_network_without_head_gives_features():
    assert models.build({**RESNET20, "head": "none"})(pictures(2, 32)).shape == (2, 64)
    assert models.build({**RESNET20, "head": "none"}, num_classes=3)(pictures(2, 32)).shape == (2, 3)


@pytest.mark.parametrize("changes, message", [
    ({"chanels": [1]}, r"config: unknown key 'chanels', expected stem.*; did you mean channels\?"),
    ({"block": "botleneck"}, r"config: block: expected one of .*'botleneck'; did you mean bottleneck\?"),
    ({"norm": "grup"}, r"config: norm: expected one of batch, .*got 'grup'; did you mean group\?"),
    ({"shortcut": "C"}, "config: shortcut: expected one of A, B, got 'C'"),
    ({"blocks": [3, 0, 3]}, r"config: blocks: expected a list of 1 to 100 positive integers.*got \[3, 0, 3\]"),
    ({"blocks": 3}, "config: blocks: expected a list"),
    ({"blocks": [3, True, 3]}, "config: blocks: expected a list"),
    ({"channels": [16, 32]}, r"config: channels: expected one number for each of the 3 .*got \[16, 32\]"),
    ({"groups": 2}, "config: groups and base_width: expected 1 and 64, as block 'basic' has no others"),
    ({"stochastic_depth": 1}, "config: stochastic_depth: expected a number from 0 to below 1, got 1"),
    ({"zero_init_residual": "yes"}, "config: zero_init_residual: expected true or false, got 'yes'"),
    ({"head": 10}, 'config: head: expected "none" or an object with num_classes, dropout, got 10'),
    ({"head": {"classes": 10}}, r"config: head: unknown key 'classes', .*; did you mean num_classes\?"),
    ({"head": {"num_classes": -1}}, "config: head: num_classes: expected a positive integer, at most 100,000, got -1"),
    ({"attention": ["se"]}, r"config: attention: expected one of none, se, self, got \['se'\]"),
    ({"channels": [32, 16, 8]}, 'config: shortcut: expected "B" where a stage has fewer channels than the one before'),
    ({"shortcut": "B", "pad": "both"}, 'config: pad: expected "end" with shortcut "B"'),
    ({"attention": "se", "channels": [8, 16, 32], "reduction": 16}, "config: reduction: expected at most 8"),
    ({"reduction": 8}, 'config: reduction: expected attention "se" beside it, got \'none\''),
    ({"strides": [1, 2]}, "config: strides: expected one number for each of the 3 stages")], ids=str)
def test_mistakes_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        models.build({**RESNET20, **changes})


def test_mistakes_in_files_name_the_file(tmp_path):
    path = tmp_path / "net.json"
    with pytest.raises(FileNotFoundError, match="net.json"):
        models.create(str(path))
    for text, message in (
            ("{", "net.json: it is not JSON"),
            ("[1]", r"net.json: expected an object .*got \[1\]"),
            ('{"channels": [1]}', "net.json: blocks: expected a list .*got nothing"),
            ('{"blocks": [1], "channels": [8], "norm": "bach"}', "net.json: norm: .*did you mean batch")):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=message):
            models.build(path)


# Feature maps -----------------------------------------------------------------------------------------------


def test_maps_of_each_stage():
    config = {"num_stages": 3, "blocks_per_stage": 2, "channels": [16, 32, 64], "stem": "cifar"}
    extractor = models.FeatureExtractor(config)
    maps = extractor(pictures(2, 33))
    assert [m.shape for m in maps] == [(2, 16, 33, 33), (2, 32, 17, 17), (2, 64, 9, 9)]
    blocks = [block for stage in extractor.network.stages for block in getattr(extractor.network, stage)]
    assert len(blocks) == 6
    assert [b.in_channels for b in blocks] == [16, 16, 16, 32, 32, 64]
    assert [b.out_channels for b in blocks] == [16, 16, 32, 32, 64, 64]
    sum(m.sum() for m in maps).backward()
    assert all(p.grad is not None for p in extractor.parameters())


def test_settings_by_name_and_networks_with_preactivated_blocks():
    extractor = models.FeatureExtractor(num_stages=2, blocks_per_stage=[1, 2], channels=[8, 8], stem="cifar",
                                        block="preact")
    assert [m.shape for m in extractor(pictures(1, 8))] == [(1, 8, 8, 8), (1, 8, 4, 4)]
    maps = models.FeatureExtractor(RESNET20)(pictures(1, 16))
    assert [m.shape for m in maps] == [(1, 16, 16, 16), (1, 32, 8, 8), (1, 64, 4, 4)]


class Described:
    """The configuration of the notes: an object with attributes, the channels of the input first."""

    num_stages = 2
    blocks_per_stage = [2, 1]
    channels = [3, 16, 32]


@pytest.mark.parametrize("config", [
    Described, Described(), vars(types.SimpleNamespace(num_stages=2, blocks_per_stage=[2, 1], channels=[3, 16, 32])),
    types.SimpleNamespace(num_stages=2, blocks_per_stage=(2, 1), channels=(3, 16, 32), learning_rate=0.1)],
    ids=["class", "object", "dict", "namespace"])
def test_a_configuration_of_the_notes(config):
    extractor = models.FeatureExtractor(config)
    assert [m.shape for m in extractor(pictures(2, 9))] == [(2, 16, 9, 9), (2, 32, 9, 9)]
    blocks = [block for stage in extractor.network.stages for block in getattr(extractor.network, stage)]
    assert [(b.in_channels, b.out_channels) for b in blocks] == [(3, 16), (16, 16), (16, 32)]


def test_a_stem_and_strides_beside_the_channels_of_the_input():
    described = {"num_stages": 2, "blocks_per_stage": 1, "channels": [1, 16, 32]}
    maps = models.FeatureExtractor(described, stem="cifar")(tinynet.randn(1, 1, 8, 8))
    assert [m.shape for m in maps] == [(1, 16, 8, 8), (1, 32, 4, 4)]
    maps = models.FeatureExtractor(described, strides=[2, 1])(tinynet.randn(1, 1, 8, 8))
    assert [m.shape for m in maps] == [(1, 16, 4, 4), (1, 32, 4, 4)]


def test_maps_from_inside_a_network():
    model = models.resnet8().eval()
    extractor = models.FeatureExtractor.from_model(model, ["layer2", "layer1.0.conv1", "fc"])
    x = pictures(2, 32)
    stage, conv, logits = extractor(x)
    assert stage.shape == (2, 32, 16, 16) and np.array_equal(logits.array, model(x).array)
    assert np.array_equal(conv.array, model.layer1[0].conv1(F.relu(model.bn1(model.conv1(x)))).array)
    assert not model.layer2._forward_hooks and count(extractor) == count(model)


@pytest.mark.parametrize("make, message", [
    (lambda: models.FeatureExtractor.from_model(models.resnet8(), ["layr2"]), "no module 'layr2'; .*layer2"),
    (lambda: models.FeatureExtractor(num_stages=3, blocks_per_stage=1, channels=[8, 16]),
     r"config: channels: expected 3 numbers, one a stage, or one more, .*got \[8, 16\]"),
    (lambda: models.FeatureExtractor(types.SimpleNamespace(chanels=[8], num_stages=1)), "did you mean channels"),
    (lambda: models.FeatureExtractor(num_stages=2, blocks_per_stage=[1], channels=[8, 8, 8]),
     r"config: blocks_per_stage: expected a positive integer or a list of 2, one a stage, got \[1\]"),
    (lambda: models.FeatureExtractor(num_stages=0, channels=[8]), "config: num_stages: expected a positive integer"),
    (lambda: models.FeatureExtractor(blocks=[1], blocks_per_stage=1, channels=[8]), "mean the same, got both"),
    (lambda: models.FeatureExtractor(blocks_per_stage=1, chanels=[8]), "chanels"),
    (lambda: models.FeatureExtractor(channels=[8]), "config: blocks: expected .*got nothing")])
def test_mistakes_in_feature_extractors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_module_that_takes_no_part():
    class Lazy(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.unused = nn.Identity(), nn.Identity()

        def forward(self, x):
            return self.used(x)

    with pytest.raises(ValueError, match="unused took no part"):
        models.FeatureExtractor.from_model(Lazy(), ["used", "unused"])(pictures(1, 4))
