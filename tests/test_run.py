"""`tinynet run` and `tinynet.as_torch`: PyTorch's names, and how a script's errors are told."""

import importlib
import subprocess
import sys

import pytest

import tinynet
from tinynet.interop import hook, left_out, names
from tinynet.interop.script import run_script


def run(tmp_path, text, *arguments):
    """What `tinynet run` prints and returns for a script of this text."""
    script = tmp_path / "train.py"
    script.write_text(text, encoding="utf-8")
    return subprocess.run([sys.executable, "-m", "tinynet", "run", script.name, *arguments], cwd=tmp_path,
                          capture_output=True, text=True, encoding="utf-8")


def test_names_are_tinynets(tmp_path):
    done = run(tmp_path, "import torch.nn as nn, torch.nn.functional as F\n"
                         "from torch.nn.modules.linear import Linear\nfrom torch import *\n"
                         "import tinynet\nprint(nn.Linear is tinynet.nn.Linear is Linear, F.relu, zeros(2),\n"
                         "      'torch._C' in __import__('sys').modules)")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("True <function relu") and done.stdout.endswith("False\n")


def test_the_script_is_main_and_has_its_arguments_and_neighbours(tmp_path):
    (tmp_path / "sibling.py").write_text("name = 'sister'", encoding="utf-8")
    done = run(tmp_path, "import sys, sibling\nprint(__name__, __file__, sys.argv, sibling.name)\nsys.exit(7)",
               "--help", "3")
    assert done.stdout == "__main__ train.py ['train.py', '--help', '3'] sister\n"
    assert done.returncode == 7


REFUSED = {
    "function": ("torch.linspac(0, 1, 3)", "tinynet has no torch.linspac; did you mean linspace?"),
    "from": ("from torch.nn import Linaer", "tinynet has no torch.nn.Linaer; did you mean Linear?"),
    "module": ("import torch.foo", "tinynet has no module torch.foo"),
    "method": ("torch.ones(2).rehsape(1, 2)", "tinynet's Tensor has no rehsape; did you mean reshape?"),
    "compile": ("torch.compile(print)", "torch.compile is not supported"),
    "parallel": ("torch.nn.DataParallel(torch.nn.ReLU())", "torch.nn.DataParallel is not supported"),
    "device": ("torch.zeros(2, device='cuda')", "expected device \"cpu\""),
    "half": ("torch.zeros(2, dtype=torch.float16)", "got float16"),
    "shape": ("torch.nn.Linear(3, 2)(torch.ones(4))", "Linear(3 -> 2): expected input"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_tinynet_refuses_is_one_sentence_with_the_line(tmp_path, case):
    line, sentence = REFUSED[case]
    done = run(tmp_path, f"import torch\n\n{line}\n")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("tinynet run: train.py, line 3: ") and sentence in done.stderr


def test_the_scripts_own_error_has_its_traceback_alone(tmp_path):
    done = run(tmp_path, "import torch\n\ndef f():\n    return {}['key']\nf()\n")
    assert done.returncode == 1
    assert done.stderr.startswith('Traceback (most recent call last):\n  File "train.py", line 5, in <module>')
    assert done.stderr.endswith("KeyError: 'key'\n") and "tinynet" not in done.stderr


@pytest.mark.parametrize("text, sentence", [("x = (", "line 1: '(' was never closed"), ("\0", "null bytes")],
                         ids=["syntax", "bytes"])
def test_what_is_no_script_is_refused(tmp_path, capsys, text, sentence):
    script = tmp_path / "train.py"
    script.write_text(text, encoding="utf-8")
    assert run_script(str(script), []) == 1
    assert sentence in capsys.readouterr().err


def test_a_script_that_is_not_there(tmp_path, capsys):
    assert run_script(str(tmp_path / "none.py"), []) == 1
    assert "No such file" in capsys.readouterr().err


def test_with_as_torch_ends():
    real = sys.modules.get("torch")
    with tinynet.as_torch():
        import torch
        assert torch.nn.Linear is tinynet.nn.Linear
        assert not hasattr(torch, "linspac")
        with pytest.raises(ImportError):
            from torch import linspac    # noqa: F401
    assert sys.modules.get("torch") is real


@pytest.mark.parametrize("name", names.MODULES)
def test_every_module_that_can_be_imported_is_there(name):
    with tinynet.as_torch():
        module = importlib.import_module(name)
        assert list(module.__all__) is not None and dir(module)
        assert left_out.reason(name) or not hasattr(module, "no_such_name")


@pytest.mark.parametrize("path", names.OTHER_NAMES)
def test_every_other_name_is_there(path):
    hook.look_up(path)


def test_what_is_left_out_can_be_named_but_not_used():
    with tinynet.as_torch():
        import torch
        assert not isinstance(torch.nn.ReLU(), torch.nn.DataParallel)
        for refused in (torch.compile, torch.nn.DataParallel, torch.distributed.new_group, torch.cuda.FloatTensor,
                        torch.hub.load, torch.jit.load, torch.utils.model_zoo.load_url, torch.onnx.export):
            with pytest.raises(NotImplementedError, match="is not supported: "):
                refused()
        for weights in ({"pretrained": True}, {"weights": "DEFAULT"}):
            import torchvision
            with pytest.raises(NotImplementedError, match="resnet18: trained weights are not downloaded"):
                torchvision.models.resnet18(**weights)
        with pytest.raises(NotImplementedError, match="ResNet18_Weights.DEFAULT: trained weights"):
            torchvision.models.ResNet18_Weights.DEFAULT
        assert torchvision.models.resnet18(weights=None, num_classes=3).fc.out_features == 3


def test_resnets_have_torchvisions_children_and_can_be_subclassed():
    with tinynet.as_torch():
        import torchvision
        from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet
        network = torchvision.models.resnet18(num_classes=7).eval()
        assert " ".join(name for name, _ in network.named_children()) == \
            "conv1 bn1 relu maxpool layer1 layer2 layer3 layer4 avgpool fc"
        images = tinynet.randn(1, 3, 32, 32)
        features = tinynet.nn.Sequential(*list(network.children())[:-1])(images)
        assert features.shape == (1, 512, 1, 1)
        assert tinynet.allclose(network.fc(features.flatten(1)), network(images))
        ResNet(BasicBlock, [2, 2, 2, 2], num_classes=7).load_state_dict(network.state_dict())
        assert (BasicBlock.expansion, Bottleneck.expansion) == (1, 4)
