"""The shortcut of a residual block, and stochastic depth, which drops the branch at random in training."""

import numpy as np

from tinynet.nn import functional as F
from tinynet.nn.blocks.common import Block, make_norm
from tinynet.nn.containers import Sequential
from tinynet.nn.shape import Identity
from tinynet.nn.conv import Conv2d
from tinynet.nn.module import Module
from tinynet.ops.shortcut import SubsamplePad
from tinynet.tensor import Tensor


def make_shortcut(in_channels, out_channels, stride=1, option="B", pad="end", norm="batch"):
    """Beside a residual branch: nothing where the shapes agree, else option A or B.

    He et al. 2015, "Deep Residual Learning", section 3.3.
    The module takes (N, in_channels, H, W) to (N, out_channels, ceil(H / stride), ceil(W / stride)).
    ValueError for other options, and for a `pad` with option B, which has no zeros.
    """
    if option not in ("A", "B"):
        raise ValueError(f'shortcut: expected option "A" (zero padding) or "B" (projection), got {option!r}')
    if option == "B" and pad != "end":
        raise ValueError(f'pad: expected shortcut "A" beside pad={pad!r}, as option "B" has no zeros to place')
    if stride == 1 and in_channels == out_channels:
        return Identity()
    if option == "A":
        return PadShortcut(in_channels, out_channels, stride, pad)
    return Sequential(Conv2d(in_channels, out_channels, 1, stride, bias=False), make_norm(norm, out_channels))


class PadShortcut(Block):
    """Option A: every `stride`-th pixel, zeros for the missing channels; nothing to learn.

    `pad="end"` puts the zeros after the channels, "both" half before and half after them (public checkpoints).
    ValueError for others, and for fewer channels out than in.
    (N, in_channels, H, W) -> (N, out_channels, ceil(H / stride), ceil(W / stride)).
    He et al. 2015, "Deep Residual Learning", section 3.3.
    """

    def __init__(self, in_channels, out_channels, stride, pad="end"):
        super().__init__(in_channels, out_channels)
        if out_channels < in_channels:
            raise ValueError(f"PadShortcut: expected at least {in_channels} output channels, "
                             f"got {out_channels}")
        if pad not in ("end", "both"):
            raise ValueError(f'PadShortcut: expected pad "end" or "both", got {pad!r}')
        self.stride, self.pad = stride, pad
        self.before = (out_channels - in_channels) // 2 if pad == "both" else 0

    def forward(self, x):
        self.check(x)
        return SubsamplePad.apply(x, self.stride, self.out_channels, self.before)

    def extra_repr(self):
        return f"{self.in_channels}, {self.out_channels}, stride={self.stride}, pad={self.pad!r}"


class StochasticDepth(Module):
    """In training zeroes whole samples with probability p, and scales the others by 1 / (1 - p).

    At the end of a residual branch it makes the network shallower for the moment, at random. The draws come
    from the stream "dropout" of `tinynet.manual_seed`. (N, ...) -> the same.
    Huang et al. 2016, "Deep Networks with Stochastic Depth". ValueError unless p is from 0 to 1.
    """

    def __init__(self, p):
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"StochasticDepth: expected a probability p in [0, 1], got {p}")
        self.p = p

    def forward(self, x):
        if not self.training or self.p == 0:
            return x
        ones = Tensor(np.ones((len(x), *[1] * (x.ndim - 1)), x.dtype))           # (N, 1, 1, 1)
        return x * F.dropout(ones, self.p)

    def extra_repr(self):
        return f"p={self.p}"
