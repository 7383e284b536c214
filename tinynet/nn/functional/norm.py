"""Normalisation over the batch, over vectors, over groups of channels."""

import math

import numpy as np

from tinynet.gradients.modes import is_running_again
from tinynet.kernels.conv import Geometry
from tinynet.kernels.reduce import all_finite
from tinynet.nn import check
from tinynet.nn.functional.padding import pad
from tinynet.nn.functional.pool import avg_pool2d
from tinynet.ops.conv import Conv2d
from tinynet.ops.norm import BatchNorm, GroupNorm, LayerNorm, NormConv2d


def batch_norm(input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1,
               eps=1e-5):
    """Each channel normalised over the batch, or by the running statistics: see `ops.norm.BatchNorm`.

    (N, C, ...) -> the same; other tensors are (C,) or None. Training moves the running statistics in place:
    r <- (1 - momentum) r + momentum · new. Ioffe & Szegedy 2015, algorithms 1 and 2. ValueError for a single
    value of a channel in training, and outside of it without running statistics.
    """
    return normalise_batch(input, running_mean, running_var, weight, bias, training, momentum, eps)


def batch_norm_act(input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1,
                   eps=1e-5, residual=None):
    """relu(batch_norm(input) [+ residual]), fused: one pass over memory instead of three. Not in PyTorch.

    `residual` is added before the ReLU; in a residual block it is the shortcut (He et al. 2015 call the other
    summand, F(x), the residual). It has the input's shape. Shapes and errors are those of `batch_norm`
    (Ioffe & Szegedy 2015).
    """
    return normalise_batch(input, running_mean, running_var, weight, bias, training, momentum, eps, residual,
                           relu=True)


def batch_norm_conv2d(input, running_mean, running_var, weight, bias, kernel, stride=1, padding=0, momentum=0.1,
                      eps=1e-5):
    """conv2d(batch_norm_act(input), kernel) in training, fused: what lies between is never written. Not in PyTorch.

    (N, C, H, W), statistics (C,) or None, weight and bias (C,), kernel (K, C, R, S) -> (N, K, P, Q). ValueError as by
    `batch_norm` and `conv2d`, and for "same" padding that differs between the sides. Ioffe & Szegedy 2015; LeCun et
    al. 1989.
    """
    check.floats("batch_norm_conv2d", input, kernel)
    stride, padding, dilation, extra = check.conv("batch_norm_conv2d", input.shape, kernel.shape, stride, padding, 1, 1)
    if any(extra):
        raise ValueError(f"batch_norm_conv2d: expected padding in whole pixels at both sides, got {padding!r}")
    of_norm = input, running_mean, running_var, weight, bias, True, momentum, eps
    if weight is None or bias is None or input.array.size == 0 or not all_finite(kernel.array):
        return Conv2d.apply(normalise_batch(*of_norm, relu=True), kernel, None, stride, padding, dilation, 1)
    return normalise_batch(*of_norm, conv=(kernel, Geometry(stride, padding, dilation, 1)))


def normalise_batch(input, running_mean, running_var, weight, bias, training, momentum, eps, residual=None,
                    relu=False, conv=None):
    """All of the above; so many parameters, because PyTorch's `batch_norm` has eight of them.

    `conv` = (kernel, Geometry) of what follows a ReLU in training, see `ops.norm.NormConv2d`.
    """
    name, shape = "batch_norm", input.shape
    check.floats(name, input, weight, bias, residual)
    if len(shape) < 2:
        raise ValueError(f"{name}: expected input (N, C, ...), got {shape}")
    check.shaped(name, shape[1:2], running_mean=running_mean, running_var=running_var, weight=weight,
                 bias=bias)
    check.shaped(name, shape, residual=residual)
    if eps <= 0:
        raise ValueError(f"{name}: expected eps above 0, got {eps}")
    if training and 0 < input.array.size <= shape[1]:
        raise ValueError(f"{name}: training needs more than one value for each channel, got input {shape}")
    if training and not input.array.size:
        return _nothing_normalised(input, weight, bias, residual)
    tracked = running_mean is not None and running_var is not None
    if not tracked and not training:
        raise ValueError(f"{name}: expected running_mean and running_var where training is False, got None")
    moving = training and tracked and not is_running_again()
    running = (running_mean.array, running_var.array) if moving or not training else None
    if conv is None:
        y = BatchNorm.apply(input, weight, bias, residual, running, training, momentum, eps, relu)
    else:
        y = NormConv2d.apply(input, weight, bias, *conv, running, momentum, eps)
    if moving:
        running_mean.bump()
        running_var.bump()
    return y


