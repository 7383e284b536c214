"""tinynet's networks with torchvision's signatures: `resnet18(weights=None, progress=True, num_classes=10)`."""

import functools

from tinynet import models
from tinynet.nn import ReLU
from tinynet.nn.blocks import BasicBlock, Bottleneck      # noqa: F401 (torchvision.models.resnet has them)

NAMES = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x8d",
         "wide_resnet50_2", "wide_resnet101_2")
NO_DOWNLOAD = "trained weights are not downloaded; download the file yourself, and load_state_dict(torch.load(path))"


class ResNet(models.ResNet):
    """A ResNet with torchvision's signature: (N, 3, H, W) -> (N, num_classes). He et al. 2015.

    Its child modules are those of torchvision's ResNet, so that scripts can put some of them into a Sequential.
    """

    def __init__(self, block, layers, num_classes=1000, zero_init_residual=False, groups=1, width_per_group=64):
        wide = {"groups": groups, "base_width": width_per_group} if (groups, width_per_group) != (1, 64) else {}
        super().__init__(block, layers, (64, 128, 256, 512), num_classes=num_classes,
                         zero_init_residual=zero_init_residual, **wide)
        self.arrange()

    def arrange(self):
        """Give it torchvision's child modules: conv1, bn1, relu, maxpool, layer1 to layer4, avgpool, fc."""
        del self.flatten, self.dropout
        later = {name: self._modules.pop(name) for name in list(self._modules)[2:]}
        self.relu = ReLU(inplace=True)
        self._modules.update(later)
        return self

    def head(self, x):
        """The last maps to scores, (N, out_channels, P, Q) -> (N, num_classes)."""
        return self.fc(self.avgpool(x).flatten(1))


def with_torchvisions_signature(make):
    """The function `make` with torchvision's arguments for trained weights; asking for weights is an error."""
    @functools.wraps(make)
    def build(*, weights=None, progress=True, pretrained=False, **options):
        if weights is not None or pretrained:
            raise NotImplementedError(f"{make.__name__}: {NO_DOWNLOAD}")
        network = make(**options)
        network.__class__ = ResNet
        return network.arrange()

    return build


__all__ = list(NAMES)
globals().update({name: with_torchvisions_signature(getattr(models, name)) for name in NAMES})


class NoWeights(type):
    """The type of `ResNet18_Weights` and the like. Using any of their members is an error."""

    def __getattr__(cls, name):
        if name.startswith("_"):
            raise AttributeError(name)
        raise NotImplementedError(f"{cls.__name__}.{name}: {NO_DOWNLOAD}")


def __getattr__(name):
    if name.endswith("_Weights"):
        return NoWeights(name, (), {})
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
