"""tinynet: a deep-learning engine to read, in NumPy and Numba, fast on a CPU.

The names are PyTorch's: `tinynet.tensor`, `tinynet.nn`, `tinynet.optim`. Reading order: tensor, autograd, ops, nn,
models, train; the hot loops are in kernels.
"""

import importlib

from tinynet import kernels
from tinynet.dtypes import bool, float32, float64, int8, int16, int32, int64, uint8
from tinynet.tensor import Tensor, attach
from tinynet import autograd
from tinynet.autograd import Function, detect_anomaly, enable_grad, is_grad_enabled, no_grad

attach(backward=autograd.backward, register_hook=autograd.register_hook, retain_grad=autograd.retain_grad)

from tinynet.ops.elementwise import (                                                             # noqa: E402
    abs, add, allclose, bitwise_and, bitwise_not, bitwise_or, bitwise_xor, clamp, clone, cos, div, eq, exp, floor_divide,
    ge, gt, isfinite, isnan, le, log, lt, masked_fill, maximum, minimum, mul, ne, neg, pow, remainder, rsqrt, sigmoid,
    sign, sin, sqrt, square, sub, tanh, where)
from tinynet.ops.reduce import (                                                                  # noqa: E402
    all, amax, amin, any, argmax, argmin, cumsum, log_softmax, logsumexp, max, mean, min, softmax, std, sum, var)
from tinynet.ops.shape import (                                                                   # noqa: E402
    cat, chunk, flatten, flip, movedim, permute, reshape, roll, split, squeeze, stack, transpose, tril, triu, unbind,
    unsqueeze)
from tinynet.ops.matmul import bmm, dot, einsum, matmul, mm                                       # noqa: E402
from tinynet.ops.indexing import gather, index_select                                             # noqa: E402
from tinynet.creation import (                                                                    # noqa: E402
    arange, as_tensor, empty, eye, from_numpy, full, full_like, linspace, ones, ones_like, rand, rand_like, randint,
    randn, randn_like, randperm, tensor, zeros, zeros_like)
from tinynet.random import manual_seed                                                            # noqa: E402
from tinynet.kernels.threads import get_num_threads, set_num_threads                              # noqa: E402
from tinynet.version import __version__                                                           # noqa: E402

_LATER = {"nn", "optim", "models", "data", "train", "plots"}
_LATER_NAMES = {"save": "tinynet.deploy.weights", "load": "tinynet.deploy.weights",
                "gradcheck": "tinynet.inspect.gradcheck"}


def __getattr__(name):
    """Subpackages and tools are imported when they are first asked for, so that `import tinynet` stays cheap."""
    if name in _LATER:
        return importlib.import_module(f"tinynet.{name}")
    if name in _LATER_NAMES:
        return getattr(importlib.import_module(_LATER_NAMES[name]), name)
    raise AttributeError(f"module 'tinynet' has no attribute {name!r}")
