"""tinynet: a deep-learning engine to read, in NumPy and Numba, fast on a CPU.

The names are PyTorch's: `tinynet.tensor`, `tinynet.nn`, `tinynet.optim`. Reading order: tensor, autograd, ops, nn,
models, train; the hot loops are in kernels.
"""

import importlib

from tinynet import autograd, kernels
from tinynet.autograd import Function, detect_anomaly, enable_grad, is_grad_enabled, no_grad
from tinynet.creation import (
    arange, as_tensor, empty, empty_like, eye, from_numpy, full, full_like, linspace, ones, ones_like, rand, rand_like,
    randint, randn, randn_like, randperm, tensor, zeros, zeros_like)
from tinynet.dtypes import bool, float32, float64, int8, int16, int32, int64, uint8
from tinynet.kernels.machine.threads import get_num_threads, set_num_threads
from tinynet.ops.activation import relu
from tinynet.ops.elementwise import (
    abs, add, allclose, bitwise_and, bitwise_not, bitwise_or, bitwise_xor, clamp, clone, cos, div, eq, exp,
    floor_divide, ge, gt, isfinite, isnan, le, log, lt, masked_fill, maximum, minimum, mul, ne, neg, pow, remainder,
    rsqrt, sigmoid, sign, sin, sqrt, square, sub, tanh, where)
from tinynet.ops.indexing import gather, index_select, take_along_dim
from tinynet.ops.matmul import bmm, dot, einsum, matmul, mm
from tinynet.ops.reduce import (
    all, amax, amin, any, argmax, argmin, cumsum, log_softmax, logsumexp, max, mean, min, softmax, std, sum, var)
from tinynet.ops.shape import (
    cat, chunk, flatten, flip, movedim, permute, reshape, roll, split, squeeze, stack, swapaxes, t, transpose, tril,
    triu, unbind, unflatten, unsqueeze)
from tinynet.random import manual_seed
from tinynet.tensor import Tensor
from tinynet.version import __version__

_SUBPACKAGES = {"nn", "optim", "models", "data", "train", "plots", "utils"}
_TOOLS = {"as_torch": "tinynet.interop.hook",
          "save": "tinynet.weights", "load": "tinynet.weights",
          "gradcheck": "tinynet.inspect.gradcheck", "fold_batchnorm": "tinynet.deploy.fold",
          "quantize": "tinynet.deploy.quantize", "summary": "tinynet.inspect.summary",
          "profile": "tinynet.inspect.profile", "graph": "tinynet.inspect.graph",
          "explain_missing_gradients": "tinynet.inspect.missing"}


def __getattr__(name):
    """Subpackages and tools are imported when they are first asked for, so that `import tinynet` stays cheap."""
    if name in _SUBPACKAGES:
        return importlib.import_module(f"tinynet.{name}")
    if name in _TOOLS:
        return getattr(importlib.import_module(_TOOLS[name]), name)
    raise AttributeError(f"module 'tinynet' has no attribute {name!r}")
