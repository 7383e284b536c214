"""ResNets: the CIFAR family, the ImageNet family, and others. He et al. 2015, "Deep Residual Learning", section 4.

Names of modules and parameters are torchvision's, so that weights move both ways. The two families differ in
the stem (a 3x3 convolution; a 7x7 with stride 2 and a max-pool), the widths of the stages and the shortcut.
"""

from itertools import islice

from tinynet.models.pretrained import load_weights
from tinynet.nn import (
    AdaptiveAvgPool2d, Conv2d, Dropout, Flatten, Identity, Linear, MaxPool2d, Module, Sequential, init)
from tinynet.nn.blocks.common import make_norm, needs_bias, norm_relu
from tinynet.nn.blocks.fused import conv_norm
from tinynet.nn.blocks.residual import (
    BasicBlock, Bottleneck, PreActBlock, ResidualBase, SEBasicBlock, SEBottleneck)


class ResNet(Module):
    """A stem, stages of residual blocks (all but the first start with stride 2), average pool, linear head.

    `depths` and `widths` give the blocks and channels of each stage; `strides` the strides, if they are not 1, 2,
    2, ... The stem is "imagenet", "cifar" or "none": then the first stage takes the images, or maps, as they are.
    (N, in_channels, H, W) -> logits (N, num_classes), or the pooled features (N, C) if that is None. Options are
    those of the blocks (see `ResidualBase`), but `stochastic_depth` is the rate of the last block, to which it grows
    evenly (Huang et al. 2016, section 3). He et al. 2015, "Deep Residual Learning", sections 4.1 and 4.2.
    """

    def __init__(self, block, depths, widths, stem="imagenet", num_classes=1000, *, in_channels=3, strides=None,
                 norm="batch", stochastic_depth=0.0, dropout=0.0, **options):
        super().__init__()
        channels = in_channels if stem == "none" else widths[0]
        self._make_stem(stem, in_channels, channels, norm)
        self.stages = [f"layer{i + 1}" for i in range(len(depths))]
        strides = [1] + [2] * (len(depths) - 1) if strides is None else strides
        rates = (stochastic_depth * (i + 1) / sum(depths) for i in range(sum(depths)))
        for stage, depth, width, stride in zip(self.stages, depths, widths, strides):
            drops = list(islice(rates, depth))
            setattr(self, stage, make_stage(block, channels, width, stride, drops, norm=norm, **options))
            channels = width * block.expansion
        self.avgpool = AdaptiveAvgPool2d(1)
        self.flatten = Flatten()
        self.dropout = Dropout(dropout) if dropout else Identity()
        self.fc = Identity() if num_classes is None else Linear(channels, num_classes)
        self.out_channels = channels
        self.apply(initialise)

    def _make_stem(self, stem, in_channels, channels, norm):
        kernel_size, stride = (3, 1) if stem == "cifar" else (7, 2)
        self.conv1 = None if stem == "none" else Conv2d(in_channels, channels, kernel_size, stride, kernel_size // 2,
                                                        bias=needs_bias(norm))
        self.bn1 = None if stem == "none" else make_norm(norm, channels)
        self.maxpool = MaxPool2d(3, stride=2, padding=1) if stem == "imagenet" else Identity()

    def forward(self, x):
        return self.head(self.body(self.stem(x)))

    def stem(self, x):
        """Images to the maps that the first stage takes, (N, in_channels, H, W) -> (N, C, P, Q)."""
        return x if self.conv1 is None else self.maxpool(conv_norm(self.conv1, self.bn1, x))

    def body(self, x):
        """The stem's maps through all stages, (N, C, H, W) -> (N, out_channels, P, Q)."""
        for stage in self.stages:
            x = getattr(self, stage)(x)
        return x

    def head(self, x):
        """The last maps to scores, (N, out_channels, P, Q) -> (N, num_classes)."""
        return self.fc(self.dropout(self.flatten(self.avgpool(x))))


