"""The functions of neural networks, as `import tinynet.nn.functional as F`: arguments are checked here.

Names, arguments, defaults and shapes are PyTorch's. The mathematics, with its gradients, is in `tinynet/ops`; what is
derived from other operators (most losses) stands here. Checks that depend on shapes only are done once for each
combination of shapes (`functools.cache`), so that a network in use pays nothing for them.
"""

import functools
import math

import numpy as np

from tinynet import dtypes
from tinynet.autograd import check_in_place
from tinynet.kernels.pool import max_pool_size, pool_output_size
from tinynet.ops import activation, conv, pad as padding_ops, pool
from tinynet.ops.activation import AddReLU
from tinynet.ops.attention import Attention
from tinynet.ops.elementwise import sigmoid, tanh
from tinynet.ops.embedding import Embedding
from tinynet.ops.linear import Linear
from tinynet.ops.loss import BCEWithLogits, CrossEntropy, NLLLoss
from tinynet.ops.norm import BatchNorm, GroupNorm, LayerNorm
from tinynet.ops.reduce import log_softmax as _log_softmax, softmax as _softmax
from tinynet.tensor import Tensor

# Arguments ------------------------------------------------------------------------------------------------------


def _tensor(name, x):
    if not isinstance(x, Tensor):
        raise TypeError(f"{name}: expected a tensor, got {type(x).__name__}")
    return x


def _floats(name, x, *others):
    """Tensors of one floating-point type (None among the others stands for one that is not there)."""
    dtype = _tensor(name, x).data.dtype
    if dtype.kind != "f":
        raise TypeError(f"{name}: expected a floating-point tensor, got {dtype}")
    for other in others:
        if other is not None and _tensor(name, other).data.dtype != dtype:
            raise TypeError(f"{name}: expected tensors of one dtype, got {dtype} and {other.dtype}")


def _pair(name, what, value, least=0):
    """A number, or two of them for height and width, as a pair."""
    pair = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    pair = pair * 2 if len(pair) == 1 else pair
    if len(pair) != 2 or not all(isinstance(v, (int, np.integer)) and v >= least for v in pair):
        raise ValueError(f"{name}: expected {what} to be one or two integers of at least {least}, got {value!r}")
    return pair


def _data(x):
    return None if x is None else x.data


def _shape(x):
    return () if x is None else x.shape


def _hashable(value):
    return tuple(value) if isinstance(value, list) else value


def _unbatched(function, name, input, *args, **kwargs):
    """`function` of an input (C, H, W) that stands alone, as a batch of one."""
    if _tensor(name, input).ndim != 3:
        raise ValueError(f"{name}: expected input (N, C, H, W) or (C, H, W), got {input.shape}")
    result = function(input.unsqueeze(0), *args, **kwargs)
    return tuple(y.squeeze(0) for y in result) if isinstance(result, tuple) else result.squeeze(0)


def _refuse(name, **options):
    """Options that PyTorch has and tinynet does not: they may only have the value that means nothing."""
    for option, value in options.items():
        if value not in (None, False):
            raise ValueError(f"{name}: {option} is not supported, got {value!r}")


def _in_place_or_not(function, name, inplace, input, *args):
    if not inplace:
        return function.apply(_tensor(name, input), *args)
    check_in_place(name, _tensor(name, input))
    return function.apply_(input, *args)


# Linear maps ----------------------------------------------------------------------------------------------------


