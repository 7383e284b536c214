"""Averages of weights: plain, exponential, by a function of the user's, with buffers; statistics computed anew."""

import numpy as np
import pytest

import tinynet
from tinynet import nn, optim
from tinynet.optim import swa_utils


def model(lib):
    nn = lib.nn
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 1)).double()


@pytest.mark.parametrize("options", [
    lambda utils: {}, lambda utils: {"multi_avg_fn": utils.get_ema_multi_avg_fn(0.9)},
    lambda utils: {"avg_fn": utils.get_ema_avg_fn(0.8), "use_buffers": True},
    lambda utils: {"avg_fn": lambda averaged, current, count: 0.5 * averaged + 0.5 * current}],
    ids=["mean", "exponential", "with buffers", "by a function"])
def test_averages_are_pytorchs(options):
    torch = pytest.importorskip("torch")
    theirs = model(torch)
    ours = model(tinynet)
    ours.load_state_dict(theirs.state_dict())
    results = []
    for lib, net in ((torch, theirs), (tinynet, ours)):
        utils = lib.optim.swa_utils
        averaged = utils.AveragedModel(net, **options(utils))
        optimizer = lib.optim.SGD(net.parameters(), lr=0.1)
        rng = np.random.default_rng(0)
        batches = [lib.tensor(rng.standard_normal((4, 1, 4, 4))) for _ in range(3)]
        for x in batches:
            net.zero_grad()
            net(x).sum().backward()
            optimizer.step()
            averaged.update_parameters(net)
        state = {key: np.array(value) for key, value in averaged.state_dict().items()}
        utils.update_bn([(x, None) for x in batches], averaged)
        results.append((state, averaged.module[1].running_var.numpy(), averaged.module[1].momentum))
    (expected, var, momentum), (found, our_var, our_momentum) = results
    assert list(found) == list(expected) and momentum == our_momentum == 0.1
    for key in expected:
        np.testing.assert_allclose(found[key], expected[key], rtol=1e-10, atol=1e-14, err_msg=key)
    np.testing.assert_allclose(our_var, var, rtol=1e-10)


def test_an_average_does_not_follow_its_model():
    net = nn.Linear(2, 2)
    averaged = swa_utils.AveragedModel(net)
    averaged.update_parameters(net)
    with tinynet.no_grad():
        net.weight.add_(1)
    assert not np.allclose(averaged.module.weight.numpy(), net.weight.numpy())
    assert averaged(tinynet.ones(1, 2)).shape == (1, 2) and averaged.n_averaged.item() == 1


def test_refusals():
    with pytest.raises(ValueError, match="expected avg_fn or multi_avg_fn, got both"):
        swa_utils.AveragedModel(nn.Linear(1, 1), avg_fn=min, multi_avg_fn=min)
    with pytest.raises(ValueError, match=r"expected decay in \[0, 1\], got 2"):
        swa_utils.get_ema_avg_fn(2)
    with pytest.raises(ValueError, match="cos or linear, got 'steps'"):
        swa_utils.SWALR(optim.SGD(nn.Linear(1, 1).parameters()), 0.1, anneal_strategy="steps")
