"""A convolution, and the norm, the addition and the ReLU after it: in evaluation, one pass over memory.

The layers stay what they are. Where anything wants to see what is between them (a graph, a hook, the search for NaN),
or where it must be made (in training, a norm needs the statistics of all pixels first), they run one after the other.
"""

import numpy as np

from tinynet.gradients.modes import modes
from tinynet.kernels.conv.taps import all_finite
from tinynet.nn.blocks.common import norm_relu
from tinynet.nn.conv import Conv2d
from tinynet.nn.norm import BatchNorm2d
from tinynet.ops.conv import conv2d_norm


def conv_norm(conv, norm, x, relu=True):
    """relu(norm(conv(x))), the ReLU on request. Shapes are those of the layers."""
    y = evaluated(conv, norm, x, None, relu)
    if y is None:
        y = norm_relu(norm, conv(x)) if relu else norm(conv(x))
    return y


def evaluated(conv, norm, x, shortcut=None, relu=True):
    """relu(norm(conv(x)) + shortcut) in one pass, the addition and the ReLU on request; None where that cannot be."""
    if not fuses(conv, norm) or not fits(conv, x) or shortcut is not None and shortcut.shape != shape_after(conv, x):
        return None
    geometry = conv.stride, conv.padding, conv.dilation, conv.groups
    return conv2d_norm(x, conv.weight, conv.bias, geometry, constants(norm), shortcut, relu)


def fuses(conv, norm):
    """Whether nobody needs to see what is between the two layers, and both are plain."""
    return (type(conv) is Conv2d and type(norm) is BatchNorm2d and not norm.training and norm.running_mean is not None
            and not modes.grad and not modes.anomaly and not is_watched(conv) and not is_watched(norm)
            and conv.padding_mode == "zeros" and type(conv.padding) is tuple
            and norm.num_features == conv.out_channels and all_finite(conv.weight.array))


def is_watched(layer):
    """Whether the layer has hooks, or a `forward` of its own."""
    return bool(layer._forward_pre_hooks or layer._forward_hooks or layer._backward_pre_hooks or layer._backward_hooks
                or "forward" in vars(layer))


def fits(conv, x):
    """Whether the convolution takes x. If not, the layer itself will say so."""
    return (x.ndim == 4 and x.shape[1] == conv.in_channels and x.dtype == conv.weight.dtype
            and min(shape_after(conv, x)[2:]) > 0)


def shape_after(conv, x):
    """The shape of conv(x), (N, K, P, Q)."""
    sizes = [(n + 2 * p - d * (r - 1) - 1) // s + 1 for n, p, d, r, s in
             zip(x.shape[2:], conv.padding, conv.dilation, conv.kernel_size, conv.stride)]
    return x.shape[0], conv.out_channels, *sizes


def constants(norm):
    """(mean, scale, shift) of a norm in evaluation, float64 (C,) each: y = (x - mean) · scale + shift."""
    scale = 1 / np.sqrt(norm.running_var.array.astype(np.float64) + norm.eps)
    shift = np.zeros(len(scale)) if norm.bias is None else norm.bias.array.astype(np.float64)
    if norm.weight is not None:
        scale *= norm.weight.array
    return norm.running_mean.array.astype(np.float64), scale, shift
