"""Inception: several sizes of convolution look at the same map, and the next layer chooses.

Szegedy et al. 2015, "Going Deeper with Convolutions".
"""

from tinynet.nn.blocks.composite import Parallel
from tinynet.nn.blocks.conv import ConvBlock
from tinynet.nn.containers import Sequential
from tinynet.nn.pooling import MaxPool2d

# Table 1 of the paper: input channels, 1x1, (reduce, 3x3), (reduce, 5x5), projection after the pool.
GOOGLENET = {
    "3a": (192, 64, (96, 128), (16, 32), 32),
    "3b": (256, 128, (128, 192), (32, 96), 64),
    "4a": (480, 192, (96, 208), (16, 48), 64),
    "4b": (512, 160, (112, 224), (24, 64), 64),
    "4c": (512, 128, (128, 256), (24, 64), 64),
    "4d": (512, 112, (144, 288), (32, 64), 64),
    "4e": (528, 256, (160, 320), (32, 128), 128),
    "5a": (832, 256, (160, 320), (32, 128), 128),
    "5b": (832, 384, (192, 384), (48, 128), 128),
}


class Inception(Parallel):
    """1x1, 3x3, 5x5 and max-pool, side by side, concatenated; 1x1 convolutions make the larger ones cheap.

    (N, in_channels, H, W) -> (N, conv1 + conv3[1] + conv5[1] + pool, H, W); `conv3` and `conv5` are pairs
    (channels between, channels out). `Inception(*GOOGLENET["3a"])` is GoogLeNet's first; the options are
    ConvBlock's. Szegedy et al. 2015, "Going Deeper with Convolutions", figure 2b.
    """

    def __init__(self, in_channels, conv1, conv3, conv5, pool, **options):
        def conv(channels, kernel_size, inputs=in_channels):
            return ConvBlock(inputs, channels, kernel_size, **options)

        super().__init__({
            "branch1": conv(conv1, 1),
            "branch3": Sequential(conv(conv3[0], 1), conv(conv3[1], 3, conv3[0])),
            "branch5": Sequential(conv(conv5[0], 1), conv(conv5[1], 5, conv5[0])),
            "pool": Sequential(MaxPool2d(3, stride=1, padding=1), conv(pool, 1)),
        }, join="cat")
        self.in_channels, self.out_channels = in_channels, conv1 + conv3[1] + conv5[1] + pool

    def forward(self, x):
        if x.ndim != 4 or x.shape[1] != self.in_channels:
            raise ValueError(f"{self.title()}: expected input (N, {self.in_channels}, H, W), got {x.shape}")
        return super().forward(x)

    def title(self):
        return f"Inception({self.in_channels} -> {self.out_channels})"
