"""Residual blocks: y = relu(F(x) + shortcut(x)), so that a block has to learn only what to change.

He et al. 2015, "Deep Residual Learning for Image Recognition". Every addition meets a BatchNorm before it and a ReLU
after it, and the three go over memory once: `bn(x, residual=..., relu=True)`.
"""

from tinynet.nn.containers import Identity, Sequential
from tinynet.nn.conv import Conv2d
from tinynet.nn.module import Module
from tinynet.nn.norm import BatchNorm2d
from tinynet.ops.shortcut import SubsamplePad


class PadShortcut(Module):
    """Option A: every `stride`-th pixel, zeros for the missing channels; nothing to learn.

    `pad="end"` puts the zeros behind the channels, "both" half before and half behind (as public CIFAR checkpoints).
    (N, in_channels, H, W) -> (N, out_channels, ceil(H / stride), ceil(W / stride)). He et al. 2015, section 3.3.
    """

    def __init__(self, in_channels, out_channels, stride, pad="end"):
        super().__init__()
        if out_channels < in_channels:
            raise ValueError(f"PadShortcut: expected at least {in_channels} output channels, got {out_channels}")
        if pad not in ("end", "both"):
            raise ValueError(f'PadShortcut: expected pad "end" or "both", got {pad!r}')
        self.in_channels, self.out_channels, self.stride, self.pad = in_channels, out_channels, stride, pad
        self.before = (out_channels - in_channels) // 2 if pad == "both" else 0

    def forward(self, x):
        if x.ndim != 4 or x.shape[1] != self.in_channels:
            raise ValueError(f"PadShortcut({self.in_channels} -> {self.out_channels}): expected input "
                             f"(N, {self.in_channels}, H, W), got {x.shape}")
        return SubsamplePad.apply(x, self.stride, self.out_channels, self.before)

    def extra_repr(self):
        return f"{self.in_channels}, {self.out_channels}, stride={self.stride}, pad={self.pad!r}"


def make_shortcut(in_channels, out_channels, stride=1, option="B", pad="end"):
    """What stands beside a residual branch: nothing where shapes agree, else option A or B (He et al. 2015, 3.3)."""
    if option not in ("A", "B"):
        raise ValueError(f'shortcut: expected option "A" (zero padding) or "B" (projection), got {option!r}')
    if stride == 1 and in_channels == out_channels:
        return Identity()
    if option == "A":
        return PadShortcut(in_channels, out_channels, stride, pad)
    return Sequential(Conv2d(in_channels, out_channels, 1, stride, bias=False), BatchNorm2d(out_channels))


class BasicBlock(Module):
    """relu(bn(conv3x3(relu(bn(conv3x3(x))))) + shortcut(x)). He et al. 2015, figure 5, left.

    (N, in_channels, H, W) -> (N, channels, ceil(H / stride), ceil(W / stride)).
    """

    expansion = 1                      # output channels / `channels`

    def __init__(self, in_channels, channels, stride=1, shortcut="B", pad="end"):
        super().__init__()
        self.conv1 = Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = BatchNorm2d(channels)
        self.conv2 = Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = BatchNorm2d(channels)
        self.downsample = make_shortcut(in_channels, channels, stride, shortcut, pad)

    def forward(self, x):
        y = self.bn1(self.conv1(x), relu=True)
        return self.bn2(self.conv2(y), residual=self.downsample(x), relu=True)


class Bottleneck(Module):
    """1x1 down, 3x3 (with the stride), 1x1 up, plus the shortcut. He et al. 2015, figure 5, right.

    (N, in_channels, H, W) -> (N, 4 channels, ceil(H / stride), ceil(W / stride)). The inner width is
    channels * base_width / 64 * groups, which makes ResNeXt (Xie et al. 2017) and Wide ResNet of it.
    """

    expansion = 4

    def __init__(self, in_channels, channels, stride=1, shortcut="B", pad="end", groups=1, base_width=64):
        super().__init__()
        width = int(channels * base_width / 64) * groups
        self.conv1 = Conv2d(in_channels, width, 1, bias=False)
        self.bn1 = BatchNorm2d(width)
        self.conv2 = Conv2d(width, width, 3, stride, padding=1, groups=groups, bias=False)
        self.bn2 = BatchNorm2d(width)
        self.conv3 = Conv2d(width, channels * self.expansion, 1, bias=False)
        self.bn3 = BatchNorm2d(channels * self.expansion)
        self.downsample = make_shortcut(in_channels, channels * self.expansion, stride, shortcut, pad)

    def forward(self, x):
        y = self.bn1(self.conv1(x), relu=True)
        y = self.bn2(self.conv2(y), relu=True)
        return self.bn3(self.conv3(y), residual=self.downsample(x), relu=True)
