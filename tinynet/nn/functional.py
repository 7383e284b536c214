"""The functions of neural networks, as `import tinynet.nn.functional as F`. Their arguments are checked here.

Names, arguments, defaults and shapes are PyTorch's. The mathematics, with its gradients, is in `tinynet/ops`;
what is derived from other operators (most losses) stands here.
"""

import math
import warnings

import numpy as np

from tinynet import dtypes
from tinynet.autograd import check_in_place, is_running_again
from tinynet.nn import check
from tinynet.ops import activation, conv, pad as padding_ops, pool, reduce
from tinynet.ops.attention import Attention
from tinynet.ops.elementwise import sigmoid, tanh
from tinynet.ops.embedding import Embedding
from tinynet.ops.linear import Linear
from tinynet.ops.loss import BCEWithLogits, CrossEntropy, NLLLoss
from tinynet.ops.norm import BatchNorm, GroupNorm, LayerNorm
from tinynet.tensor import Tensor


def _data(x):
    return None if x is None else x.array


def _unbatched(function, name, input, *args):
    """`function` of an input (C, H, W) that stands alone, as a batch of one."""
    if input.ndim != 3:
        raise ValueError(f"{name}: expected input (N, C, H, W) or (C, H, W), got {input.shape}")
    result = function(input.unsqueeze(0), *args)
    return tuple(y.squeeze(0) for y in result) if isinstance(result, tuple) else result.squeeze(0)


# Linear maps --------------------------------------------------------------------------------------------


