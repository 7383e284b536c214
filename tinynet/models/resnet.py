"""ResNets: the CIFAR family of He et al. 2015, section 4.2, and the ImageNet family of section 4.1.

Names of modules and parameters are torchvision's, so that weights move both ways. The two families differ in the
stem (a 3x3 convolution; a 7x7 with stride 2 and a max-pool), the widths of the stages and the shortcut.
"""

from tinynet.nn import AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Flatten, Identity, Linear, MaxPool2d, Module, Sequential
from tinynet.nn import init
from tinynet.nn.blocks.residual import BasicBlock, Bottleneck


class ResNet(Module):
    """A stem, stages of residual blocks (each but the first starts with stride 2), average pooling, a linear head.

    `depths` and `widths` give the blocks and channels of each stage. (N, 3, H, W) -> logits (N, num_classes).
    """

    def __init__(self, block, depths, widths, stem="imagenet", num_classes=1000, **options):
        super().__init__()
        if stem == "cifar":
            self.conv1 = Conv2d(3, widths[0], 3, padding=1, bias=False)
        else:
            self.conv1 = Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        channels = self.conv1.out_channels
        self.bn1 = BatchNorm2d(channels)
        self.maxpool = Identity() if stem == "cifar" else MaxPool2d(3, stride=2, padding=1)
        self.stages = len(depths)
        for i, (depth, width) in enumerate(zip(depths, widths)):
            stage = make_stage(block, depth, channels, width, stride=1 if i == 0 else 2, **options)
            setattr(self, f"layer{i + 1}", stage)
            channels = width * block.expansion
        self.avgpool = AdaptiveAvgPool2d(1)
        self.flatten = Flatten()
        self.fc = Linear(channels, num_classes)
        self.apply(_initialise)

    def forward(self, x):
        x = self.maxpool(self.bn1(self.conv1(x), relu=True))
        for i in range(self.stages):
            x = getattr(self, f"layer{i + 1}")(x)
        return self.fc(self.flatten(self.avgpool(x)))


def make_stage(block, depth, in_channels, width, stride, **options):
    """`depth` blocks; only the first changes resolution and channels."""
    first = block(in_channels, width, stride, **options)
    return Sequential(first, *(block(width * block.expansion, width, **options) for _ in range(depth - 1)))


def _initialise(module):
    """He et al. 2015, "Delving Deep into Rectifiers", as torchvision does it."""
    if isinstance(module, Conv2d):
        init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def _cifar(depth, num_classes, shortcut, pad):
    """6n+2 layers: three stages of n blocks with 16, 32 and 64 channels (He et al. 2015, section 4.2)."""
    blocks = (depth - 2) // 6
    return ResNet(BasicBlock, [blocks] * 3, [16, 32, 64], "cifar", num_classes, shortcut=shortcut, pad=pad)


def resnet8(num_classes=10, shortcut="A", pad="end"):
    """ResNet-8 for 32x32 images: the smallest of the family, for quick experiments."""
    return _cifar(8, num_classes, shortcut, pad)


def resnet14(num_classes=10, shortcut="A", pad="end"):
    """ResNet-14 for 32x32 images."""
    return _cifar(14, num_classes, shortcut, pad)


def resnet20(num_classes=10, shortcut="A", pad="end"):
    """ResNet-20 for 32x32 images: 269,722 parameters with option A. He et al. 2015, section 4.2."""
    return _cifar(20, num_classes, shortcut, pad)


def resnet32(num_classes=10, shortcut="A", pad="end"):
    """ResNet-32 for 32x32 images: 464,154 parameters with option A. He et al. 2015, section 4.2."""
    return _cifar(32, num_classes, shortcut, pad)


def resnet44(num_classes=10, shortcut="A", pad="end"):
    """ResNet-44 for 32x32 images: 658,586 parameters with option A. He et al. 2015, section 4.2."""
    return _cifar(44, num_classes, shortcut, pad)


def resnet56(num_classes=10, shortcut="A", pad="end"):
    """ResNet-56 for 32x32 images: 853,018 parameters with option A. He et al. 2015, section 4.2."""
    return _cifar(56, num_classes, shortcut, pad)


def resnet110(num_classes=10, shortcut="A", pad="end"):
    """ResNet-110 for 32x32 images: 1,727,962 parameters with option A. He et al. 2015, section 4.2."""
    return _cifar(110, num_classes, shortcut, pad)


def _imagenet(block, depths, num_classes, **options):
    return ResNet(block, depths, [64, 128, 256, 512], "imagenet", num_classes, **options)


def resnet18(num_classes=1000):
    """ResNet-18 for 224x224 images: 11,689,512 parameters. He et al. 2015, table 1."""
    return _imagenet(BasicBlock, [2, 2, 2, 2], num_classes)


def resnet34(num_classes=1000):
    """ResNet-34 for 224x224 images: 21,797,672 parameters. He et al. 2015, table 1."""
    return _imagenet(BasicBlock, [3, 4, 6, 3], num_classes)


def resnet50(num_classes=1000):
    """ResNet-50 for 224x224 images: 25,557,032 parameters. He et al. 2015, table 1."""
    return _imagenet(Bottleneck, [3, 4, 6, 3], num_classes)
