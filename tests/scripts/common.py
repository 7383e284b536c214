"""What the scripts share: the same initial weights and the same data in both libraries, and how losses are told."""

import json

import numpy as np
import torch


def start(model, seed=0):
    """Fill all parameters with numbers that depend on their names' order and the seed alone; returns the model."""
    rng = np.random.default_rng(seed)
    for _, parameter in sorted(model.named_parameters()):
        scale = 1 / max(1, np.prod(parameter.shape[1:])) ** 0.5 if parameter.dim() > 1 else 0.1
        values = rng.standard_normal(tuple(parameter.shape)) * scale
        parameter.data.copy_(torch.from_numpy(values).float())
    return model


def noise(*shape, seed=0):
    """Normally distributed numbers as a float32 tensor."""
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape).astype("float32"))


def labels(count, classes, seed=0):
    """Random labels (count,)."""
    return torch.from_numpy(np.random.default_rng(seed).integers(0, classes, count))


def train(step, steps=10):
    """Call step(i) so many times, and print the losses that it returns."""
    train_all({"losses": step}, steps)


def train_all(steps_of, steps=10):
    """Call each of {name: step} so many times, and print all losses."""
    print(json.dumps({name: [value_of(step(i)) for i in range(steps)] for name, step in steps_of.items()}))


def value_of(loss):
    return loss.item() if isinstance(loss, torch.Tensor) else float(loss)
