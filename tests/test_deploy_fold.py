"""Folding leaves outputs as they are, folds all that can be folded, and names the rest."""

import re
import warnings

import numpy as np
import pytest

import tinynet
from tinynet import models, nn
from tinynet.deploy.fold import replace
from tinynet.nn import functional as F
from tinynet.nn.blocks import conv, inception, residual

BLOCKS = {
    "ConvBlock": lambda: conv.ConvBlock(6, 8, 3, stride=2),
    "ConvBlock gelu": lambda: conv.ConvBlock(6, 8, activation="gelu"),
    "GroupedConv": lambda: conv.GroupedConv(6, 8, groups=2),
    "DilatedConv": lambda: conv.DilatedConv(6, 8),
    "DepthwiseSeparableConv": lambda: conv.DepthwiseSeparableConv(6, 8),
    "BasicBlock": lambda: residual.BasicBlock(6, 8, 2),
    "Bottleneck": lambda: residual.Bottleneck(6, 4, 2, groups=2),
    "SEBottleneck": lambda: residual.SEBottleneck(6, 4),
    "option A": lambda: residual.BasicBlock(6, 8, 2, shortcut="A"),
    "stochastic depth": lambda: residual.BasicBlock(6, 6, stochastic_depth=0.5),
    "Inception": lambda: inception.Inception(6, 4, (3, 4), (2, 3), 5),
    "plain": lambda: nn.Sequential(nn.Conv2d(6, 8, 3, padding="same"), nn.BatchNorm2d(8, affine=False),
                                   nn.ReLU()),
    "linear": lambda: nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3)),
}
LARGE = "resnet50", "resnext50_32x4d", "se_resnet50"
NETWORKS = ["resnet8", "se_resnet20", "googlenet", "resnet18",
            *(pytest.param(name, marks=pytest.mark.slow) for name in LARGE)]


@pytest.fixture(autouse=True)
def seed():
    tinynet.manual_seed(0)


def trained(model, seed=0):
    """In eval mode, with norms as training would leave them."""
    rng = np.random.default_rng(seed)
    for norm in norms(model):
        for tensor in (norm.running_var, *list(norm.parameters())[:1]):
            tensor.array[...] = rng.uniform(0.4, 1.6, tensor.shape)
        for tensor in (norm.running_mean, *list(norm.parameters())[1:]):
            tensor.array[...] = rng.uniform(-0.5, 0.5, tensor.shape)
    return model.eval()


def norms(model):
    return [module for module in model.modules() if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d))]


def images(*shape):
    return tinynet.Tensor(np.random.default_rng(1).standard_normal(shape).astype(np.float32))


@tinynet.no_grad()
def difference(a, b, x):
    """The largest, as a share of the scale of the output."""
    expected = a(x).array
    return np.abs(b(x).array - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_stay_the_same_function(name):
    model = trained(BLOCKS[name]())
    folded = tinynet.fold_batchnorm(model)
    assert norms(model) and not norms(folded)
    x = images(4, 6) if name == "linear" else images(2, 6, 9, 9)
    assert difference(model, folded, x) < 1e-5


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_stay_the_same_function(name):
    model = trained(models.create(name))
    folded = tinynet.fold_batchnorm(model)
    assert not norms(folded) and not any(module.training for module in folded.modules())
    assert difference(model, folded, images(2, 3, 64, 64)) < 1e-5


def test_in_double_precision_the_difference_is_rounding():
    model = trained(models.resnet8()).double()
    folded = tinynet.fold_batchnorm(model)
    assert difference(model, folded, images(2, 3, 32, 32).double()) < 1e-13


def test_the_model_itself_is_not_touched():
    model = trained(models.resnet8())
    before = {key: value.array.copy() for key, value in model.state_dict().items()}
    tinynet.fold_batchnorm(model)
    assert before.keys() == model.state_dict().keys()
    assert all((model.state_dict()[key].array == value).all() for key, value in before.items())
    assert all(not module._forward_hooks for module in model.modules())


def test_what_is_not_folded_is_named_with_the_reason():
    model = trained(models.preact_resnet20())
    with pytest.warns(UserWarning, match="10 of 19 norms stay") as caught:
        folded = tinynet.fold_batchnorm(model)
    message = str(caught[0].message)
    assert "layer1.1.bn1 (it does not follow a convolution or linear layer)" in message
    assert "layer1.0.bn1 (other operators use the layer before it, too)" in message and "bn2" not in message
    assert len(norms(folded)) == 10
    assert difference(model, folded, images(2, 3, 32, 32)) < 1e-5


class Odd(nn.Module):
    """A norm of every kind that cannot be folded."""

    def __init__(self):
        super().__init__()
        self.conv, self.twice, self.branch = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)
        self.shared, self.after_relu, self.unused, self.untracked, self.two_readers = (
            nn.BatchNorm2d(4, track_running_stats=tracked) for tracked in (True, True, True, False, True))

    def forward(self, x):
        x = self.untracked(self.conv(x))
        x = self.shared(self.twice(F.relu(self.shared(self.twice(x)))))
        x = self.after_relu(F.relu(x))
        y = self.branch(x)
        return self.two_readers(y) + F.relu(y)


