"""Layers, the modules that hold them, and the functions under them. Names and arguments are `torch.nn`'s."""

from tinynet.nn import functional, init
from tinynet.nn.activation import GELU, LeakyReLU, LogSoftmax, ReLU, Sigmoid, SiLU, Softmax, Tanh
from tinynet.nn.containers import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from tinynet.nn.conv import Conv2d, Fold, Unfold, ZeroPad2d
from tinynet.nn.dropout import Dropout
from tinynet.nn.embedding import Embedding
from tinynet.nn.linear import Linear
from tinynet.nn.loss import BCEWithLogitsLoss, CrossEntropyLoss, L1Loss, MSELoss, NLLLoss
from tinynet.nn.module import Module
from tinynet.nn.norm import BatchNorm1d, BatchNorm2d, GroupNorm, LayerNorm
from tinynet.nn.parameter import Parameter
from tinynet.nn.pooling import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d
from tinynet.nn.shape import Flatten, Identity, Unflatten
from tinynet.nn.blocks.attention import MultiheadAttention              # blocks are made of the layers above
from tinynet.nn.blocks.transformer import TransformerEncoder, TransformerEncoderLayer

__all__ = ["functional", "init", *(name for name in globals() if name[0].isupper())]