class PreActResNet(ResNet):
    """A ResNet of pre-activated blocks: the first norm and ReLU come after the last stage. He et al. 2016.

    Shapes and options are ResNet's.
    """

    def __init__(self, *args, norm="batch", **options):
        super().__init__(*args, norm=norm, **options)
        self.bn1 = make_norm(norm, self.out_channels)

    def forward(self, x):
        return self.head(norm_relu(self.bn1, self.body(self.stem(x))))

    def stem(self, x):
        """Images to the maps that the first stage takes, (N, in_channels, H, W) -> (N, C, P, Q); no norm here."""
        return x if self.conv1 is None else self.maxpool(self.conv1(x))


def make_stage(block, in_channels, width, stride, drops, **options):
    """A block for each rate of stochastic depth in `drops`; only the first changes size and channels."""
    blocks = [block(in_channels, width, stride, stochastic_depth=drops[0], **options)]
    blocks += [block(width * block.expansion, width, stochastic_depth=drop, **options) for drop in drops[1:]]
    return Sequential(*blocks)


def initialise(module):
    """He et al. 2015, "Delving Deep into Rectifiers", as torchvision does it."""
    if isinstance(module, Conv2d):
        init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    elif isinstance(module, ResidualBase) and module.zero_init_residual:
        module.zero_branch()


# For 32x32 images -------------------------------------------------------------------------------------------


