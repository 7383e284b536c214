"""Networks made of the blocks, by name."""

import inspect

from tinynet.models.airbench import Airbench, airbench94
from tinynet.models.config import build
from tinynet.models.features import FeatureExtractor
from tinynet.models.googlenet import GoogLeNet, googlenet
from tinynet.models.resnet import (
    PreActResNet, ResNet, preact_resnet20, preact_resnet110, resnet8, resnet14, resnet18, resnet20, resnet32,
    resnet34, resnet44, resnet50, resnet56, resnet101, resnet110, resnet152, resnext50_32x4d,
    resnext101_32x8d, se_resnet20, se_resnet50, wide_resnet50_2, wide_resnet101_2)
from tinynet.models.text import TextTransformer
from tinynet.models.vit import VisionTransformer, vit_small32
from tinynet.system.suggest import nearest_names

MODELS = {f.__name__: f for f in (
    resnet8, resnet14, resnet20, resnet32, resnet44, resnet56, resnet110, se_resnet20, preact_resnet20,
    preact_resnet110, resnet18, resnet34, resnet50, resnet101, resnet152, resnext50_32x4d, resnext101_32x8d,
    wide_resnet50_2, wide_resnet101_2, se_resnet50, googlenet, vit_small32, airbench94)}


def create(name, **options):
    """The network `name`: one of `MODELS`, a FILE.json that describes one, or such a description as a dict.

    The options are its constructor's: every network takes `num_classes` and `in_channels`, and those that are made
    for one size of image take `image_size`. (N, in_channels, H, W) -> scores (N, num_classes). ValueError for an
    unknown name, with the nearest ones.
    """
    if isinstance(name, dict) or str(name).endswith(".json"):
        return build(name, **options)
    if name not in MODELS:
        raise ValueError(f"unknown model {name!r}{nearest_names(name, MODELS)}")
    return MODELS[name](**options)


def takes_image_size(name):
    """Whether the network `name` is made for one size of image, and so takes the option `image_size`."""
    return name in MODELS and "image_size" in inspect.signature(MODELS[name]).parameters


__all__ = ["MODELS", "Airbench", "FeatureExtractor", "GoogLeNet", "PreActResNet", "ResNet", "TextTransformer",
           "VisionTransformer", "build", "create", *MODELS]
