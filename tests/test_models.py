"""The CIFAR ResNets: published sizes, PyTorch's numbers step by step, no layout copies, flat memory."""

import numpy as np
import pytest

import tinynet
from memory import growth
from tinynet import models
from tinynet.kernels.machine import layout
from tinynet.nn import functional as F
from tinynet.optim import SGD


@pytest.mark.parametrize("depth, count", [(20, 269_722), (32, 464_154), (44, 658_586), (56, 853_018), (110, 1_727_962)])
def test_parameter_counts_are_the_papers(depth, count):
    model = models.create(f"resnet{depth}")
    assert sum(p.numel() for p in model.parameters()) == count


def test_option_b_projects():
    model = models.resnet20(shortcut="B")
    assert sum(p.numel() for p in model.parameters()) == 269_722 + 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64
    assert "layer2.0.downsample.0.weight" in model.state_dict()


def test_unknown_model_names_the_nearest():
    with pytest.raises(ValueError, match="resnet20"):
        models.create("resnet21")


def batch(n, dtype, seed=0):
    rng = np.random.default_rng(seed)
    images = rng.standard_normal((n, 32, 32, 3)).astype(dtype).transpose(0, 3, 1, 2)
    return tinynet.Tensor(images), tinynet.Tensor(rng.integers(0, 10, n))


@pytest.mark.parametrize("options", [{}, {"pad": "both"}, {"shortcut": "B"}], ids=str)
def test_ten_steps_follow_pytorch(options):
    torch = pytest.importorskip("torch")
    import torch_networks
    tinynet.manual_seed(1)
    ours = models.resnet20(**options).double()
    theirs = torch_networks.CifarResNet(**options).double()
    torch_networks.copy_weights(ours, theirs)
    mine = SGD(ours.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    other = torch.optim.SGD(theirs.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    for step in range(10):
        x, t = batch(8, np.float64, step)
        mine.zero_grad()
        loss = F.cross_entropy(ours(x), t)
        loss.backward()
        mine.step()
        other.zero_grad()
        expected = torch.nn.functional.cross_entropy(theirs(torch.tensor(x.array)), torch.tensor(t.array))
        expected.backward()
        other.step()
        assert abs(loss.item() - expected.item()) <= 1e-9 * abs(expected.item())
    for (name, a), b in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
        b = b.numpy()
        assert np.abs(a.array - b).max() <= 1e-9 * np.abs(b).max(), name


def train_step(model, optimizer, x, t):
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), t)
    loss.backward()
    optimizer.step()
    return loss.item()


def test_a_training_step_copies_no_activation_for_its_layout():
    model = models.resnet20()
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    x, t = batch(4, np.float32)
    train_step(model, optimizer, x, t)
    before = layout.count
    train_step(model, optimizer, x, t)
    assert layout.count == before


def test_memory_is_flat_over_training_steps():
    model = models.resnet8()
    optimizer = SGD(model.parameters(), lr=0.01, momentum=0.9)
    x, t = batch(2, np.float32)
    array_bytes, objects = growth(lambda: train_step(model, optimizer, x, t))
    assert array_bytes <= 0 and objects < 20


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_the_same_seed_gives_the_same_bits_for_any_thread_count(backend):
    results = []
    threads = tinynet.get_num_threads()
    with tinynet.kernels.use(backend):
        for count in (1, 2, 3):
            tinynet.set_num_threads(count)
            tinynet.manual_seed(5)
            model = models.resnet8()
            optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
            x, t = batch(16, np.float32)
            losses = [train_step(model, optimizer, x, t) for _ in range(3)]
            results.append((losses, [p.array.copy() for p in model.parameters()]))
    tinynet.set_num_threads(threads)
    for losses, parameters in results[1:]:
        assert losses == results[0][0]
        assert all(np.array_equal(a, b) for a, b in zip(parameters, results[0][1]))


def test_backends_agree_on_a_training_step():
    found = {}
    for backend in ("numpy", "numba"):
        with tinynet.kernels.use(backend):
            tinynet.manual_seed(5)
            model = models.resnet8()
            x, t = batch(4, np.float32)
            loss = F.cross_entropy(model(x), t)
            loss.backward()
            found[backend] = [loss.array, *(p.grad.array for p in model.parameters())]
    for a, b in zip(found["numpy"], found["numba"]):
        assert np.abs(a - b).max() <= 1e-4 * max(np.abs(a).max(), 1e-3)