def linear(input, weight, bias=None):
    """y = x wᵀ + b. (..., C), (K, C), (K,) -> (..., K). As PyTorch's."""
    check.floats("linear", input, weight, bias)
    if weight.ndim != 2 or input.shape[-1:] != weight.shape[1:]:
        c = weight.shape[-1]
        raise ValueError(f"linear: expected input (..., {c}) and weight (K, {c}), "
                         f"got {input.shape} and {weight.shape}")
    check.shaped("linear", weight.shape[:1], bias=bias)
    return Linear.apply(input, weight, bias)


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Cross-correlation of images with kernels: see `ops.conv.Conv2d`.

    (N, C, H, W) or (C, H, W), (K, C/groups, R, S), (K,) -> (N, K, P, Q),
    P = floor((H + 2 padding - dilation (R - 1) - 1) / stride) + 1.
    `padding` may also be "valid" (none) or "same" (P = H, for stride 1). LeCun et al. 1989.
    """
    check.floats("conv2d", input, weight, bias)
    stride, padding, dilation, extra = check.conv2d(
        input.shape, weight.shape, *check.hashable(stride, padding, dilation), groups)
    check.shaped("conv2d", weight.shape[:1], bias=bias)
    if any(extra):
        input = pad(input, (0, extra[1], 0, extra[0]))
    if input.ndim == 3:
        return conv2d(input.unsqueeze(0), weight, bias, stride, padding, dilation, groups).squeeze(0)
    return conv.Conv2d.apply(input, weight, bias, stride, padding, dilation, groups)


def unfold(input, kernel_size, dilation=1, padding=0, stride=1):
    """im2col: the windows of a convolution as columns. (N, C, H, W) -> (N, C·R·S, P·Q).

    Chellapilla, Puri & Simard 2006.
    """
    check.floats("unfold", input)
    if input.ndim != 4:
        return _unbatched(unfold, "unfold", input, kernel_size, dilation, padding, stride)
    options = check.hashable(kernel_size, dilation, padding, stride)
    geometry, _ = check.windows("unfold", input.shape[2:], *options)
    return conv.Unfold.apply(input, *geometry)


def fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """col2im: adds up columns where unfold takes them from. (N, C·R·S, P·Q) -> (N, C, *output_size).

    As PyTorch's.
    """
    check.floats("fold", input)
    if input.ndim == 2:
        return fold(input.unsqueeze(0), output_size, kernel_size, dilation, padding, stride).squeeze(0)
    size = check.pair("fold", "output_size", output_size, 1)
    geometry, count = check.windows("fold", size, *check.hashable(kernel_size, dilation, padding, stride))
    area = math.prod(geometry[0])
    if input.ndim != 3 or input.shape[1] % area or input.shape[2] != count:
        raise ValueError(f"fold: expected input (N, C·{area}, {count}) or (C·{area}, {count}), "
                         f"got {input.shape}")
    return conv.Fold.apply(input, size, *geometry)


def embedding(input, weight, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False,
              sparse=False):
    """Row `input[...]` of `weight` (rows, D), (...) -> (..., D); row `padding_idx` gets no gradient.

    ValueError for a `padding_idx` that is no row, and for `max_norm` and the like. Bengio et al. 2003.
    """
    check.refuse("embedding", max_norm=max_norm, scale_grad_by_freq=scale_grad_by_freq, sparse=sparse)
    check.integers("embedding", input)
    check.floats("embedding", weight)
    if weight.ndim != 2:
        raise ValueError(f"embedding: expected weight (rows, D), got {weight.shape}")
    check.in_range("embedding", "indices", input.array, len(weight))
    if padding_idx is not None and not -len(weight) <= padding_idx < len(weight):
        raise ValueError(f"embedding: expected padding_idx within {len(weight)} rows, got {padding_idx}")
    return Embedding.apply(weight, input.array, padding_idx)


def one_hot(tensor, num_classes=-1):
    """1 at each label, 0 elsewhere: (...) -> (..., num_classes), int64. -1 takes the largest label plus 1.

    ValueError for any other number below 1. As PyTorch's.
    """
    check.integers("one_hot", tensor)
    labels = tensor.array
    if num_classes < 1 and (num_classes != -1 or labels.size == 0):
        raise ValueError(f"one_hot: expected num_classes of at least 1 (or -1 and some labels), "
                         f"got {num_classes}")
    count = int(labels.max()) + 1 if num_classes == -1 else num_classes
    check.in_range("one_hot", "labels", labels, count)
    return Tensor((labels[..., None] == np.arange(count)).astype(dtypes.int64))


# Pooling and padding ------------------------------------------------------------------------------------


def max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The maximum of each window. (N, C, H, W) -> (N, C, P, Q). `return_indices`: also its place h·W + w.

    P = floor((H + 2 padding - dilation (R - 1) - 1) / stride) + 1; `ceil_mode` rounds up. The padding, at
    most half a window, never wins. Boureau, Ponce & LeCun 2010.
    """
    name = "max_pool2d"
    check.floats(name, input)
    if input.ndim != 4:
        return _unbatched(max_pool2d, name, input, kernel_size, stride, padding, dilation, ceil_mode,
                          return_indices)
    options = check.hashable(kernel_size, stride, padding, dilation)
    geometry = check.pool2d(name, input.shape, *options, ceil_mode)
    y, positions = pool.MaxPool2d.apply(input, *geometry, ceil_mode)
    return (y, Tensor(positions.array.astype(dtypes.int64))) if return_indices else y


def avg_pool2d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
               divisor_override=None):
    """The mean of each window: see `ops.pool.AvgPool2d`. (N, C, H, W) -> (N, C, P, Q).

    Zeros of the padding count unless `count_include_pad` is False; `divisor_override` (ValueError for 0)
    stands in for the count. P is `max_pool2d`'s. LeCun et al. 1998.
    """
    name = "avg_pool2d"
    check.floats(name, input)
    if input.ndim != 4:
        return _unbatched(avg_pool2d, name, input, kernel_size, stride, padding, ceil_mode, count_include_pad,
                          divisor_override)
    if divisor_override == 0:
        raise ValueError("avg_pool2d: expected divisor_override to be None or not 0")
    options = check.hashable(kernel_size, stride, padding)
    window, stride, padding, _ = check.pool2d(name, input.shape, *options, 1, ceil_mode)
    return pool.AvgPool2d.apply(input, window, stride, padding, ceil_mode, count_include_pad,
                                divisor_override)


def adaptive_avg_pool2d(input, output_size):
    """Means of P x Q windows that tile the input; None keeps a size. (N, C, H, W) -> (N, C, P, Q).

    1 is the global average of Lin et al. 2013.
    """
    name = "adaptive_avg_pool2d"
    check.floats(name, input)
    if input.ndim != 4:
        return _unbatched(adaptive_avg_pool2d, name, input, output_size)
    size = output_size if isinstance(output_size, (tuple, list)) else (output_size, output_size)
    if len(size) == 2:
        size = [n if p is None else p for n, p in zip(input.shape[2:], size)]
    return pool.AdaptiveAvgPool2d.apply(input, check.pair(name, "output_size", size, 1))


