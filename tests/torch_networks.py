"""tinynet's networks in PyTorch, with the same names, for the tests that compare the two."""

import torch
from torch import nn
from torch.nn import functional as F


class PadShortcut(nn.Module):
    def __init__(self, missing, stride, before):
        super().__init__()
        self.missing, self.stride, self.before = missing, stride, before

    def forward(self, x):
        return F.pad(x[:, :, ::self.stride, ::self.stride], (0, 0, 0, 0, self.before, self.missing - self.before))


class BasicBlock(nn.Module):
    def __init__(self, c, k, stride, shortcut, pad):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(c, k, 3, stride, 1, bias=False), nn.BatchNorm2d(k)
        self.conv2, self.bn2 = nn.Conv2d(k, k, 3, 1, 1, bias=False), nn.BatchNorm2d(k)
        self.downsample = nn.Identity()
        if stride != 1 or c != k:
            self.downsample = (PadShortcut(k - c, stride, (k - c) // 2 if pad == "both" else 0) if shortcut == "A" else
                               nn.Sequential(nn.Conv2d(c, k, 1, stride, bias=False), nn.BatchNorm2d(k)))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.downsample(x))


class CifarResNet(nn.Module):
    def __init__(self, depth=20, shortcut="A", pad="end"):
        super().__init__()
        blocks = (depth - 2) // 6
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)
        c = 16
        for i, k in enumerate((16, 32, 64)):
            stage = [BasicBlock(c if j == 0 else k, k, 2 if i and j == 0 else 1, shortcut, pad) for j in range(blocks)]
            setattr(self, f"layer{i + 1}", nn.Sequential(*stage))
            c = k
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(x.mean((2, 3)))


def copy_weights(ours, theirs):
    """Give the PyTorch network the tinynet network's weights."""
    theirs.load_state_dict({key: torch.tensor(value.numpy()) for key, value in ours.state_dict().items()})
