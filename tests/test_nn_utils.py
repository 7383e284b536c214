"""Normalised weights, parameters as one vector, sequences of different lengths."""

import copy

import numpy as np
import pytest

import tinynet
from tinynet import nn
from tinynet.nn import utils

LAYERS = {"Conv2d": ((3, 4, 3), (2, 3, 5, 5)), "Linear": ((3, 4), (2, 3)), "ConvTranspose2d": ((3, 4, 3), (2, 3, 5, 5))}


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("norm", ["weight_norm", "spectral_norm"])
@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
def test_normalised_weights_are_pytorchs(norm, kind, training):
    torch = pytest.importorskip("torch")
    sizes, shape = LAYERS[kind]
    with pytest.warns(FutureWarning) if norm == "weight_norm" else _quiet():
        theirs = getattr(torch.nn.utils, norm)(getattr(torch.nn, kind)(*sizes)).double()
    ours = getattr(utils, norm)(getattr(nn, kind)(*sizes)).double()
    ours.load_state_dict(theirs.state_dict())
    results = []
    for lib, layer in ((torch, theirs), (tinynet, ours)):
        layer.train(training)
        x = lib.tensor(np.random.default_rng(0).standard_normal(shape), requires_grad=True)
        y = layer(x)
        (y * y).sum().backward()
        gradients = {name: p.grad.numpy() for name, p in layer.named_parameters()}
        results.append((y.detach().numpy(), x.grad.numpy(), *(gradients[name] for name in sorted(gradients))))
    for expected, found in zip(*results, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11)
    before = ours.eval()(tinynet.tensor(np.ones(shape)))
    getattr(utils, f"remove_{norm}")(ours)
    assert sorted(ours.state_dict()) == ["bias", "weight"]
    np.testing.assert_allclose(ours(tinynet.tensor(np.ones(shape))).numpy(), before.numpy(), rtol=1e-9)


class _quiet:
    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return False


def test_normalised_layers_can_be_copied_and_trained():
    layer = utils.spectral_norm(nn.Linear(3, 2))
    copied = copy.deepcopy(layer)
    optimizer = tinynet.optim.SGD(copied.parameters(), lr=0.1)
    x = tinynet.ones(4, 3)
    before = copied(x).sum()
    before.backward()
    optimizer.step()
    assert copied(x).sum().item() < before.item() and layer.weight_orig.grad is None


def test_normalising_twice_or_nothing_is_refused():
    layer = utils.weight_norm(nn.Linear(3, 2))
    for wrong in (lambda: utils.weight_norm(layer), lambda: utils.spectral_norm(nn.ReLU()),
                  lambda: utils.remove_weight_norm(nn.Linear(2, 2))):
        with pytest.raises(ValueError, match="has no parameter 'weight'|the weight 'weight' is not normalized so"):
            wrong()


def test_parameters_become_a_vector_and_back():
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    vector = utils.parameters_to_vector(net.parameters())
    assert vector.shape == (2 * 3 + 3 + 3 + 1,)
    utils.vector_to_parameters(vector * 2, net.parameters())
    np.testing.assert_allclose(utils.parameters_to_vector(net.parameters()).detach().numpy(),
                               2 * vector.detach().numpy())


@pytest.mark.parametrize("options", [{}, {"batch_first": True, "padding_value": -1.0}, {"padding_side": "left"}],
                         ids=str)
def test_padded_sequences_are_pytorchs(options):
    torch = pytest.importorskip("torch")
    arrays = [np.random.default_rng(i).standard_normal((n, 2)) for i, n in enumerate((3, 1, 4))]
    ours, theirs = (utilities.pad_sequence([lib.tensor(a) for a in arrays], **options)
                    for lib, utilities in ((tinynet, utils), (torch, torch.nn.utils.rnn)))
    assert (ours.numpy() == theirs.numpy()).all()


def test_packed_sequences_are_refused_in_words():
    for call in (lambda: utils.pack_padded_sequence(tinynet.ones(2, 3, 1), [2, 1]), lambda: utils.pack_sequence([])):
        with pytest.raises(NotImplementedError, match="packed sequences are not supported"):
            call()
    with pytest.raises(TypeError, match="LSTM.3 -> 4.: expected a tensor, got tuple; packed sequences are not"):
        nn.LSTM(3, 4)((1, 2))
