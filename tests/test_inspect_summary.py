"""tinynet.summary: published counts, functional calls, memory, and that nothing is disturbed."""

import numpy as np
import pytest

import tinynet
from tinynet import models, nn
from tinynet.cli import main
from tinynet.nn import functional as F
from tinynet.nn.blocks import BasicBlock, MultiheadAttention, SelfAttention
from tinynet.tensor import Tensor

PUBLISHED = {"resnet18": (11_689_512, 1.81), "resnet34": (21_797_672, 3.66), "resnet50": (25_557_032, 4.09),
             "resnext50_32x4d": (25_028_904, 4.23)}
LARGE = {"resnet101": (44_549_160, 7.80), "wide_resnet50_2": (68_883_240, 11.40)}


def check(name, parameters, giga):
    total = tinynet.summary(models.create(name), (3, 224, 224))
    assert total.parameters == parameters
    assert abs(total.multiply_adds / 1e9 - giga) <= 0.0101        # two digits, rounded or cut off


@pytest.mark.parametrize("name", ["resnet18", "resnext50_32x4d"])
def test_published_counts(name):
    check(name, *PUBLISHED[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", [*PUBLISHED, *LARGE])
def test_published_counts_of_all(name):
    check(name, *{**PUBLISHED, **LARGE}[name])


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, padding=1)
        self.unused = nn.Linear(3, 3)

    def forward(self, x):
        y = F.relu(self.conv(x))
        return F.conv2d(y, self.conv.weight.transpose(0, 1), padding=1) + F.dropout(x, 0.5, self.training)


def test_functional_calls_count_for_the_module_that_made_them():
    total = tinynet.summary(Net(), (2, 5, 5))
    net, conv, unused = total.layers
    assert conv.multiply_adds == 4 * 25 * 2 * 9
    assert net.multiply_adds == total.multiply_adds == 2 * conv.multiply_adds
    assert conv.shapes == [(1, 4, 5, 5)] and unused.shapes == [] and unused.parameters == 12
    assert "Linear" in str(total).split("\n")[4] and " - " in str(total).split("\n")[4]


@pytest.mark.parametrize("module, size, expected", [
    (SelfAttention(8), (8, 4, 4), 3 * 16 * 8 * 8 + 2 * 16 * 16 * 8),
    (nn.Linear(6, 5), (7, 6), 7 * 6 * 5),
    (nn.Conv2d(8, 8, 3, groups=4, padding=1), (8, 6, 6), 8 * 36 * 2 * 9)],
    ids=["attention", "linear", "groups"])
def test_multiply_adds(module, size, expected):
    assert tinynet.summary(module, size).multiply_adds == expected
    assert tinynet.summary(module, size, batch_size=3).multiply_adds == 3 * expected


def test_matrix_products_and_attention_with_weights():
    x, module = Tensor(np.ones((2, 5, 8), np.float32)), MultiheadAttention(8, 2, batch_first=True)
    assert tinynet.summary(module, (x, x, x)).multiply_adds == 2 * 5 * 8 * 8 * 4 + 2 * 2 * 2 * 5 * 5 * 4

    class Product(nn.Module):
        def forward(self, x):
            return x @ x.transpose(1, 2) + tinynet.einsum("nlc,nmc->nlm", x, x)

    assert tinynet.summary(Product(), x).multiply_adds == 2 * (2 * 5 * 5 * 8)


def test_memory():
    block = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Conv2d(4, 4, 1), nn.Flatten())
    total = tinynet.summary(block, (3, 10, 10))
    assert total.weights == 4 * total.parameters and total.buffers == 0
    _, first, relu, second, flatten = total.layers
    assert [layer.saved for layer in (first, relu, second, flatten)] == [1200, 1600, 0, 0]   # x; y; y again
    assert [layer.activations for layer in (first, relu, second)] == [1600, 1600, 1600]
    assert total.saved == 2800 and total.layers[0].saved == 2800
    assert tinynet.summary(nn.BatchNorm2d(4), (4, 2, 2)).buffers == 4 * 8 + 8


def test_it_is_a_table_with_levels():
    model = models.resnet8()
    lines = str(tinynet.summary(model, (3, 32, 32), depth=1)).split("\n")
    assert lines[2].startswith("ResNet ") and lines[3].startswith("  conv1 Conv2d")
    assert not any("BasicBlock" in line for line in lines)
    assert "(1, 16, 32, 32)" in lines[3] and "432" in lines[3]
    assert any("    0 BasicBlock" in line for line in str(tinynet.summary(model, (3, 32, 32))).split("\n"))


