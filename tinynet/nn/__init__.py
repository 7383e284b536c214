"""Layers, the modules that hold them, and the functions under them. Names and arguments are `torch.nn`'s."""

from tinynet.nn import functional, init
from tinynet.nn.activation import (
    CELU, ELU, GELU, GLU, Hardshrink, Hardsigmoid, Hardswish, Hardtanh, LeakyReLU, LogSigmoid, LogSoftmax, Mish, PReLU,
    ReLU, ReLU6, RReLU, SELU, Sigmoid, SiLU, Softmax, Softmax2d, Softmin, Softplus, Softshrink, Softsign, Tanh,
    Tanhshrink, Threshold)
from tinynet.nn.containers import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from tinynet.nn.conv import Conv2d, Fold, Unfold, ZeroPad2d
from tinynet.nn.dropout import AlphaDropout, Dropout, Dropout1d, Dropout2d, Dropout3d
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
