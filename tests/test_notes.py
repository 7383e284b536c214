"""docs/notes.md: every item of the notes leads to names and places that exist; and the notes' own code runs.

The signatures below are those of the notes; the test of each is named for its item.
"""

import pathlib
import re
import types

import pytest

import tinynet
from tinynet import models, nn
from tinynet.nn import functional as F
from tinynet.nn.blocks import BasicBlock, Bottleneck, ResidualBlock, SEBlock

PAGE = pathlib.Path(__file__).parents[1] / "docs/notes.md"
ROW = re.compile(r"^\| ([IV]+\.\d+ [^|]+) \| (.*?) \| (`.*?) \| (\[.*?) \|$", re.MULTILINE)
ROWS = ROW.findall(PAGE.read_text(encoding="utf-8"))
PARTS = {"I": 6, "II": 7, "III": 7, "IV": 11, "V": 9}          # how many parts each note has


def test_every_part_of_every_note_is_there():
    listed = {item.split()[0] for item, *_ in ROWS}
    assert listed == {f"{note}.{i + 1}" for note, count in PARTS.items() for i in range(count)}
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"\| [IV]+\.", line)]
    assert len(ROWS) == len(lines), "a row that does not read as item, what, code, book"


@pytest.mark.parametrize("item, what, code, book", ROWS, ids=[f"{row[0]} {i}" for i, row in enumerate(ROWS)])
def test_the_names_of_an_item_exist(item, what, code, book):
    """Links and headings are checked by tests/test_docs.py, for all pages."""
    names = re.findall(r"`([\w.]+)`", code)
    assert names and "](" in book
    for name in names:
        found = tinynet
        for part in name.split("."):
            found = getattr(found, part)


# The notes' code -------------------------------------------------------------------------------------------------


def halving(channels, out_channels):
    return nn.Sequential(nn.Conv2d(channels, out_channels, 1, stride=2, bias=False), nn.BatchNorm2d(out_channels))


def test_I_4_basic_block():
    class Written(nn.Module):
        expansion = 1

        def __init__(self, in_channels, out_channels, stride=1, downsample=None):
            super().__init__()
            self.conv1 = nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(out_channels)
            self.conv2 = nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(out_channels)
            self.relu = nn.ReLU(inplace=True)
            self.downsample = downsample

        def forward(self, x):
            identity = x
            out = self.relu(self.bn1(self.conv1(x)))
            out = self.bn2(self.conv2(out))
            if self.downsample is not None:
                identity = self.downsample(x)
            out += identity
            return self.relu(out)

    x = tinynet.randn(2, 8, 6, 6)
    by_hand = Written(8, 16, stride=2, downsample=halving(8, 16))
    for block in (BasicBlock(8, 16, stride=2, downsample=halving(8, 16)), BasicBlock(8, 16, 2, halving(8, 16))):
        block.load_state_dict(by_hand.state_dict())
        assert tinynet.allclose(block(x), by_hand(x), atol=1e-5)
    assert BasicBlock.expansion == Written.expansion == 1
    assert BasicBlock(in_channels=8, out_channels=8, stride=1, downsample=None)(x).shape == Written(8, 8)(x).shape