PADDINGS = {"reflect": padding_ops.reflected, "replicate": padding_ops.replicated,
            "circular": padding_ops.wrapped}


def pad(input, pad, mode="constant", value=None):
    """Wider borders: `pad` = (left, right, top, bottom, ...) in pixels, from the last axis on. As PyTorch's.

    (N, C, H, W) -> (N, C, top + H + bottom, left + W + right). `mode` is "constant" (filled with `value`, 0;
    negative widths cut off), "reflect" (mirrored at the border pixel), "replicate" (the border pixel) or
    "circular" (the other side). ValueError for what is more than the input has to cut off or to copy.
    """
    ndim, pairs = check.tensor("pad", input).ndim, list(zip(pad[::2], pad[1::2]))
    if len(pad) % 2 or len(pairs) > ndim:
        raise ValueError(f"pad: expected a pair of widths for each of at most {ndim} axes, got {tuple(pad)}")
    if mode == "constant":
        widths = [(0, 0)] * (ndim - len(pairs)) + pairs[::-1]
        if any(n + before + after < 0 for n, (before, after) in zip(input.shape, widths)):
            raise ValueError(f"pad: {tuple(pad)} cuts off more than there is of {input.shape}")
        return padding_ops.PadConstant.apply(input, widths, 0 if value is None else value)
    if mode not in PADDINGS:
        raise ValueError(f'pad: expected mode "constant", {", ".join(map(repr, PADDINGS))}, got {mode!r}')
    if value or ndim - len(pairs) not in (1, 2):
        raise ValueError(f"pad: mode {mode!r} takes no value and pads all axes but (C) or (N, C); got input "
                         f"{input.shape}, pad {tuple(pad)}, value {value}")
    sources = {ndim - 1 - i: _padding_sources(mode, input.shape[ndim - 1 - i], *widths)
               for i, widths in enumerate(pairs) if widths != (0, 0)}
    return padding_ops.PadIndex.apply(input, sources)


def _padding_sources(mode, size, before, after):
    most = {"reflect": size - 1, "replicate": math.inf if size else 0, "circular": size}[mode]
    if not (0 <= before <= most and 0 <= after <= most):
        raise ValueError(f"pad: expected widths in [0, {most}] for mode {mode!r} and size {size}, "
                         f"got {(before, after)}")
    return PADDINGS[mode](size, before, after)


# Normalisation ------------------------------------------------------------------------------------------


def batch_norm(input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1,
               eps=1e-5):
    """Each channel normalised over the batch, or by the running statistics: see `ops.norm.BatchNorm`.

    (N, C, ...) -> the same; other tensors are (C,) or None. Training moves the running statistics in place:
    r <- (1 - momentum) r + momentum · new. Ioffe & Szegedy 2015, algorithms 1 and 2. ValueError for a single
    value of a channel in training, and outside of it without running statistics.
    """
    return _batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def batch_norm_act(input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1,
                   eps=1e-5, residual=None):
    """relu(batch_norm(input) [+ residual]), fused: one pass over memory instead of three. Not in PyTorch.

    Shapes and errors are those of `batch_norm` (Ioffe & Szegedy 2015); the residual has the input's shape.
    """
    return _batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps, residual,
                       relu=True)


def _batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps, residual=None,
                relu=False):
    name, shape = "batch_norm", input.shape
    check.floats(name, input, weight, bias, residual)
    if len(shape) < 2:
        raise ValueError(f"{name}: expected input (N, C, ...), got {shape}")
    check.shaped(name, shape[1:2], running_mean=running_mean, running_var=running_var, weight=weight,
                 bias=bias)
    check.shaped(name, shape, residual=residual)
    if training and input.array.size <= shape[1]:
        raise ValueError(f"{name}: training needs more than one value for each channel, got input {shape}")
    tracked = running_mean is not None and running_var is not None
    if not tracked and not training:
        raise ValueError(f"{name}: expected running_mean and running_var where training is False, got None")
    moving = training and tracked and not is_running_again()
    running = (running_mean.array, running_var.array) if moving or not training else None
    y = BatchNorm.apply(input, weight, bias, residual, running, training, momentum, eps, relu)
    if moving:
        running_mean.bump()
        running_var.bump()
    return y


