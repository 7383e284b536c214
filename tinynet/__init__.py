"""tinynet: a deep-learning engine to read, in NumPy and Numba, fast on a CPU.

The names are PyTorch's: `tinynet.tensor`, `tinynet.nn`, `tinynet.optim`. Reading order: tensor, autograd, ops, nn,
models, train; the hot loops are in kernels.
"""

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
from tinynet.version import __version__                                                           # noqa: E402