def linear(input, weight, bias=None):
    """y = x wᵀ + b. (..., C), (K, C), (K,) -> (..., K)."""
    _floats("linear", input, weight, bias)
    if weight.ndim != 2 or input.ndim == 0 or input.shape[-1] != weight.shape[1]:
        raise ValueError(f"linear: expected input (..., {weight.shape[-1]}) for weight {weight.shape}, got {input.shape}")
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(f"linear: expected bias {weight.shape[:1]}, got {bias.shape}")
    return Linear.apply(input, weight, bias)


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Cross-correlation of images with kernels: see `ops.conv.Conv2d`.

    (N, C, H, W) or (C, H, W), (K, C/groups, R, S), (K,) -> (N, K, P, Q), P = (H + 2 padding - dilation (R-1) - 1) /
    stride + 1. `padding` may be "valid" (none) or "same" (P = H, stride 1).
    """
    _floats("conv2d", input, weight, bias)
    stride, padding, dilation, extra = _conv_geometry(
        input.shape, weight.shape, bias is None or bias.shape, _hashable(stride), _hashable(padding),
        _hashable(dilation), groups)
    if input.ndim == 3:
        return conv2d(input.unsqueeze(0), weight, bias, stride, padding, dilation, groups).squeeze(0)
    if any(extra):
        input = pad(input, (0, extra[1], 0, extra[0]))
    return conv.Conv2d.apply(input, weight, bias, stride, padding, dilation, groups)


@functools.lru_cache(4096)
def _conv_geometry(x, w, b, stride, padding, dilation, groups):
    """stride, padding and dilation as pairs, and the zeros that "same" needs more at the end than at the start."""
    if len(w) != 4 or not isinstance(groups, int) or groups < 1 or w[0] % groups:
        raise ValueError(f"conv2d: expected weight (K, C/groups, R, S) with K divisible by groups={groups}, got {w}")
    channels = w[1] * groups
    if len(x) not in (3, 4) or x[-3] != channels:
        raise ValueError(f"conv2d: expected input (N, {channels}, H, W) or ({channels}, H, W), got {x}")
    if b not in (True, w[:1]):
        raise ValueError(f"conv2d: expected bias {w[:1]}, got {b}")
    stride, dilation = _pair("conv2d", "stride", stride, 1), _pair("conv2d", "dilation", dilation, 1)
    extents = [d * (r - 1) for d, r in zip(dilation, w[2:])]
    extra = 0, 0
    if isinstance(padding, str):
        if padding not in ("same", "valid") or padding == "same" and stride != (1, 1):
            raise ValueError(f'conv2d: expected padding "valid", or "same" with stride 1, or numbers; got {padding!r} '
                             f"with stride {stride}")
        padding, extra = (((0, 0), extra) if padding == "valid" else
                          (tuple(n // 2 for n in extents), tuple(n % 2 for n in extents)))
    padding = _pair("conv2d", "padding", padding)
    if any(h + 2 * p + e <= n for h, p, e, n in zip(x[-2:], padding, extra, extents)):
        raise ValueError(f"conv2d: a kernel of {w[2:]} with dilation {dilation} does not fit into {x[-2:]} pixels "
                         f"with padding {padding}")
    return stride, padding, dilation, extra


def unfold(input, kernel_size, dilation=1, padding=0, stride=1):
    """im2col: the windows of a convolution as columns. (N, C, H, W) -> (N, C·R·S, P·Q)."""
    _floats("unfold", input)
    geometry, _ = _windows("unfold", input.shape[-2:], kernel_size, dilation, padding, stride)
    if input.ndim != 4:
        return _unbatched(unfold, "unfold", input, kernel_size, dilation, padding, stride)
    return conv.Unfold.apply(input, *geometry)


def fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """col2im: adds up columns where unfold takes them from. (N, C·R·S, P·Q) -> (N, C, *output_size)."""
    _floats("fold", input)
    size = _pair("fold", "output_size", output_size, 1)
    geometry, count = _windows("fold", size, kernel_size, dilation, padding, stride)
    if input.ndim == 2:
        return fold(input.unsqueeze(0), output_size, kernel_size, dilation, padding, stride).squeeze(0)
    area = math.prod(geometry[0])
    if input.ndim != 3 or input.shape[1] % area or input.shape[2] != count:
        raise ValueError(f"fold: expected input (N, C·{area}, {count}) or (C·{area}, {count}), got {input.shape}")
    return conv.Fold.apply(input, size, *geometry)


def _windows(name, size, kernel_size, dilation, padding, stride):
    """(kernel, stride, padding, dilation) as pairs, and how many windows there are."""
    kernel, dilation = _pair(name, "kernel_size", kernel_size, 1), _pair(name, "dilation", dilation, 1)
    stride, padding = _pair(name, "stride", stride, 1), _pair(name, "padding", padding)
    counts = [pool_output_size(*axis) for axis in zip(size, kernel, stride, padding, dilation)]
    if len(counts) < 2 or min(counts) < 1:
        raise ValueError(f"{name}: a kernel of {kernel} with dilation {dilation} does not fit into {size} pixels")
    return (kernel, stride, padding, dilation), math.prod(counts)


def embedding(input, weight, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, sparse=False):
    """Row `input[...]` of `weight` (rows, D) for each index; row `padding_idx` gets no gradient."""
    _refuse("embedding", max_norm=max_norm, scale_grad_by_freq=scale_grad_by_freq, sparse=sparse)
    _floats("embedding", weight)
    if _tensor("embedding", input).dtype.kind not in "iu" or weight.ndim != 2:
        raise TypeError(f"embedding: expected integer indices and a weight (rows, D), got {input.dtype} and {weight.shape}")
    _check_range("embedding", "indices", input.data, len(weight))
    if padding_idx is not None and not -len(weight) <= padding_idx < len(weight):
        raise ValueError(f"embedding: expected padding_idx within {len(weight)} rows, got {padding_idx}")
    return Embedding.apply(weight, input.data, padding_idx)


def _check_range(name, what, values, count, ignored=None):
    wrong = (values < 0) | (values >= count)
    if ignored is not None:
        wrong &= values != ignored
    if wrong.any():
        raise IndexError(f"{name}: expected {what} in [0, {count - 1}]"
                         + (f" or {ignored}, which is ignored" if ignored is not None else "")
                         + f", got {values[wrong].flat[0]}")


def one_hot(tensor, num_classes=-1):
    """1 at each label, 0 elsewhere: (...) -> (..., num_classes), int64. -1 takes the largest label plus 1."""
    labels = _tensor("one_hot", tensor).data
    if labels.dtype.kind not in "iu":
        raise TypeError(f"one_hot: expected integer labels, got {labels.dtype}")
    if num_classes < 1 and (num_classes != -1 or labels.size == 0):
        raise ValueError(f"one_hot: expected num_classes of at least 1 (or -1 and some labels), got {num_classes}")
    count = int(labels.max()) + 1 if num_classes == -1 else num_classes
    _check_range("one_hot", "labels", labels, count)
    return Tensor((labels[..., None] == np.arange(count)).astype(dtypes.int64))


# Pooling and padding --------------------------------------------------------------------------------------------


def max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The maximum of each window; with `return_indices` also where it is, h·W + w. (N, C, H, W) -> (N, C, P, Q)."""
    if _tensor("max_pool2d", input).ndim != 4:
        return _unbatched(max_pool2d, "max_pool2d", input, kernel_size, stride, padding, dilation, ceil_mode,
                          return_indices)
    _floats("max_pool2d", input)
    geometry = _pool_geometry("max_pool2d", input.shape, _hashable(kernel_size), _hashable(stride), _hashable(padding),
                              _hashable(dilation), ceil_mode)
    y, positions = pool.MaxPool2d.apply(input, *geometry, ceil_mode)
    return (y, Tensor(positions.data.astype(dtypes.int64))) if return_indices else y