def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5):
    """Each vector of shape `normalized_shape`, the last axes of input, normalised by itself.

    (..., *normalized_shape) -> the same; weight and bias are such a vector or None. Ba, Kiros & Hinton 2016.
    """
    check.floats("layer_norm", input, weight, bias)
    inner = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not inner or input.shape[-len(inner):] != inner:
        raise ValueError(f"layer_norm: expected input (..., {', '.join(map(str, inner))}), got {input.shape}")
    check.shaped("layer_norm", inner, weight=weight, bias=bias)
    return LayerNorm.apply(input, weight, bias, len(inner), eps)


def group_norm(input, num_groups, weight=None, bias=None, eps=1e-5):
    """Each image normalised by itself, C/num_groups channels at a time. (N, C, ...) -> the same.

    weight and bias are (C,) or None. ValueError unless the groups divide C. Wu & He 2018.
    """
    check.floats("group_norm", input, weight, bias)
    if input.ndim < 2 or num_groups < 1 or input.shape[1] % num_groups:
        raise ValueError(f"group_norm: expected input (N, C, ...) with C divisible by {num_groups} groups, "
                         f"got {input.shape}")
    check.shaped("group_norm", input.shape[1:2], weight=weight, bias=bias)
    return GroupNorm.apply(input, weight, bias, num_groups, eps)


# Activations and dropout --------------------------------------------------------------------------------


def _apply(function, inplace, input, *args):
    if not inplace:
        return function.apply(input, *args)
    check_in_place(function.__name__.lower(), input)
    return function.apply_(input, *args)


def relu(input, inplace=False):
    """max(x, 0), for each element. Nair & Hinton 2010."""
    return _apply(activation.ReLU, inplace, check.tensor("relu", input))


def add_relu(input, other):
    """relu(input + other) in one pass, both of one shape. He et al. 2015, figure 2. Not in PyTorch."""
    check.floats("add_relu", input, other)
    check.shaped("add_relu", input.shape, other=other)
    return activation.AddReLU.apply(input, other)


def leaky_relu(input, negative_slope=0.01, inplace=False):
    """x where x > 0, else negative_slope · x, for each element. Maas, Hannun & Ng 2013."""
    check.floats("leaky_relu", input)
    return _apply(activation.LeakyReLU, inplace, input, negative_slope)


def gelu(input, approximate="none"):
    """x Φ(x) for each element, Φ the normal distribution function. Hendrycks & Gimpel 2016, section 2.

    approximate="tanh" is right to about 1e-3, "none" to rounding; ValueError for others.
    """
    check.floats("gelu", input)
    if approximate not in ("none", "tanh"):
        raise ValueError(f'gelu: expected approximate "none" or "tanh", got {approximate!r}')
    return activation.GELU.apply(input, approximate == "tanh")


def silu(input, inplace=False):
    """x σ(x), for each element. Elfwing, Uchibe & Doya 2018."""
    check.floats("silu", input)
    return _apply(activation.SiLU, inplace, input)


def softmax(input, dim=None, _stacklevel=3, dtype=None):
    """eˣ / Σ eˣ along `dim`; ValueError for None (PyTorch's guess is deprecated). Bridle 1990."""
    return reduce.softmax(check.tensor("softmax", input), _given("softmax", dim), dtype=dtype)


def log_softmax(input, dim=None, _stacklevel=3, dtype=None):
    """log(softmax(x)) along `dim`, without the loss of precision of doing one after the other. Bridle 1990.

    ValueError if `dim` is None.
    """
    return reduce.log_softmax(check.tensor("log_softmax", input), _given("log_softmax", dim), dtype=dtype)


def _given(name, dim):
    if dim is None:
        raise ValueError(f"{name}: expected dim to be an integer, got None")
    return dim


