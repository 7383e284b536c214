"""What every block is tested with: central differences, the same block in PyTorch, a few steps of training."""

import numpy as np

import tinynet
from tinynet import data, nn
from tinynet.inspect.gradcheck import TOLERANCE, compare
from tinynet.nn import functional as F
from tinynet.optim import SGD
from tinynet.tensor import Tensor

ONE_BY_ONE = 8


def images(*shape, seed=0, dtype=np.float64):
    """Random maps (N, C, H, W), channels last in memory."""
    n, c, h, w = shape
    return np.random.default_rng(seed).standard_normal((n, h, w, c)).astype(dtype).transpose(0, 3, 1, 2)


def scatter_parameters(module, seed=1):
    """Fresh random values for all parameters and running statistics, also where ones or zeros are usual."""
    tinynet.manual_seed(seed)
    module.apply(lambda m: m.reset_parameters() if hasattr(m, "reset_parameters") else None)
    rng = np.random.default_rng(seed)
    for name, tensor in module.state_dict().items():
        if name.endswith("running_var"):
            tensor.array[...] = rng.uniform(0.5, 2, tensor.shape)
        elif tensor.is_floating_point():
            tensor.array[...] += 0.2 * rng.standard_normal(tensor.shape)
    return module


def check_gradients(module, *shape, seed=0):
    """Central differences for the input and for each parameter, in training and in evaluation.

    An input of more than `ONE_BY_ONE` elements moves along random directions.
    """
    scatter_parameters(module.double())
    names, parameters = zip(*module.named_parameters())
    arrays = [images(*shape, seed=seed), *(parameter.array for parameter in parameters)]

    def run(x, *values):
        for name, value in zip(names, values):
            path, _, own = name.rpartition(".")
            vars(module.get_submodule(path))[own] = value
        return module(x)

    for training in (True, False):
        module.train(training)
        worst = compare(run, arrays, np.random.default_rng(seed), every=ONE_BY_ONE)
        assert worst.error <= TOLERANCE, str(worst)


def check_counterpart(ours, theirs, *shape, tolerance=1e-9):
    """Weights move both ways, and both modules have the same outputs, gradients and statistics afterwards."""
    import torch
    scatter_parameters(ours.double())
    theirs.double().load_state_dict({key: torch.tensor(v.numpy()) for key, v in ours.state_dict().items()})
    for parameter in theirs.parameters():
        parameter.data *= 1.1
    ours.load_state_dict({key: v.numpy() for key, v in theirs.state_dict().items()})
    for training in (True, False):
        ours.train(training), theirs.train(training)
        mine = Tensor(images(*shape), requires_grad=True)
        other = torch.tensor(images(*shape), requires_grad=True)
        y, expected = ours(mine), theirs(other)
        close(y, expected, tolerance)
        cotangent = np.random.default_rng(2).standard_normal(y.shape)
        (y * Tensor(cotangent)).sum().backward()
        (expected * torch.tensor(cotangent)).sum().backward()
        close(mine.grad, other.grad, tolerance)
        found = dict(theirs.named_parameters())
        for name, parameter in ours.named_parameters():
            close(parameter.grad, found[name].grad, tolerance)
    for name, value in theirs.state_dict().items():
        close(ours.state_dict()[name], value, tolerance)


def close(found, expected, tolerance):
    expected = expected.detach().numpy()
    assert found.shape == expected.shape
    assert np.abs(found.array - expected).max() <= tolerance * max(1, np.abs(expected).max())


def losses_on_shapes(block, channels, steps=15):
    """The losses of a small network around `block` (8 -> channels) on pictures of shapes, step by step."""
    tinynet.manual_seed(0)
    pictures = data.shapes(count=48)
    x = Tensor((pictures.images.astype(np.float32) / 255 - 0.4).transpose(0, 3, 1, 2) / 0.25)
    t = Tensor(np.asarray(pictures.labels, np.int64))
    stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
    model = nn.Sequential(stem, block, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), t)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def check_sharing(block, *shape):
    """A block used twice is listed once, and its gradients are the sum of those of two copies."""
    import copy
    block.double().eval()
    twice, apart = nn.Sequential(block, block), nn.Sequential(block, copy.deepcopy(block))
    assert len(list(twice.parameters())) == len(list(block.parameters()))
    twice(Tensor(images(*shape))).sum().backward()
    shared = [p.grad.array.copy() for p in block.parameters()]
    twice.zero_grad()
    apart(Tensor(images(*shape))).sum().backward()
    for found, a, b in zip(shared, apart[0].parameters(), apart[1].parameters(), strict=True):
        total = a.grad.array + b.grad.array
        assert np.abs(found - total).max() <= 1e-10 * max(1, np.abs(total).max())