def _cifar(depth, num_classes, shortcut, pad, options, block=BasicBlock, network=ResNet):
    """6n+2 layers: three stages of n blocks with 16, 32 and 64 channels.

    He et al. 2015, "Deep Residual Learning", section 4.2.
    """
    depths = [(depth - 2) // 6] * 3
    return network(block, depths, [16, 32, 64], "cifar", num_classes, shortcut=shortcut, pad=pad, **options)


def resnet8(num_classes=10, shortcut="A", pad="end", **options):
    """ResNet-8 for 32x32 images: the smallest of the family, for experiments.

    He et al. 2015, "Deep Residual Learning", section 4.2.
    """
    return _cifar(8, num_classes, shortcut, pad, options)


def resnet14(num_classes=10, shortcut="A", pad="end", **options):
    """ResNet-14 for 32x32 images: 172,506 parameters with option A.

    He et al. 2015, "Deep Residual Learning", section 4.2.
    """
    return _cifar(14, num_classes, shortcut, pad, options)


def resnet20(num_classes=10, shortcut="A", pad="end", *, weights=None, **options):
    """ResNet-20 for 32x32 images: 269,722 parameters with option A.

    He et al. 2015, "Deep Residual Learning", section 4.2.

    `weights="cifar10"` fills it with those that tinynet learned (docs/results.md), for images normalised with
    CIFAR-10's mean and std.
    """
    model = _cifar(20, num_classes, shortcut, pad, options)
    return load_weights(model, f"resnet20-{weights}") if weights else model


def resnet32(num_classes=10, shortcut="A", pad="end", **options):
    """ResNet-32 for 32x32 images: 464,154 parameters with option A.

    He et al. 2015, "Deep Residual Learning", section 4.2.
    """
    return _cifar(32, num_classes, shortcut, pad, options)


def resnet44(num_classes=10, shortcut="A", pad="end", **options):
    """ResNet-44 for 32x32 images: 658,586 parameters with option A.

    He et al. 2015, "Deep Residual Learning", section 4.2.
    """
    return _cifar(44, num_classes, shortcut, pad, options)


def resnet56(num_classes=10, shortcut="A", pad="end", **options):
    """ResNet-56 for 32x32 images: 853,018 parameters with option A.

    He et al. 2015, "Deep Residual Learning", section 4.2.
    """
    return _cifar(56, num_classes, shortcut, pad, options)


def resnet110(num_classes=10, shortcut="A", pad="end", **options):
    """ResNet-110 for 32x32 images: 1,727,962 parameters with option A.

    He et al. 2015, "Deep Residual Learning", section 4.2.
    """
    return _cifar(110, num_classes, shortcut, pad, options)


def se_resnet20(num_classes=10, shortcut="A", pad="end", **options):
    """SE-ResNet-20 for 32x32 images: 271,738 parameters with option A. Hu, Shen & Sun 2018."""
    return _cifar(20, num_classes, shortcut, pad, options, SEBasicBlock)


def preact_resnet20(num_classes=10, shortcut="A", pad="end", **options):
    """Pre-activated ResNet-20 for 32x32 images: 269,722 parameters with option A. He et al. 2016."""
    return _cifar(20, num_classes, shortcut, pad, options, PreActBlock, PreActResNet)


def preact_resnet110(num_classes=10, shortcut="A", pad="end", **options):
    """Pre-activated ResNet-110 for 32x32 images: 1,727,962 parameters with option A. He et al. 2016."""
    return _cifar(110, num_classes, shortcut, pad, options, PreActBlock, PreActResNet)


# For 224x224 images -----------------------------------------------------------------------------------------


def _imagenet(block, depths, num_classes, options):
    return ResNet(block, depths, [64, 128, 256, 512], "imagenet", num_classes, **options)


def resnet18(num_classes=1000, **options):
    """ResNet-18 for 224x224 images: 11,689,512 parameters. He et al. 2015, "Deep Residual Learning", table 1."""
    return _imagenet(BasicBlock, [2, 2, 2, 2], num_classes, options)


def resnet34(num_classes=1000, **options):
    """ResNet-34 for 224x224 images: 21,797,672 parameters. He et al. 2015, "Deep Residual Learning", table 1."""
    return _imagenet(BasicBlock, [3, 4, 6, 3], num_classes, options)


def resnet50(num_classes=1000, **options):
    """ResNet-50 for 224x224 images: 25,557,032 parameters. He et al. 2015, "Deep Residual Learning", table 1."""
    return _imagenet(Bottleneck, [3, 4, 6, 3], num_classes, options)


def resnet101(num_classes=1000, **options):
    """ResNet-101 for 224x224 images: 44,549,160 parameters. He et al. 2015, "Deep Residual Learning", table 1."""
    return _imagenet(Bottleneck, [3, 4, 23, 3], num_classes, options)


def resnet152(num_classes=1000, **options):
    """ResNet-152 for 224x224 images: 60,192,808 parameters. He et al. 2015, "Deep Residual Learning", table 1."""
    return _imagenet(Bottleneck, [3, 8, 36, 3], num_classes, options)


def resnext50_32x4d(num_classes=1000, **options):
    """ResNeXt-50, 32 groups of 4, for 224x224 images: 25,028,904 parameters. Xie et al. 2017, table 1."""
    return resnet50(num_classes, groups=32, base_width=4, **options)


def resnext101_32x8d(num_classes=1000, **options):
    """ResNeXt-101, 32 groups of 8, for 224x224 images: 88,791,336 parameters. Xie et al. 2017."""
    return resnet101(num_classes, groups=32, base_width=8, **options)


def wide_resnet50_2(num_classes=1000, **options):
    """Wide ResNet-50, factor 2, for 224x224 images: 68,883,240 parameters. Zagoruyko & Komodakis 2016."""
    return resnet50(num_classes, base_width=128, **options)


def wide_resnet101_2(num_classes=1000, **options):
    """Wide ResNet-101, factor 2, for 224x224 images: 126,886,696 parameters. Zagoruyko & Komodakis 2016."""
    return resnet101(num_classes, base_width=128, **options)


def se_resnet50(num_classes=1000, **options):
    """SE-ResNet-50 for 224x224 images: 28,071,976 parameters. Hu, Shen & Sun 2018, table 1."""
    return _imagenet(SEBottleneck, [3, 4, 6, 3], num_classes, options)