def avg_pool2d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
               divisor_override=None):
    """The mean of each window: see `ops.pool.AvgPool2d`. (N, C, H, W) -> (N, C, P, Q)."""
    if _tensor("avg_pool2d", input).ndim != 4:
        return _unbatched(avg_pool2d, "avg_pool2d", input, kernel_size, stride, padding, ceil_mode, count_include_pad,
                          divisor_override)
    _floats("avg_pool2d", input)
    if divisor_override == 0:
        raise ValueError("avg_pool2d: expected divisor_override to be None or not 0")
    geometry = _pool_geometry("avg_pool2d", input.shape, _hashable(kernel_size), _hashable(stride), _hashable(padding),
                              1, ceil_mode)
    return pool.AvgPool2d.apply(input, *geometry[:3], ceil_mode, count_include_pad, divisor_override)


@functools.lru_cache(4096)
def _pool_geometry(name, x, window, stride, padding, dilation, ceil_mode):
    """window, stride, padding and dilation as pairs."""
    window, dilation = _pair(name, "kernel_size", window, 1), _pair(name, "dilation", dilation, 1)
    stride = window if stride in (None, ()) else _pair(name, "stride", stride, 1)
    padding = _pair(name, "padding", padding)
    if any(2 * p > w for p, w in zip(padding, window)):
        raise ValueError(f"{name}: expected padding of at most half the window {window}, got {padding}")
    if min(max_pool_size(x, window, stride, padding, dilation, ceil_mode)) < 1 or 0 in x[1:]:
        raise ValueError(f"{name}: a window of {window} does not fit into input {x} with padding {padding}")
    return window, stride, padding, dilation


