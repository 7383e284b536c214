"""Layers, the modules that hold them, and the functions under them. Names and arguments are `torch.nn`'s."""

from tinynet.nn import functional, init
from tinynet.nn.activation import GELU, LeakyReLU, LogSoftmax, ReLU, Sigmoid, SiLU, Softmax, Tanh
from tinynet.nn.containers import Flatten, Identity, ModuleDict, ModuleList, Sequential
from tinynet.nn.conv import Conv2d, Fold, Unfold, ZeroPad2d
from tinynet.nn.dropout import Dropout
from tinynet.nn.embedding import Embedding
from tinynet.nn.linear import Linear
from tinynet.nn.loss import BCEWithLogitsLoss, CrossEntropyLoss, L1Loss, MSELoss, NLLLoss
from tinynet.nn.module import Module, Parameter
from tinynet.nn.norm import BatchNorm1d, BatchNorm2d, GroupNorm, LayerNorm
from tinynet.nn.pooling import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d
from tinynet.nn.blocks.attention import MultiheadAttention              # blocks are made of the layers above
from tinynet.nn.blocks.transformer import TransformerEncoder, TransformerEncoderLayer

__all__ = [
    "functional", "init", "Module", "Parameter", "Sequential", "ModuleList", "ModuleDict", "Identity",
    "Flatten", "Linear", "Conv2d", "Unfold", "Fold", "ZeroPad2d", "BatchNorm1d", "BatchNorm2d", "LayerNorm",
    "GroupNorm", "MaxPool2d", "AvgPool2d", "AdaptiveAvgPool2d", "ReLU", "LeakyReLU", "GELU", "SiLU",
    "Sigmoid", "Tanh", "Softmax", "LogSoftmax", "Dropout", "Embedding", "CrossEntropyLoss", "NLLLoss",
    "MSELoss", "L1Loss", "BCEWithLogitsLoss", "MultiheadAttention", "TransformerEncoderLayer",
    "TransformerEncoder"]
