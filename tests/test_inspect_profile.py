"""tinynet.profile: every operator is timed, the tables add up, memory is what it must be at least."""

import numpy as np
import pytest

import tinynet
from tinynet import models, nn
from tinynet.autograd import Function, Node
from tinynet.cli import main
from tinynet.nn import functional as F


def test_tables():
    apply, run = Function.__dict__["apply"], Node.run
    result = tinynet.profile(models.resnet8(), (3, 32, 32), batch_size=8, repeats=2)
    assert Function.__dict__["apply"] is apply and Node.run is run
    assert [share.name for share in result.layers] == [
        "conv1", "bn1", "layer1.0", "layer2.0", "layer3.0", "avgpool", "flatten", "fc"]
    calls = {share.name: share.calls for share in result.operators}
    assert calls["Conv2d"] == 7 and calls["BatchNorm"] == 7 and calls["Linear"] == 1
    assert all(share.forward > 0 and share.backward > 0 for share in result.operators)
    for shares in (result.layers, result.operators):
        assert 0 < sum(share.total for share in shares) <= 1.5 * (result.forward + result.backward)
    assert np.isclose(sum(s.total for s in result.layers), sum(s.total for s in result.operators), rtol=0.5)
    assert [s.total for s in result.operators] == sorted((s.total for s in result.operators), reverse=True)


def test_memory_is_that_of_a_step():
    model = nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU(), nn.Conv2d(8, 8, 1))
    kept = tinynet.summary(model, (3, 32, 32), batch_size=16)
    result = tinynet.profile(model, (3, 32, 32), batch_size=16, repeats=1)
    map_bytes = 16 * 8 * 32 * 32 * 4
    assert kept.saved - 16 * 3 * 32 * 32 * 4 + map_bytes <= result.peak <= 6 * map_bytes


def test_operators_of_the_network_itself():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x):
            return F.relu(self.fc(x))

    result = tinynet.profile(Net(), (4,), batch_size=2, repeats=1)
    assert [share.name for share in result.layers] == ["fc", "(Net itself)"]
    assert "relu" not in str(result) and "ReLU" in str(result) and "high-water mark" in str(result)
    assert [s.name for s in tinynet.profile(nn.ReLU(), (4,), repeats=1).operators] == ["ReLU"]


def test_mistakes():
    with pytest.raises(ValueError, match="repeats and depth of at least 1, got 0 and 2"):
        tinynet.profile(nn.ReLU(), (4,), repeats=0)
    with pytest.raises(ValueError, match="expected a model whose output requires a gradient"):
        tinynet.profile(nn.Linear(4, 2).requires_grad_(False), tinynet.ones(2, 4))


def test_command(tmp_path, capsys):
    picture = tmp_path / "bars.png"
    arguments = ["profile", "resnet8", "--batch", "2", "--repeats", "1", "--depth", "1",
                 "--plot", str(picture)]
    assert main(arguments) == 0
    told = capsys.readouterr().out
    assert "layer1" in told and "layer1.0" not in told and "Conv2d" in told
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert main(["profile", "resnet8", "--repeats", "0"]) == 1
    assert main(["profile", "SEBlock(16)", "--input", "16,8,8", "--batch", "2", "--repeats", "1",
                 "--plot", str(tmp_path / "bars.gif")]) == 1
    assert ".png, .svg" in capsys.readouterr().err