def adaptive_avg_pool2d(input, output_size):
    """Means of P x Q windows that tile the input; None keeps a size. (N, C, H, W) -> (N, C, P, Q)."""
    if _tensor("adaptive_avg_pool2d", input).ndim != 4:
        return _unbatched(adaptive_avg_pool2d, "adaptive_avg_pool2d", input, output_size)
    _floats("adaptive_avg_pool2d", input)
    wanted = output_size if isinstance(output_size, (tuple, list)) else (output_size, output_size)
    size = tuple(n if want is None else want for n, want in zip(input.shape[2:], wanted))
    return pool.AdaptiveAvgPool2d.apply(input, _pair("adaptive_avg_pool2d", "output_size", size, 1))


def pad(input, pad, mode="constant", value=None):
    """Wider borders: `pad` = (left, right, top, bottom, ...) from the last axis on.

    mode "constant" (filled with `value`, 0; negative widths cut off), "reflect" (mirrored at the border pixel),
    "replicate" (the border pixel) or "circular" (the other side).
    """
    sources = {"reflect": padding_ops.reflected, "replicate": padding_ops.replicated, "circular": padding_ops.wrapped}
    ndim, pairs = _tensor("pad", input).ndim, list(zip(pad[::2], pad[1::2]))
    if len(pad) % 2 or len(pairs) > ndim:
        raise ValueError(f"pad: expected a pair of widths for each of at most {ndim} axes, got {tuple(pad)}")
    if mode == "constant":
        widths = [(0, 0)] * (ndim - len(pairs)) + pairs[::-1]
        if any(n + before + after < 0 for n, (before, after) in zip(input.shape, widths)):
            raise ValueError(f"pad: {tuple(pad)} cuts more than there is of {input.shape}")
        return padding_ops.PadConstant.apply(input, widths, 0 if value is None else value)
    if mode not in sources:
        raise ValueError(f'pad: expected mode "constant", "reflect", "replicate" or "circular", got {mode!r}')
    if value or ndim - len(pairs) not in (1, 2):
        raise ValueError(f"pad: mode {mode!r} fills all axes after (C) or (N, C) and takes no value; got input "
                         f"{input.shape}, pad {tuple(pad)}, value {value}")
    chosen = {}
    for axis, (before, after) in zip(range(ndim - 1, -1, -1), pairs):
        size = input.shape[axis]
        most = {"reflect": size - 1, "replicate": math.inf if size else 0, "circular": size}[mode]
        if not (0 <= before <= most and 0 <= after <= most):
            raise ValueError(f"pad: expected widths in [0, {most}] for mode {mode!r} and size {size}, got {(before, after)}")
        if before or after:
            chosen[axis] = sources[mode](size, before, after)
    return padding_ops.PadIndex.apply(input, chosen)


# Normalisation --------------------------------------------------------------------------------------------------


def batch_norm(input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    """Each channel normalised over the batch, or by the running statistics: see `ops.norm.BatchNorm`.

    (N, C, ...) -> the same; the other tensors are (C,) or None. Training moves the running statistics in place.
    """
    return _batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps, None, False)


def batch_norm_act(input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5,
                   residual=None):
    """relu(batch_norm(input) [+ residual]), fused: memory is read and written once. Not in PyTorch."""
    return _batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps, residual, True)


