"""Building blocks of modern vision networks, each small enough to read in one look."""

from tinynet.nn.blocks.attention import MultiheadAttention, SEBlock, SelfAttention, watch_gates
from tinynet.nn.blocks.composite import Parallel, Residual
from tinynet.nn.blocks.conv import ConvBlock, DepthwiseSeparableConv, DilatedConv, GroupedConv
from tinynet.nn.blocks.inception import Inception
from tinynet.nn.blocks.residual import (
    BasicBlock, Bottleneck, PreActBlock, PreActBottleneck, ResidualBlock, ResidualMLP, SEBasicBlock,
    SEBottleneck, SEPreActBlock, SEPreActBottleneck)
from tinynet.nn.blocks.shortcut import PadShortcut, StochasticDepth, make_shortcut
from tinynet.nn.blocks.transformer import (
    FeedForward, LearnedPositions, SinusoidalPositions, TransformerEncoder, TransformerEncoderLayer)

__all__ = ["ConvBlock", "DepthwiseSeparableConv", "GroupedConv", "DilatedConv",
           "BasicBlock", "Bottleneck", "PreActBlock", "PreActBottleneck", "ResidualBlock", "ResidualMLP",
           "SEBasicBlock", "SEBottleneck", "SEPreActBlock", "SEPreActBottleneck",
           "PadShortcut", "StochasticDepth", "make_shortcut", "Inception", "Parallel", "Residual",
           "SEBlock", "watch_gates", "SelfAttention", "MultiheadAttention", "FeedForward", "TransformerEncoderLayer",
           "TransformerEncoder", "SinusoidalPositions", "LearnedPositions"]
