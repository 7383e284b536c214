"""Networks made of the blocks, by name."""

import difflib

from tinynet.models.config import build
from tinynet.models.features import FeatureExtractor
from tinynet.models.googlenet import GoogLeNet, googlenet
from tinynet.models.resnet import (
    PreActResNet, ResNet, preact_resnet20, preact_resnet110, resnet8, resnet14, resnet18, resnet20, resnet32,
    resnet34, resnet44, resnet50, resnet56, resnet101, resnet110, resnet152, resnext50_32x4d,
    resnext101_32x8d, se_resnet20, se_resnet50, wide_resnet50_2, wide_resnet101_2)
from tinynet.models.text import TextTransformer
from tinynet.models.vit import VisionTransformer, vit_small32

MODELS = {f.__name__: f for f in (
    resnet8, resnet14, resnet20, resnet32, resnet44, resnet56, resnet110, se_resnet20, preact_resnet20,
    preact_resnet110, resnet18, resnet34, resnet50, resnet101, resnet152, resnext50_32x4d, resnext101_32x8d,
    wide_resnet50_2, wide_resnet101_2, se_resnet50, googlenet, vit_small32)}


def create(name, **options):
    """The network `name`, one of `MODELS`, or what FILE.json describes; the options are its constructor's.

    (N, 3, H, W) -> scores (N, num_classes). ValueError for an unknown name, with the nearest ones.
    """
    if str(name).endswith(".json"):
        return build(name, **options)
    if name not in MODELS:
        near = difflib.get_close_matches(name, MODELS, 3) or sorted(MODELS)
        raise ValueError(f"unknown model {name!r}; the nearest names are {', '.join(near)}")
    return MODELS[name](**options)


__all__ = ["MODELS", "FeatureExtractor", "GoogLeNet", "PreActResNet", "ResNet", "TextTransformer",
           "VisionTransformer", "build", "create", *MODELS]
