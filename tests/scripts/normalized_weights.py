"""Weight and spectral normalization, parameters as a vector, padded sequences, norms, copies of their state."""

import copy

import torch
import torch.nn as nn
from common import noise, train_all
from torch.nn.utils import parameters_to_vector, spectral_norm, vector_to_parameters, weight_norm
from torch.nn.utils.rnn import pad_sequence


def make_step(normalize, layer, shape):
    layer.weight.data.copy_(noise(*layer.weight.shape))
    layer.bias.data.zero_()
    layer = normalize(layer)
    if hasattr(layer, "weight_u"):
        u = noise(layer.weight_u.shape[0], seed=1)
        layer.weight_u.copy_(u / torch.linalg.norm(u))
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)

    def step(i):
        loss = (layer(noise(*shape, seed=i)) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        state = copy.deepcopy(layer.state_dict())
        return loss.item() + len(state) + sum(value.sum().item() for value in state.values())

    return step


def vectors(i):
    layer = nn.Linear(3, 2)
    vector_to_parameters(noise(8, seed=i), layer.parameters())
    padded = pad_sequence([noise(2, 3, seed=i), noise(4, 3, seed=i + 1)], batch_first=True, padding_value=2.0)
    assert padded.shape == (2, 4, 3)
    return layer(padded).sum() + parameters_to_vector(layer.parameters()).norm() + \
        torch.linalg.vector_norm(padded, ord=1, dim=-1).max()


train_all({"weight norm": make_step(weight_norm, nn.Linear(4, 3), (2, 4)),
           "weight norm of a convolution": make_step(weight_norm, nn.Conv2d(2, 3, 3), (2, 2, 5, 5)),
           "spectral norm": make_step(spectral_norm, nn.Linear(4, 3), (2, 4)),
           "spectral norm of a convolution": make_step(spectral_norm, nn.Conv2d(2, 3, 3), (2, 2, 5, 5)),
           "vectors": vectors})