def test_I_5_se_block():
    class Written(nn.Module):
        def __init__(self, channels, reduction=16):
            super().__init__()
            self.pool = nn.AdaptiveAvgPool2d(1)
            self.fc = nn.Sequential(nn.Linear(channels, channels // reduction, bias=False), nn.ReLU(inplace=True),
                                    nn.Linear(channels // reduction, channels, bias=False), nn.Sigmoid())

        def forward(self, x):
            b, c, _, _ = x.size()
            y = self.pool(x).view(b, c)
            y = self.fc(y).view(b, c, 1, 1)
            return x * y

    by_hand, block, x = Written(32), SEBlock(32, reduction=16), tinynet.randn(2, 32, 4, 4)
    block.load_state_dict(by_hand.state_dict())
    assert tinynet.allclose(block(x), by_hand(x), atol=1e-6)


def test_II_5_residual_block():
    class Written(nn.Module):
        def __init__(self, in_channels, hidden_channels=None, stride=1):
            super().__init__()
            hidden_channels = hidden_channels or in_channels
            self.net = nn.Sequential(
                nn.Conv2d(in_channels, hidden_channels, kernel_size=3, stride=stride, padding=1, bias=False),
                nn.BatchNorm2d(hidden_channels), nn.ReLU(inplace=True),
                nn.Conv2d(hidden_channels, in_channels, kernel_size=3, padding=1, bias=False),
                nn.BatchNorm2d(in_channels))
            same = stride == 1 and in_channels == hidden_channels
            self.shortcut = nn.Identity() if same else nn.Sequential(
                nn.Conv2d(in_channels, in_channels, kernel_size=1, stride=stride, bias=False),
                nn.BatchNorm2d(in_channels))
            self.activation = nn.ReLU(inplace=True)

        def forward(self, x):
            out = self.net(x)
            identity = self.shortcut(x)
            return self.activation(out + identity)

    wide, narrow = tinynet.randn(2, 128, 8, 8), tinynet.randn(2, 64, 8, 8)
    for kind in Written, ResidualBlock:
        assert kind(64)(narrow).shape == (2, 64, 8, 8)
        assert kind(128, hidden_channels=128, stride=2)(wide).shape == (2, 128, 4, 4)
        assert kind(128, 128, 2)(wide).shape == (2, 128, 4, 4)
    by_hand, block = Written(64), ResidualBlock(64)
    keys = {"net.0": "conv1", "net.1": "bn1", "net.3": "conv2", "net.4": "bn2"}
    block.load_state_dict({keys[key[:5]] + key[5:]: value for key, value in by_hand.state_dict().items()})
    assert tinynet.allclose(block(narrow), by_hand(narrow), atol=1e-5)


def test_III_5_bottleneck_block():
    downsample = nn.Sequential(nn.Conv2d(256, 256, 1, stride=2, bias=False), nn.BatchNorm2d(256))
    block = Bottleneck(256, 64, stride=2, downsample=downsample)
    assert block.downsample is downsample and block.expansion == 4
    assert block(tinynet.randn(1, 256, 4, 4)).shape == (1, 256, 2, 2)
    assert Bottleneck(in_channels=256, mid_channels=64)(tinynet.randn(1, 256, 4, 4)).shape == (1, 256, 4, 4)

    class Wider(Bottleneck):
        expansion = 2

    assert Wider(32, 16)(tinynet.randn(1, 32, 4, 4)).shape == (1, 32, 4, 4)


def test_IV_3_custom_block():
    from tinynet.nn.blocks.attention import SelfAttention
    from tinynet.nn.blocks.conv import ConvBlock
    from tinynet.nn.blocks.residual import ResidualBlock

    class CustomBlock(nn.Module):
        def __init__(self, in_channels, out_channels):
            super().__init__()
            self.conv = ConvBlock(in_channels, out_channels)
            self.attention = SelfAttention(out_channels)
            self.residual = ResidualBlock(out_channels)

        def forward(self, x):
            x = self.conv(x)
            x = self.attention(x)
            x = self.residual(x)
            return x

    y = CustomBlock(3, 8)(tinynet.randn(2, 3, 6, 6))
    assert y.shape == (2, 8, 6, 6)
    y.sum().backward()


def test_IV_4_feature_extractor():
    class Written(nn.Module):
        def __init__(self, config):
            super().__init__()
            self.stages = nn.ModuleList([self._make_stage(config, i) for i in range(config.num_stages)])

        def _make_stage(self, config, stage_idx):
            layers = []
            for _ in range(config.blocks_per_stage[stage_idx]):
                layers.append(ResidualBlock(in_channels=config.channels[stage_idx],
                                            out_channels=config.channels[stage_idx + 1]))
            return nn.Sequential(*layers)

    config = types.SimpleNamespace(num_stages=2, blocks_per_stage=[1, 1], channels=[3, 8, 16])
    by_hand, ours, x = Written(config), models.FeatureExtractor(config), tinynet.randn(2, 3, 6, 6)
    for stage, name in zip(by_hand.stages, ours.network.stages):
        getattr(ours.network, name).load_state_dict(stage.state_dict())
    for stage, maps in zip(by_hand.stages, ours(x)):
        x = stage(x)
        assert tinynet.allclose(maps, x, atol=1e-5)


def test_V_1_to_V_3_shortcuts():
    x = tinynet.randn(2, 64, 56, 56)
    sliced = x[:, :, ::2, ::2]
    assert sliced.size() == (2, 64, 28, 28)
    batch, channels, height, width = sliced.size()
    zeros = tinynet.zeros(batch, 128 - channels, height, width, dtype=sliced.dtype, device=sliced.device)
    padded = tinynet.cat([sliced, zeros], dim=1)
    assert padded.size() == (2, 128, 28, 28) and tinynet.equal(padded, F.pad(sliced, (0, 0, 0, 0, 0, 64)))
    assert halving(64, 128)(x).size() == (2, 128, 28, 28)


@pytest.mark.parametrize("block, depths, out", [(BasicBlock, [2, 2], 16), (Bottleneck, [2, 1], 64)])
def test_V_8_channel_state(block, depths, out):
    class Network(nn.Module):
        update = True

        def __init__(self):
            super().__init__()
            self.in_channels = 8
            self.layer1, self.layer2 = self.make_layer(8, depths[0], 1), self.make_layer(16, depths[1], 2)

        def make_layer(self, channels, count, stride):
            layers = []
            layers.append(block(self.in_channels, channels, stride))
            if self.update:
                self.in_channels = channels * block.expansion
            for _ in range(1, count):
                layers.append(block(self.in_channels, channels))
            return nn.Sequential(*layers)

        def forward(self, x):
            return self.layer2(self.layer1(x))

    x = tinynet.randn(2, 8, 6, 6)
    assert Network()(x).shape == (2, out, 3, 3)
    Network.update = False
    with pytest.raises(ValueError, match=r"layer\d.\d: \w+\(8 -> \d+\): expected input \(N, 8, H, W\), got"):
        Network()(x)


def test_V_9_classifier():
    maps = tinynet.randn(2, 512, 7, 7)
    vectors = tinynet.flatten(nn.AdaptiveAvgPool2d((1, 1))(maps), 1)
    assert vectors.shape == (2, 512) and nn.Linear(512, 1000)(vectors).shape == (2, 1000)