def test_every_reason():
    with pytest.warns(UserWarning) as caught:
        tinynet.fold_batchnorm(Odd().eval())
    found = dict(re.findall(r"(\w+) \(([^)]*)\)", str(caught[0].message)))
    assert found == {"shared": "it is used more than once", "unused": "it is not used",
                     "after_relu": "it does not follow a convolution or linear layer",
                     "untracked": "it has no running statistics",
                     "two_readers": "other operators use the layer before it, too"}


def test_names_do_not_mislead():
    """bn follows conv in the order of attributes, but sees something else."""
    class Misleading(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1, self.bn1, self.conv2 = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1)

        def forward(self, x):
            return self.bn1(self.conv2(F.relu(self.conv1(x))))

    model = trained(Misleading())
    folded = tinynet.fold_batchnorm(model)
    assert not norms(folded) and (folded.conv1.weight.array == model.conv1.weight.array).all()
    assert difference(model, folded, images(2, 3, 5, 5)) < 1e-5


def test_layers_that_share_a_weight_get_one_each():
    model = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1))
    model[2].weight = model[0].weight
    folded = tinynet.fold_batchnorm(trained(model))
    assert difference(model, folded, images(2, 4, 5, 5)) < 1e-5


def test_frozen_weights_fold_and_stay_frozen():
    model = trained(models.resnet8().requires_grad_(False))
    folded = tinynet.fold_batchnorm(model)
    assert not norms(folded) and not any(p.requires_grad for p in folded.parameters())


def test_refusals():
    with pytest.raises(ValueError, match=r"expected a model in eval mode.*call model.eval\(\) first"):
        tinynet.fold_batchnorm(models.resnet8())
    fixed = trained(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4 * 9, 2)))
    with pytest.raises(ValueError, match=r"shape \(1, 3, 32, 32\) does .*fold_batchnorm\(model, input\)"):
        tinynet.fold_batchnorm(fixed)
    folded = tinynet.fold_batchnorm(fixed, images(1, 3, 5, 5))
    assert not norms(folded)


def test_a_model_without_norms_is_copied():
    model = nn.Sequential(nn.Linear(2, 2)).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert tinynet.fold_batchnorm(model)[0] is not model[0]


def test_replacing_the_model_itself():
    old, new = nn.ReLU(), nn.Tanh()
    assert replace(old, {old: new}) is new


def test_pytorch_folded_is_the_same_network():
    torch = pytest.importorskip("torch")
    from tinynet.bench.libraries import Torch
    from tinynet.bench.networks import plain
    ours, theirs = trained(plain(tinynet, "resnet8")), plain(torch, "resnet8").eval()
    theirs.load_state_dict({key: torch.tensor(value.numpy()) for key, value in ours.state_dict().items()})
    library = object.__new__(Torch)                # without setting PyTorch's threads
    library.lib = torch
    folded = library.fold(theirs, None)
    assert not [m for m in folded.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    state = {key: value.detach().numpy() for key, value in folded.state_dict().items()}
    for key, value in tinynet.fold_batchnorm(ours).state_dict().items():
        np.testing.assert_allclose(value.array, state[key], rtol=1e-5, atol=1e-6)

