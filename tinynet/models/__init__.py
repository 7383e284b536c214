"""Networks made of the blocks, by name."""

import difflib

from tinynet.models.resnet import (ResNet, resnet8, resnet14, resnet18, resnet20, resnet32, resnet34, resnet44, resnet50,
                                   resnet56, resnet110)

MODELS = {f.__name__: f for f in (resnet8, resnet14, resnet20, resnet32, resnet44, resnet56, resnet110,
                                  resnet18, resnet34, resnet50)}


def create(name, **options):
    """The network `name`, one of `MODELS`; the options are its constructor's."""
    if name not in MODELS:
        near = difflib.get_close_matches(name, MODELS, 3) or sorted(MODELS)
        raise ValueError(f"unknown model {name!r}; the nearest names are {', '.join(near)}")
    return MODELS[name](**options)


__all__ = ["MODELS", "ResNet", "create", *MODELS]
