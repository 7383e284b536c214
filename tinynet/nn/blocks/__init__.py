"""Building blocks of modern vision networks, each small enough to read in one look."""

from tinynet.nn.blocks.residual import BasicBlock, Bottleneck, PadShortcut, make_shortcut

__all__ = ["BasicBlock", "Bottleneck", "PadShortcut", "make_shortcut"]
