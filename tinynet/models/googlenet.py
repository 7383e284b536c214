"""GoogLeNet: 22 layers, nine Inception blocks. Szegedy et al. 2015, "Going Deeper with Convolutions".

Without its auxiliary heads, and with BatchNorm after each convolution (Ioffe & Szegedy 2015) in the place of
local response normalisation.
"""

from tinynet.models.resnet import initialise
from tinynet.nn import AdaptiveAvgPool2d, Dropout, Flatten, Linear, MaxPool2d, Module
from tinynet.nn.blocks.conv import ConvBlock
from tinynet.nn.blocks.inception import GOOGLENET, Inception


class GoogLeNet(Module):
    """A stem, Inception blocks 3a to 5b, a max-pool before each new number, a linear head.

    (N, in_channels, H, W) -> logits (N, num_classes). Szegedy et al. 2015, "Going Deeper with Convolutions", table 1.
    """

    def __init__(self, num_classes=1000, norm="batch", dropout=0.4, in_channels=3):
        super().__init__()
        self.conv1 = ConvBlock(in_channels, 64, 7, stride=2, norm=norm)
        self.conv2 = ConvBlock(64, 64, 1, norm=norm)
        self.conv3 = ConvBlock(64, 192, 3, norm=norm)
        for name, numbers in GOOGLENET.items():
            setattr(self, f"inception{name}", Inception(*numbers, norm=norm))
        self.maxpool = MaxPool2d(3, stride=2, ceil_mode=True)
        self.avgpool = AdaptiveAvgPool2d(1)
        self.flatten = Flatten()
        self.dropout = Dropout(dropout)
        self.fc = Linear(self.inception5b.out_channels, num_classes)
        self.apply(initialise)

    def forward(self, x):
        x = self.maxpool(self.conv1(x))
        x = self.conv3(self.conv2(x))
        stage = ""
        for name in GOOGLENET:
            if name[0] != stage:                       # a new stage begins at half the size
                x, stage = self.maxpool(x), name[0]
            x = getattr(self, f"inception{name}")(x)
        return self.fc(self.dropout(self.flatten(self.avgpool(x))))


def googlenet(num_classes=1000, norm="batch", dropout=0.4, in_channels=3):
    """GoogLeNet for 224x224 images: 7,005,832 parameters, or 6,998,552 with norm="none", as published.

    Szegedy et al. 2015, "Going Deeper with Convolutions", table 1.
    """
    return GoogLeNet(num_classes, norm, dropout, in_channels)
