"""tinynet: a deep-learning engine to read, in NumPy and Numba, fast on a CPU.

The names are PyTorch's: `tinynet.tensor`, `tinynet.nn`, `tinynet.optim`. Reading order: tensor, autograd, ops, nn,
models, train; the hot loops are in kernels.
"""

import importlib
import math

import numpy

from tinynet import autograd, copying as _copying, kernels
from tinynet.autograd import Function
from tinynet.creation import (
    arange, as_tensor, empty, empty_like, eye, from_numpy, full, full_like, linspace, logspace, ones, ones_like, tensor,
    tril_indices, triu_indices, zeros, zeros_like)
from tinynet.devices import device
from tinynet.dtypes import (
    bfloat16, bool, cdouble, cfloat, complex64, complex128, double, finfo, float16, float32, float32 as float, float64,
    half, iinfo, int8, int16, int32, int32 as int, int64, long, promote_types, result_type, short, uint8)
from tinynet.gradients.anomaly import detect_anomaly
from tinynet.gradients.modes import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from tinynet.inspect import notebook as _notebook     # methods of tensors only
from tinynet.interop.settings import (
    are_deterministic_algorithms_enabled, channels_last, channels_last_3d, contiguous_format, get_default_device,
    get_default_dtype, get_float32_matmul_precision, memory_format, preserve_format, set_default_device,
    set_default_dtype, set_default_tensor_type, set_float32_matmul_precision, set_num_interop_threads, strided,
    use_deterministic_algorithms)
from tinynet.kernels.machine.threads import get_num_threads, set_num_threads
from tinynet.ops import in_place_forms as _in_place_forms       # methods of tensors only
from tinynet.ops.activation import relu
from tinynet.ops.algebra import (
    addbmm, addmm, addmv, addr, adjoint, baddbmm, block_diag, cdist, cross, inner, kron, matrix_power, mv, outer,
    tensordot, vdot)
from tinynet.ops.aliases import (
    absolute, arccos, arcsin, arctan, concat, concatenate, divide, fix, ger, greater, greater_equal, less,
    less_equal, moveaxis, multiply, negative, not_equal, sgn, subtract, swapdims, true_divide)
from tinynet.ops.arithmetic import add, div, floor_divide, fmod, mul, pow, remainder, sub
from tinynet.ops.choice import clamp, clamp as clip, masked_fill, maximum, minimum, where
from tinynet.ops.comparison import (
    allclose, bitwise_and, bitwise_not, bitwise_or, bitwise_xor, eq, ge, gt, isclose, isfinite, isin, isinf, isnan,
    isneginf, isposinf, le, logical_and, logical_not, logical_or, logical_xor, lt, ne)
from tinynet.ops.convert import clone
from tinynet.ops.derived import (
    addcdiv, addcmul, atan2, clamp_max, clamp_min, deg2rad, dist, erfc, float_power, heaviside, hypot, lerp, logaddexp,
    logit, nan_to_num, rad2deg, rsub)
from tinynet.ops.elementary import (
    acos, acosh, asin, asinh, atan, atanh, ceil, cos, cosh, erf, erfinv, exp2, expm1, floor, frac, log, log1p, log2,
    log10, reciprocal, round, sin, sinh, tan, trunc)
from tinynet.ops.extremes import amax, amin, argmax, argmin, max, min
from tinynet.ops.facts import equal, is_complex, is_floating_point, is_nonzero, is_tensor, numel
from tinynet.ops.indexing import gather, index_select, take_along_dim
from tinynet.ops.joining import cat, chunk, split, stack, unbind
from tinynet.ops.matmul import bmm, dot, einsum, matmul, mm
from tinynet.ops.moving import flip, roll, tril, triu
from tinynet.ops.parts import (
    atleast_1d, atleast_2d, broadcast_shapes, broadcast_tensors, broadcast_to, cartesian_prod, column_stack, diag,
    diag_embed, diagonal, dstack, fliplr, flipud, hstack, meshgrid, ravel, repeat_interleave, rot90, tensor_split, tile,
    vstack)
from tinynet.ops.pointwise import abs, exp, neg, rsqrt, sigmoid, sign, sqrt, square, tanh
from tinynet.ops.products import (
    aminmax, bincount, count_nonzero, cumprod, diff, histc, nanmean, nansum, norm, prod, std_mean, trace, var_mean)
from tinynet.ops.reduce import all, any, cumsum, mean, std, sum, var
from tinynet.ops.scatter import (
    argwhere, index_add, index_copy, index_fill, masked_scatter, masked_select, narrow, nonzero, scatter, scatter_add,
    select, take)
from tinynet.ops.scatter_reduce import scatter_reduce
from tinynet.ops.shape import (
    flatten, movedim, permute, reshape, squeeze, swapaxes, t, transpose, unflatten, unsqueeze)
from tinynet.ops.softmax import log_softmax, logsumexp, softmax
from tinynet.ops.sorting import (
    argsort, bucketize, kthvalue, median, msort, quantile, searchsorted, sort, topk, unique, unique_consecutive)
from tinynet.random import Generator, default_generator, initial_seed, manual_seed, seed
from tinynet.random import get_state as get_rng_state, set_state as set_rng_state
from tinynet.sampling import (
    bernoulli, multinomial, normal, rand, rand_like, randint, randint_like, randn, randn_like, randperm)
from tinynet.tensor import Size, Tensor, set_printoptions
from tinynet.version import __version__

inf, nan, pi, e = math.inf, math.nan, math.pi, math.e
newaxis = None
dtype = numpy.dtype

_SUBPACKAGES = {
    "nn", "optim", "models", "data", "train", "weights", "plots", "utils", "vision", "distributed", "distributions"}
_PLACES = {                                    # where the other names are
    "tinynet.interop.hook": ["as_torch"],
    "tinynet.weights": ["save", "load"],
    "tinynet.inspect.gradcheck": ["gradcheck"],
    "tinynet.deploy.fold": ["fold_batchnorm"],
    "tinynet.deploy.quantize": ["quantize"],
    "tinynet.deploy.classifier": ["load_run"],
    "tinynet.deploy.onnx": ["export_onnx"],
    "tinynet.inspect.summary": ["summary"],
    "tinynet.inspect.profile": ["profile"],
    "tinynet.inspect.graph": ["graph"],
    "tinynet.explorer.explore": ["explore"],
    "tinynet.inspect.missing": ["explain_missing_gradients"]}
_TOOLS = {name: module for module, names in _PLACES.items() for name in names}


def __getattr__(name):
    """Subpackages and tools are imported when they are first asked for, so that `import tinynet` stays cheap."""
    if name in _SUBPACKAGES:
        return importlib.import_module(f"tinynet.{name}")
    if name in _TOOLS:
        return getattr(importlib.import_module(_TOOLS[name]), name)
    from tinynet.interop import names
    return names.only_in_pytorch(name)
