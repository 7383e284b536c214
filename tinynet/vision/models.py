"""tinynet's networks with torchvision's signatures: `resnet18(weights=None, progress=True, num_classes=10)`."""

import functools

from tinynet import models

NAMES = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x8d",
         "wide_resnet50_2", "wide_resnet101_2")
NO_DOWNLOAD = "trained weights are not downloaded; download the file yourself, and load_state_dict(torch.load(path))"


def with_torchvisions_signature(make):
    """The function `make`, which then takes torchvision's way to ask for trained weights: there are none."""
    @functools.wraps(make)
    def build(*, weights=None, progress=True, pretrained=False, **options):
        if weights is not None or pretrained:
            raise NotImplementedError(f"{make.__name__}: {NO_DOWNLOAD}")
        return make(**options)

    return build


__all__ = list(NAMES)
globals().update({name: with_torchvisions_signature(getattr(models, name)) for name in NAMES})


class NoWeights(type):
    """The type of `ResNet18_Weights` and its kin, none of whose members are there."""

    def __getattr__(cls, name):
        if name.startswith("_"):
            raise AttributeError(name)
        raise NotImplementedError(f"{cls.__name__}.{name}: {NO_DOWNLOAD}")


def __getattr__(name):
    if name.endswith("_Weights"):
        return NoWeights(name, (), {})
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