def dropout(input, p=0.5, training=True, inplace=False):
    """Zeroes each element with probability p and scales the others by 1 / (1 - p); in evaluation y = x.

    Srivastava et al. 2014. ValueError unless p is from 0 to 1.
    """
    check.floats("dropout", input)
    check.probability("dropout", "p", p)
    return _apply(activation.Dropout, inplace, input, p) if training and p > 0 else input


def scaled_dot_product_attention(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False,
                                 scale=None, enable_gqa=False):
    """softmax(scale · q kᵀ + mask) v: see `ops.attention.Attention`. scale defaults to 1 / √E.

    q (..., L, E), k (..., S, E), v (..., S, Ev) -> (..., L, Ev). `attn_mask` broadcasts to (..., L, S): bool,
    true where a query may look, or float, added to the scores. `is_causal`: query i sees keys 0 ... i.
    `dropout_p`, a probability, is applied whether training or not, as in PyTorch. ValueError for `attn_mask`
    and `is_causal` together. Vaswani et al. 2017, section 3.2.1.
    """
    name = "scaled_dot_product_attention"
    check.refuse(name, enable_gqa=enable_gqa)
    check.floats(name, query, key, value)
    check.probability(name, "dropout_p", dropout_p)
    if is_causal and attn_mask is not None:
        raise ValueError(f"{name}: expected attn_mask or is_causal, got both")
    _check_attention(name, query.shape, key.shape, value.shape, () if attn_mask is None else attn_mask.shape)
    if is_causal:
        attn_mask = Tensor(np.tri(query.shape[-2], key.shape[-2], dtype=bool))
    if attn_mask is not None and attn_mask.dtype == dtypes.bool:
        attn_mask = Tensor(np.where(attn_mask.array, 0, -np.inf).astype(query.dtype))
    check.floats(name, query, attn_mask)
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    return Attention.apply(query, key, value, attn_mask, scale, dropout_p)


def _check_attention(name, q, k, v, mask):
    if min(map(len, (q, k, v))) < 2 or q[-1] != k[-1] or k[-2] != v[-2]:
        raise ValueError(f"{name}: expected (..., L, E), (..., S, E), (..., S, Ev), got {q}, {k}, {v}")
    scores = q[-2], k[-2]
    try:
        batch = np.broadcast_shapes(q[:-2], k[:-2], v[:-2])
        fits = np.broadcast_shapes(batch + scores, mask) == batch + scores
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"{name}: query {q}, key {k}, value {v} and attn_mask {mask} do not broadcast to "
                         f"(..., {scores[0]}, {scores[1]})")


# Losses -------------------------------------------------------------------------------------------------


def _reduced(name, loss, reduction, divisor=None):
    """The losses of single elements, their sum, or that sum over `divisor` (by default their number)."""
    if reduction == "none":
        return loss
    if reduction == "sum":
        return loss.sum()
    if reduction != "mean":
        raise ValueError(f'{name}: expected reduction "mean", "sum" or "none", got {reduction!r}')
    if divisor is None:
        return loss.mean()
    return loss.sum() / divisor if divisor else loss.sum() * math.nan        # 0 / 0: every label was ignored


def cross_entropy(input, target, weight=None, size_average=None, ignore_index=-100, reduce=None,
                  reduction="mean", label_smoothing=0.0):
    """-Σ_c q_c log softmax(x)_c, q being the label or a distribution: see `ops.loss.CrossEntropy`.

    input: scores (N, C, d1, ...) or (C,); target: integers (N, d1, ...) or (), or probabilities shaped as the
    input; weight (C,). -> (), in nats, or the labels' shape with reduction="none". The mean is weighted by
    the labels' class weights; for probabilities it is over the number of distributions. A label
    `ignore_index` counts for nothing (ValueError with probabilities).
    Szegedy et al. 2015, "Rethinking the Inception Architecture", section 7 (smoothing).
    """
    name = "cross_entropy"
    check.refuse(name, size_average=size_average, reduce=reduce)
    check.floats(name, input, weight)
    check.probability(name, "label_smoothing", label_smoothing)
    if check.tensor(name, target).is_floating_point():
        if ignore_index >= 0:
            raise ValueError(f"{name}: ignore_index is for labels, not for probabilities, got {ignore_index}")
        return _soft_cross_entropy(name, input, target, weight, reduction, label_smoothing)
    return _labelled(name, CrossEntropy, input, target, weight, ignore_index, reduction, label_smoothing)