def _batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps, residual, relu):
    _floats("batch_norm", input, weight, bias, residual)
    shape = input.shape
    if len(shape) < 2:
        raise ValueError(f"batch_norm: expected input (N, C, ...), got {shape}")
    for what, v in ("running_mean", running_mean), ("running_var", running_var), ("weight", weight), ("bias", bias):
        if v is not None and v.shape != shape[1:2]:
            raise ValueError(f"batch_norm: expected {what} {shape[1:2]} for input {shape}, got {v.shape}")
    if residual is not None and residual.shape != shape:
        raise ValueError(f"batch_norm: expected residual {shape}, got {residual.shape}")
    if training and input.data.size <= shape[1]:
        raise ValueError(f"batch_norm: training needs more than one value for each channel, got input {shape}")
    if running_mean is None or running_var is None:
        if not training or running_mean is not running_var:
            raise ValueError("batch_norm: expected running_mean and running_var, both (neither only in training)")
        running = None
    else:
        running = running_mean.data, running_var.data
    y = BatchNorm.apply(input, weight, bias, residual, running, training, momentum, eps, relu)
    if training and running:
        running_mean.bump()
        running_var.bump()
    return y


def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5):
    """Each vector of shape `normalized_shape`, the last axes of input, normalised by itself."""
    _floats("layer_norm", input, weight, bias)
    inner = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not inner or input.shape[input.ndim - len(inner):] != inner:
        raise ValueError(f"layer_norm: expected input (..., {', '.join(map(str, inner))}), got {input.shape}")
    for what, v in ("weight", weight), ("bias", bias):
        if v is not None and v.shape != inner:
            raise ValueError(f"layer_norm: expected {what} {inner}, got {v.shape}")
    return LayerNorm.apply(input, weight, bias, len(inner), eps)


def group_norm(input, num_groups, weight=None, bias=None, eps=1e-5):
    """Each image normalised by itself, C/num_groups channels at a time. (N, C, ...) -> the same."""
    _floats("group_norm", input, weight, bias)
    if input.ndim < 2 or num_groups < 1 or input.shape[1] % num_groups:
        raise ValueError(f"group_norm: expected input (N, C, ...) with C divisible by {num_groups} groups, "
                         f"got {input.shape}")
    for what, v in ("weight", weight), ("bias", bias):
        if v is not None and v.shape != input.shape[1:2]:
            raise ValueError(f"group_norm: expected {what} {input.shape[1:2]}, got {v.shape}")
    return GroupNorm.apply(input, weight, bias, num_groups, eps)


# Activations and dropout ----------------------------------------------------------------------------------------


def relu(input, inplace=False):
    """max(x, 0)."""
    return _in_place_or_not(activation.ReLU, "relu", inplace, input)


def add_relu(input, other):
    """relu(input + other) in one pass, for tensors of one shape. Not in PyTorch."""
    _floats("add_relu", input, other)
    if input.shape != other.shape:
        raise ValueError(f"add_relu: expected two tensors of one shape, got {input.shape} and {other.shape}")
    return AddReLU.apply(input, other)


def leaky_relu(input, negative_slope=0.01, inplace=False):
    """x where x > 0, else negative_slope · x."""
    _floats("leaky_relu", input)
    return _in_place_or_not(activation.LeakyReLU, "leaky_relu", inplace, input, negative_slope)


def gelu(input, approximate="none"):
    """x Φ(x), Φ the normal distribution function; approximate="tanh" is cheaper and right to about 1e-3."""
    _floats("gelu", input)
    if approximate not in ("none", "tanh"):
        raise ValueError(f'gelu: expected approximate "none" or "tanh", got {approximate!r}')
    return activation.GELU.apply(input, approximate == "tanh")


def silu(input, inplace=False):
    """x σ(x)."""
    _floats("silu", input)
    return _in_place_or_not(activation.SiLU, "silu", inplace, input)


def softmax(input, dim=None, _stacklevel=3, dtype=None):
    """e^x / Σ e^x along `dim`, which must be given (PyTorch's guess for None is deprecated)."""
    return _softmax(_tensor("softmax", input), _given("softmax", dim), dtype=dtype)


def log_softmax(input, dim=None, _stacklevel=3, dtype=None):
    """log(softmax(x)) along `dim`, without the loss of precision of doing one after the other."""
    return _log_softmax(_tensor("log_softmax", input), _given("log_softmax", dim), dtype=dtype)


