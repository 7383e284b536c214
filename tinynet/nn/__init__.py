"""Layers, the modules that hold them, and the functions under them. Names and arguments are `torch.nn`'s."""

from tinynet.nn import functional, init, modules, parallel, parameter, utils
from tinynet.nn.activation import (
    CELU, ELU, GELU, GLU, Hardshrink, Hardsigmoid, Hardswish, Hardtanh, LeakyReLU, LogSigmoid, LogSoftmax, Mish, PReLU,
    ReLU, ReLU6, RReLU, SELU, Sigmoid, SiLU, Softmax, Softmax2d, Softmin, Softplus, Softshrink, Softsign, Tanh,
    Tanhshrink, Threshold)
from tinynet.nn.containers import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from tinynet.nn.conv import (
    Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d, Fold, Unfold)
from tinynet.nn.distance import CosineSimilarity, PairwiseDistance
from tinynet.nn.dropout import AlphaDropout, Dropout, Dropout1d, Dropout2d, Dropout3d
from tinynet.nn.embedding import Embedding
from tinynet.nn.linear import Bilinear, Linear
from tinynet.nn.loss import (
    BCELoss, BCEWithLogitsLoss, CosineEmbeddingLoss, CrossEntropyLoss, GaussianNLLLoss, HingeEmbeddingLoss, HuberLoss,
    KLDivLoss, L1Loss, MarginRankingLoss, MSELoss, MultiLabelSoftMarginLoss, MultiMarginLoss, NLLLoss,
    PoissonNLLLoss, SmoothL1Loss, SoftMarginLoss, TripletMarginLoss, TripletMarginWithDistanceLoss)
from tinynet.nn.module import Module
from tinynet.nn.norm import (
    BatchNorm1d, BatchNorm2d, BatchNorm3d, GroupNorm, InstanceNorm1d, InstanceNorm2d, InstanceNorm3d, LayerNorm,
    LocalResponseNorm, RMSNorm)
from tinynet.nn.padding import (
    CircularPad2d, ConstantPad1d, ConstantPad2d, ConstantPad3d, ReflectionPad1d, ReflectionPad2d, ReplicationPad1d,
    ReplicationPad2d, ReplicationPad3d, ZeroPad1d, ZeroPad2d)
from tinynet.nn.parameter import Parameter
from tinynet.nn.pooling import (
    AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d, AdaptiveMaxPool1d, AdaptiveMaxPool2d, AvgPool1d, AvgPool2d,
    AvgPool3d, MaxPool1d, MaxPool2d, MaxPool3d, MaxUnpool2d)
from tinynet.nn.recurrent import GRU, GRUCell, LSTM, LSTMCell, RNN, RNNCell
from tinynet.nn.resizing import (
    ChannelShuffle, PixelShuffle, PixelUnshuffle, Upsample, UpsamplingBilinear2d, UpsamplingNearest2d)
from tinynet.nn.shape import Flatten, Identity, Unflatten
from tinynet.nn.sync_norm import SyncBatchNorm
from tinynet.nn.blocks.attention import MultiheadAttention              # blocks are made of the layers above
from tinynet.nn.blocks.decoder import Transformer, TransformerDecoder, TransformerDecoderLayer
from tinynet.nn.blocks.transformer import TransformerEncoder, TransformerEncoderLayer

# Names that public code imports from the submodules of `torch.nn.modules`.
from tinynet.nn.conv import _ConvNd, _ConvTransposeNd  # noqa: E402, F401
from tinynet.nn.loss import _Loss  # noqa: E402, F401
from tinynet.nn.norm import _BatchNorm, _InstanceNorm, _NormBase  # noqa: E402, F401
from tinynet.nn.tuples import _ntuple, _pair, _quadruple, _single, _triple  # noqa: E402, F401

__all__ = ["functional", "init", "utils", "parallel", "parameter", *(name for name in globals() if name[0].isupper())]
