"""Attention in convolutional networks: over the channels (squeeze-and-excitation) and over the pixels."""

import contextlib

from tinynet.nn import functional as F
from tinynet.nn.activation import ReLU, Sigmoid
from tinynet.nn.containers import Sequential
from tinynet.nn.linear import Linear
from tinynet.nn.module import Module


class SEBlock(Module):
    """y = g · x, each channel scaled by a gate g = σ(W₂ relu(W₁ mean(x))) that looks at all channels' means.

    (N, C, H, W) -> the same; W₁ is (C / reduction, C), W₂ (C, C / reduction), both without bias: 2 C² / reduction
    parameters. Hu, Shen & Sun 2018, "Squeeze-and-Excitation Networks", section 3.

    The gates of small batches can be unstable. Set `gates` to a list, and every forward pass appends its gates to it,
    an array (N, C); `watch_gates(model)` does so for all blocks of a network.
    """

    def __init__(self, channels, reduction=16):
        super().__init__()
        if not 1 <= reduction <= channels:
            raise ValueError(f"SEBlock: expected a reduction from 1 to {channels}, the number of channels, "
                             f"got {reduction}")
        self.channels, self.reduction = channels, reduction
        self.fc = Sequential(Linear(channels, channels // reduction, bias=False), ReLU(),
                             Linear(channels // reduction, channels, bias=False), Sigmoid())
        self.gates = None

    def forward(self, x):
        check_map(self, x, self.channels)
        n, c = x.shape[:2]
        gates = self.fc(F.adaptive_avg_pool2d(x, 1).reshape(n, c))
        if self.gates is not None:
            self.gates.append(gates.data.copy())
        return x * gates.reshape(n, c, 1, 1)

    def title(self):
        return f"SEBlock({self.channels})"

    def extra_repr(self):
        return f"{self.channels}, reduction={self.reduction}"


@contextlib.contextmanager
def watch_gates(model):
    """Within the block, record the gates of every SEBlock of `model`: {path: [array (N, C) of each forward pass]}."""
    blocks = {path: module for path, module in model.named_modules() if isinstance(module, SEBlock)}
    before = {path: block.gates for path, block in blocks.items()}
    for block in blocks.values():
        block.gates = []
    try:
        yield {path: block.gates for path, block in blocks.items()}
    finally:
        for path, block in blocks.items():
            block.gates = before[path]


def check_map(module, x, channels):
    """Refuse what is not a batch of feature maps with so many channels."""
    if x.ndim != 4 or x.shape[1] != channels:
        raise ValueError(f"{module.title()}: expected input (N, {channels}, H, W), got {x.shape}")