def _soft_cross_entropy(name, input, target, weight, reduction, label_smoothing):
    check.floats(name, input, target)
    check.shaped(name, input.shape, target=target)
    axis = 0 if input.ndim == 1 else 1
    classes = input.shape[axis]
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    if weight is not None:
        check.shaped(name, (classes,), weight=weight)
        target = target * weight.reshape(classes, *[1] * (input.ndim - axis - 1))
    loss = -(log_softmax(input, axis) * target).sum(axis)
    return _reduced(name, loss, reduction, input.numel() / classes)


def nll_loss(input, target, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean"):
    """-input at the label. input: log-probabilities (N, C, d1, ...) or (C,); target (N, d1, ...) or ().

    -> (), or the shape of target with reduction="none". As PyTorch's.
    """
    check.refuse("nll_loss", size_average=size_average, reduce=reduce)
    check.floats("nll_loss", input, weight)
    return _labelled("nll_loss", NLLLoss, input, target, weight, ignore_index, reduction)


def _labelled(name, function, input, target, weight, ignore_index, reduction, *options):
    """A loss of integer labels. Its mean is over the weights of those labels that are not ignored."""
    check.integers(name, target)
    if input.ndim == 1 and target.ndim == 0:
        return _labelled(name, function, input.unsqueeze(0), target.unsqueeze(0), weight, ignore_index,
                         reduction, *options).reshape(())
    if input.ndim < 2 or target.shape != input.shape[:1] + input.shape[2:]:
        raise ValueError(f"{name}: expected scores (N, C, ...) and labels (N, ...), or (C,) and (), "
                         f"got {input.shape} and {target.shape}")
    labels, classes = target.array, input.shape[1]
    check.shaped(name, (classes,), weight=weight)
    check.in_range(name, "labels", labels, classes, ignore_index)
    loss = function.apply(input, labels, _data(weight), ignore_index, *options)
    kept = labels[labels != ignore_index]
    return _reduced(name, loss, reduction, kept.size if weight is None else float(weight.array[kept].sum()))


def mse_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """w (x - y)²; the mean is over Σ w. Tensors of one shape -> (), or that shape with reduction="none".

    As PyTorch's; a warning where shapes differ and broadcast.
    """
    check.refuse("mse_loss", size_average=size_average, reduce=reduce)
    return _weighted("mse_loss", _difference("mse_loss", input, target) ** 2, weight, reduction)


def l1_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """w |x - y|; the mean is over Σ w. Tensors of one shape -> (), or that shape with reduction="none".

    As PyTorch's; a warning where shapes differ and broadcast.
    """
    check.refuse("l1_loss", size_average=size_average, reduce=reduce)
    return _weighted("l1_loss", _difference("l1_loss", input, target).abs(), weight, reduction)


def _difference(name, input, target):
    if check.tensor(name, input).shape != check.tensor(name, target).shape:
        warnings.warn(f"{name}: input {input.shape} and target {target.shape} are broadcast; is that meant?",
                      stacklevel=3)
    return input - target


def _weighted(name, loss, weight, reduction):
    if weight is None:
        return _reduced(name, loss, reduction)
    check.shaped(name, loss.shape, weight=weight)
    return _reduced(name, loss * weight, reduction, float(weight.array.sum()))


def binary_cross_entropy_with_logits(input, target, weight=None, size_average=None, reduce=None,
                                     reduction="mean", pos_weight=None):
    """-w (v y log σ(x) + (1 - y) log(1 - σ(x))), v = `pos_weight`, w = `weight`, which broadcast.

    Scores x and answers y (0 to 1) of one shape -> (), or that shape with reduction="none". As PyTorch's.
    """
    name = "binary_cross_entropy_with_logits"
    check.refuse(name, size_average=size_average, reduce=reduce)
    check.floats(name, input, target, weight, pos_weight)
    check.shaped(name, input.shape, target=target)
    loss = BCEWithLogits.apply(input, target, 1 if pos_weight is None else pos_weight.array)
    return _reduced(name, loss if weight is None else loss * weight, reduction)