def _nothing_normalised(input, *others):
    """An empty batch has no statistics, and moves none; every tensor that takes part gets a gradient of zeros."""
    for tensor in others:
        if tensor is not None:
            input = input + (tensor if tensor.shape == input.shape else tensor.reshape(1, -1, *[1] * (input.ndim - 2)))
    return input * 1


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

    weight and bias are (C,) or None. ValueError unless the groups divide C, and, as in PyTorch, for a batch of one
    image whose groups have one value each. Wu & He 2018.
    """
    check.floats("group_norm", input, weight, bias)
    if input.ndim < 2 or num_groups < 1 or input.shape[1] % num_groups:
        raise ValueError(f"group_norm: expected input (N, C, ...) with C divisible by {num_groups} groups, "
                         f"got {input.shape}")
    check.shaped("group_norm", input.shape[1:2], weight=weight, bias=bias)
    if input.array.size == num_groups:
        raise ValueError(f"group_norm: expected more than one value in each group, got input {input.shape} in "
                         f"{num_groups} groups")
    return GroupNorm.apply(input, weight, bias, num_groups, eps)


def instance_norm(input, running_mean=None, running_var=None, weight=None, bias=None, use_input_stats=True,
                  momentum=0.1, eps=1e-5):
    """Each channel of each image normalised by itself, or by the running statistics unless `use_input_stats`.

    (N, C, ...) -> the same; other tensors are (C,) or None. The running statistics are moved as by `batch_norm`,
    by the mean of those of the images. Ulyanov et al. 2016. ValueError for images of one pixel.
    """
    if not use_input_stats:
        return normalise_batch(input, running_mean, running_var, weight, bias, False, momentum, eps)
    pixels = math.prod(input.shape[2:])
    if input.ndim < 3 or pixels < 2:
        raise ValueError(f"instance_norm: expected input (N, C, ...) of more than one pixel, got {input.shape}")
    if running_mean is not None and not is_running_again():
        rows = input.array.reshape(*input.shape[:2], -1)                                      # (N, C, pixels)
        for old, new in (running_mean, rows.mean(2)), (running_var, rows.var(2, ddof=1)):
            old.array += (momentum * (new.mean(0) - old.array)).astype(old.dtype)
            old.bump()
    return group_norm(input, input.shape[1], weight, bias, eps)


def rms_norm(input, normalized_shape, weight=None, eps=None):
    """x / √(mean x² + eps) · weight over the last axes: (..., *normalized_shape) -> the same.

    `eps` is the type's smallest step from 1 unless given. Zhang & Sennrich 2019.
    """
    check.floats("rms_norm", input, weight)
    inner = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not inner or input.shape[-len(inner):] != inner:
        raise ValueError(f"rms_norm: expected input (..., {', '.join(map(str, inner))}), got {input.shape}")
    check.shaped("rms_norm", inner, weight=weight)
    eps = float(np.finfo(input.dtype).eps) if eps is None else eps
    y = input * ((input * input).mean(tuple(range(-len(inner), 0)), keepdim=True) + eps).rsqrt()
    return y if weight is None else y * weight


def local_response_norm(input, size, alpha=1e-4, beta=0.75, k=1.0):
    """x / (k + alpha · mean of x² over `size` neighbouring channels)^beta. (N, C, ...) -> the same.

    Krizhevsky et al. 2012, section 3.3, with alpha / size for their alpha, as PyTorch has it. `k` is the least
    divisor.
    """
    check.tensor("local_response_norm", input)
    if input.ndim < 3:
        raise ValueError(f"local_response_norm: expected input (N, C, L, ...), got {input.shape}")
    squares = (input * input).flatten(2).unsqueeze(1)                                         # (N, 1, C, pixels)
    squares = pad(squares, (0, 0, size // 2, (size - 1) // 2))
    mean = avg_pool2d(squares, (size, 1), 1).squeeze(1).reshape(input.shape)
    return input / (mean * alpha + k) ** beta