def _given(name, dim):
    if dim is None:
        raise ValueError(f"{name}: expected dim to be an integer, got None")
    return dim


def dropout(input, p=0.5, training=True, inplace=False):
    """Zeroes each element with probability p and scales the others by 1 / (1 - p); in evaluation y = x."""
    _floats("dropout", input)
    if not 0 <= p <= 1:
        raise ValueError(f"dropout: expected a probability p in [0, 1], got {p}")
    return _in_place_or_not(activation.Dropout, "dropout", inplace, input, p) if training and p > 0 else input


def scaled_dot_product_attention(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None,
                                 enable_gqa=False):
    """softmax(scale · q kᵀ + mask) v: see `ops.attention.Attention`. scale defaults to 1 / √E.

    q (..., L, E), k (..., S, E), v (..., S, Ev) -> (..., L, Ev). `attn_mask` broadcasts to (..., L, S): bool, true
    where a query may look, or float, added to the scores. `is_causal`: query i sees keys 0 ... i. `dropout_p` always
    applies.
    """
    name = "scaled_dot_product_attention"
    _refuse(name, enable_gqa=enable_gqa)
    _floats(name, query, key, value)
    if min(query.ndim, key.ndim, value.ndim) < 2 or query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        raise ValueError(f"{name}: expected (..., L, E), (..., S, E), (..., S, Ev), got {query.shape}, {key.shape}, "
                         f"{value.shape}")
    if not 0 <= dropout_p <= 1:
        raise ValueError(f"{name}: expected dropout_p in [0, 1], got {dropout_p}")
    scores = query.shape[-2], key.shape[-2]
    if is_causal and attn_mask is not None:
        raise ValueError(f"{name}: expected attn_mask or is_causal, got both")
    if is_causal:
        attn_mask = Tensor(np.tri(*scores, dtype=bool))
    if attn_mask is not None and _tensor(name, attn_mask).dtype == dtypes.bool:
        attn_mask = Tensor(np.where(attn_mask.data, 0, -np.inf).astype(query.dtype))
    _floats(name, query, attn_mask)
    try:
        np.broadcast_shapes(query.shape[:-2] + scores, key.shape[:-2] + scores, _shape(attn_mask))
    except ValueError:
        raise ValueError(f"{name}: query {query.shape}, key {key.shape} and attn_mask "
                         f"{_shape(attn_mask)} do not broadcast") from None
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    return Attention.apply(query, key, value, attn_mask, scale, dropout_p)


# Losses ---------------------------------------------------------------------------------------------------------


def _reduced(name, loss, reduction, divisor=None):
    """The losses of single elements, their sum, or their mean: the sum over `divisor`, by default their number."""
    if reduction == "none":
        return loss
    if reduction == "sum":
        return loss.sum()
    if reduction != "mean":
        raise ValueError(f'{name}: expected reduction "mean", "sum" or "none", got {reduction!r}')
    if divisor is None:
        return loss.mean()
    return loss.sum() / divisor if divisor else loss.sum() * math.nan        # 0 / 0: every label was ignored


def cross_entropy(input, target, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean",
                  label_smoothing=0.0):
    """-Σ_c q_c log softmax(x)_c, q being the label or a distribution: see `ops.loss.CrossEntropy`.

    input: scores (N, C, d1, ...) or (C,); target: integers (N, d1, ...) or (), or probabilities shaped as the input.
    The mean is weighted by the labels' class weights; for probabilities it is over the number of distributions.
    """
    _refuse("cross_entropy", size_average=size_average, reduce=reduce)
    _floats("cross_entropy", input, weight)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: expected label_smoothing in [0, 1], got {label_smoothing}")
    if _tensor("cross_entropy", target).is_floating_point():
        return _soft_cross_entropy(input, target, weight, ignore_index, reduction, label_smoothing)
    if input.ndim == 1:
        loss = cross_entropy(input.unsqueeze(0), target.reshape(1, *target.shape), weight, None, ignore_index, None,
                             reduction, label_smoothing)
        return loss.reshape(()) if target.ndim == 0 else loss
    _check_labels("cross_entropy", input, target, weight, ignore_index)
    loss = CrossEntropy.apply(input, target.data, _data(weight), ignore_index, label_smoothing)
    return _reduced("cross_entropy", loss, reduction, _weight_of(target.data, weight, ignore_index))


