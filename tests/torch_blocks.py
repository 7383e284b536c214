"""The blocks in PyTorch, with the same names, in plain unfused code."""

import torch
from torch import nn
from torch.nn import functional as F

from torch_networks import PadShortcut


def make_norm(norm, channels):
    if norm == "batch":
        return nn.BatchNorm2d(channels)
    if norm == "group":
        return nn.GroupNorm(max(g for g in range(1, channels + 1) if channels % g == 0 and (
            channels // g >= 8 or g == 1)), channels)
    return nn.GroupNorm(1, channels) if norm == "layer" else nn.Identity()


class ConvBlock(nn.Module):
    def __init__(self, c, k, kernel_size=3, stride=1, padding=None, dilation=1, groups=1, norm="batch",
                 activation=F.relu):
        super().__init__()
        padding = dilation * (kernel_size - 1) // 2 if padding is None else padding
        self.conv = nn.Conv2d(c, k, kernel_size, stride, padding, dilation, groups, bias=norm == "none")
        self.norm, self.activation = make_norm(norm, k), activation

    def forward(self, x):
        return self.activation(self.norm(self.conv(x)))


class DepthwiseSeparableConv(nn.Module):
    def __init__(self, c, k, stride=1):
        super().__init__()
        self.depthwise, self.pointwise = ConvBlock(c, c, 3, stride, groups=c), ConvBlock(c, k, 1)

    def forward(self, x):
        return self.pointwise(self.depthwise(x))


class SEBlock(nn.Module):
    def __init__(self, channels, reduction):
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(channels, channels // reduction, bias=False), nn.ReLU(),
                                nn.Linear(channels // reduction, channels, bias=False), nn.Sigmoid())

    def forward(self, x):
        return x * self.fc(x.mean((2, 3)))[:, :, None, None]


class ResidualBlock(nn.Module):
    """All four kinds: convolutions of given (c, k, kernel, stride, groups), norms before or behind them."""

    def __init__(self, convolutions, preactivated=False, shortcut="B", pad="end", norm="batch",
                 reduction=None):
        super().__init__()
        self.count, self.preactivated = len(convolutions), preactivated
        for i, (c, k, size, stride, groups) in enumerate(convolutions, start=1):
            conv = nn.Conv2d(c, k, size, stride, size // 2, groups=groups, bias=norm == "none")
            setattr(self, f"conv{i}", conv)
            setattr(self, f"bn{i}", make_norm(norm, c if preactivated else k))
        c, k, stride = convolutions[0][0], convolutions[-1][1], max(s for _, _, _, s, _ in convolutions)
        self.attention = SEBlock(k, reduction) if reduction else nn.Identity()
        self.downsample = nn.Identity()
        if stride != 1 or c != k:
            projection = nn.Sequential(nn.Conv2d(c, k, 1, stride, bias=False), make_norm(norm, k))
            padding = PadShortcut(k - c, stride, (k - c) // 2 if pad == "both" else 0)
            self.downsample = padding if shortcut == "A" else projection

    def forward(self, x):
        return self.preactivated_sum(x) if self.preactivated else self.sum(x)

    def sum(self, x):
        y = x
        for i in range(1, self.count + 1):
            y = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(y))
            y = F.relu(y) if i < self.count else y
        return F.relu(self.attention(y) + self.downsample(x))

    def preactivated_sum(self, x):
        y = x
        for i in range(1, self.count + 1):
            y = F.relu(getattr(self, f"bn{i}")(y))
            if i == 1 and not isinstance(self.downsample, nn.Identity):
                x = self.downsample(y)
            y = getattr(self, f"conv{i}")(y)
        return self.attention(y) + x


def basic(c, k, stride=1, hidden=None, **options):
    hidden = hidden or k
    return ResidualBlock([(c, hidden, 3, stride, 1), (hidden, k, 3, 1, 1)], **options)


def bottleneck(c, channels, stride=1, groups=1, base_width=64, **options):
    width = channels * base_width // 64 * groups
    convolutions = [(c, width, 1, 1, 1), (width, width, 3, stride, groups), (width, 4 * channels, 1, 1, 1)]
    return ResidualBlock(convolutions, **options)


class ResidualMLP(nn.Module):
    def __init__(self, features, hidden):
        super().__init__()
        self.norm = nn.BatchNorm1d(features)
        self.fc1, self.fc2 = nn.Linear(features, hidden), nn.Linear(hidden, features)

    def forward(self, x):
        return x + self.fc2(F.relu(self.fc1(self.norm(x))))


class Inception(nn.Module):
    def __init__(self, c, conv1, conv3, conv5, pool):
        super().__init__()
        self.branch1 = ConvBlock(c, conv1, 1)
        self.branch3 = nn.Sequential(ConvBlock(c, conv3[0], 1), ConvBlock(*conv3, 3))
        self.branch5 = nn.Sequential(ConvBlock(c, conv5[0], 1), ConvBlock(*conv5, 5))
        self.pool = nn.Sequential(nn.MaxPool2d(3, 1, 1), ConvBlock(c, pool, 1))

    def forward(self, x):
        return torch.cat([self.branch1(x), self.branch3(x), self.branch5(x), self.pool(x)], 1)