def test_nothing_is_disturbed():
    model = nn.Sequential(BasicBlock(3, 4), nn.Dropout(0.5))
    model[0].eval()
    x = Tensor(np.ones((2, 3, 4, 4), np.float32))
    model(x).sum().backward()
    gradient = model[0].conv1.weight.grad
    values, before = gradient.array.copy(), {key: v.array.copy() for key, v in model.state_dict().items()}
    tinynet.manual_seed(3)
    expected = tinynet.rand(2).tolist()
    tinynet.manual_seed(3)
    with tinynet.no_grad():
        tinynet.summary(model, (3, 4, 4))
        tinynet.profile(model, (3, 4, 4), batch_size=2, repeats=1)
    assert tinynet.rand(2).tolist() == expected
    assert model.training and not model[0].training and not model[0].conv1.training
    assert model[0].conv1.weight.grad is gradient and np.array_equal(gradient.array, values)
    assert all(np.array_equal(v.array, before[key]) for key, v in model.state_dict().items())
    assert not model._forward_hooks and not model._forward_pre_hooks


def test_double_precision_and_networks_that_fail():
    assert tinynet.summary(nn.Linear(4, 2).double(), (4,)).weights == 80
    model = models.resnet8()
    with pytest.raises(ValueError, match=r"conv1: Conv2d\(3 -> 16\): expected input"):
        tinynet.summary(model, (4, 8, 8))
    assert model.training and tinynet.summary(model, (3, 8, 8)).parameters == 75_290


@pytest.mark.parametrize("options, message", [
    ({"input_size": 3}, "input_size: expected positive integers such as .*got 3"),
    ({"input_size": (3, 0, 8)}, "input_size"),
    ({"input_size": (3, 8, 8), "batch_size": 0}, "batch_size: .*got 0"),
    ({"input_size": (3, 8, 8), "depth": -1}, "depth of at least 0, got -1")])
def test_mistakes(options, message):
    with pytest.raises(ValueError, match=message):
        tinynet.summary(models.resnet8(), **options)


# The command ------------------------------------------------------------------------------------------------


def test_command(capsys):
    assert main(["summary", "resnet20", "--input", "3,32,32", "--depth", "1"]) == 0
    told = capsys.readouterr().out
    assert "269,722 parameters" in told and "40.55 M multiply-adds" in told
    assert main(["summary", "resnet20:layer2.0"]) == 0
    assert "(1, 32, 16, 16)" in capsys.readouterr().out
    assert main(["summary", "SEBottleneck(64, 16)", "--input", "64,8,8", "--batch", "2"]) == 0
    assert "(2, 64, 8, 8)" in capsys.readouterr().out


def test_command_takes_files(tmp_path, capsys):
    path = tmp_path / "net.json"
    path.write_text('{"stem": "cifar", "blocks": [1, 1], "channels": [8, 16]}', encoding="utf-8")
    assert main(["summary", str(path)]) == 0
    assert "(1, 8, 32, 32)" in capsys.readouterr().out


@pytest.mark.parametrize("arguments, message", [
    (["resnet21"], "unknown model 'resnet21'; the nearest names are"),
    (["resnet20", "--input", "3,a"], "--input: expected positive numbers such as 3,224,224, got '3,a'"),
    (["resnet20", "--input", "1,32,32"], "conv1: Conv2d"), (["resnet20", "--batch", "0"], "batch_size"),
    (["resnet20:layr2"], "no module 'layr2' in the network; the nearest names are layer2"),
    (["BasicBlok(16, 16)", "--input", "16,8,8"], "unknown block 'BasicBlok'; the nearest names are Basic"),
    (["BasicBlock(16, x)", "--input", "16,8,8"], "expected a block with plain arguments"),
    (["BasicBlock(16, 16)"], "expected --input"), (["BasicBlock(16)", "--input", "16,8,8"], "channels"),
    (["missing.json"], "missing.json: no such file")])
def test_command_says_what_is_wrong(arguments, message, capsys):
    assert main(["summary", *arguments]) == 1
    told = capsys.readouterr().err
    assert message in told and len(told.strip().split("\n")) == 1