def _soft_cross_entropy(input, target, weight, ignore_index, reduction, label_smoothing):
    if input.shape != target.shape or input.dtype != target.dtype or ignore_index >= 0:
        raise ValueError(f"cross_entropy: expected probabilities {input.shape} of {input.dtype} and no ignore_index, "
                         f"got {target.shape} of {target.dtype}, {ignore_index}")
    axis = 0 if input.ndim == 1 else 1
    classes = input.shape[axis]
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    if weight is not None:
        _check_weight("cross_entropy", weight, classes)
        target = target * weight.reshape(classes, *[1] * (input.ndim - axis - 1))
    loss = -(log_softmax(input, axis) * target).sum(axis)
    return _reduced("cross_entropy", loss, reduction, input.numel() / classes)


def nll_loss(input, target, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean"):
    """-input at the label, input being log-probabilities (N, C, d1, ...) or (C,), target (N, d1, ...) or ()."""
    _refuse("nll_loss", size_average=size_average, reduce=reduce)
    _floats("nll_loss", input, weight)
    if input.ndim == 1:
        loss = nll_loss(input.unsqueeze(0), target.reshape(1, *target.shape), weight, None, ignore_index, None, reduction)
        return loss.reshape(()) if target.ndim == 0 else loss
    _check_labels("nll_loss", input, target, weight, ignore_index)
    loss = NLLLoss.apply(input, target.data, _data(weight), ignore_index)
    return _reduced("nll_loss", loss, reduction, _weight_of(target.data, weight, ignore_index))


def _check_labels(name, input, target, weight, ignore_index):
    if _tensor(name, target).dtype.kind not in "iu":
        raise TypeError(f"{name}: expected integer labels, got {target.dtype}")
    if input.ndim < 2 or target.shape != input.shape[:1] + input.shape[2:]:
        raise ValueError(f"{name}: expected labels {input.shape[:1] + input.shape[2:]} for scores {input.shape}, "
                         f"got {target.shape}")
    _check_weight(name, weight, input.shape[1])
    _check_range(name, "labels", target.data, input.shape[1], ignore_index)


def _check_weight(name, weight, classes):
    if weight is not None and weight.shape != (classes,):
        raise ValueError(f"{name}: expected weight ({classes},), got {weight.shape}")


def _weight_of(labels, weight, ignore_index):
    """What a mean over labels divides by: their number, or the sum of their weights, but for the ignored ones."""
    kept = labels[labels != ignore_index]
    return kept.size if weight is None else float(weight.data[kept].sum())


def mse_loss(input, target, size_average=None, reduce=None, reduction="mean"):
    """(x - y)²."""
    _refuse("mse_loss", size_average=size_average, reduce=reduce)
    return _reduced("mse_loss", (input - target) ** 2, reduction)


def l1_loss(input, target, size_average=None, reduce=None, reduction="mean"):
    """|x - y|."""
    _refuse("l1_loss", size_average=size_average, reduce=reduce)
    return _reduced("l1_loss", (input - target).abs(), reduction)


def binary_cross_entropy_with_logits(input, target, weight=None, size_average=None, reduce=None, reduction="mean",
                                     pos_weight=None):
    """-(v y log σ(x) + (1 - y) log(1 - σ(x))), v being `pos_weight`; `weight` scales each loss. Both broadcast."""
    name = "binary_cross_entropy_with_logits"
    _refuse(name, size_average=size_average, reduce=reduce)
    _floats(name, input, target, weight, pos_weight)
    if input.shape != target.shape:
        raise ValueError(f"{name}: expected target {input.shape}, got {target.shape}")
    loss = BCEWithLogits.apply(input, target, 1 if pos_weight is None else pos_weight.data)
    return _reduced(name, loss if weight is None else loss * weight, reduction)
