"""A convolution, and the norm, the addition and the ReLU after it: in evaluation, one pass over memory.

The layers stay what they are. Where anything wants to see what is between them (a graph, a hook, the search for NaN),
or where it must be made (in training, a norm needs the statistics of all pixels first), they run one after the other.
"""

import functools

import numpy as np

from tinynet.gradients.modes import modes
from tinynet.kernels.conv import out_size
from tinynet.kernels.conv.taps import all_finite
from tinynet.nn.blocks.common import norm_relu
from tinynet.nn.conv import Conv2d
from tinynet.nn.norm import BatchNorm2d
from tinynet.ops.conv import conv2d_norm


def conv_norm(conv, norm, x, relu=True):
    """relu(norm(conv(x))), the ReLU on request. Shapes are those of the layers."""
    y = evaluated(conv, norm, x, None, relu) if fuses(conv, norm) else None
    if y is None:
        y = norm_relu(norm, conv(x)) if relu else norm(conv(x))
    return y


def fuses(conv, norm):
    """Whether nobody needs to see what is between the two layers, and both are plain."""
    return (not modes.grad and not norm.training and type(conv) is Conv2d and type(norm) is BatchNorm2d
            and not modes.anomaly and not is_watched(conv) and not is_watched(norm)
            and conv.padding_mode == "zeros" and type(conv.padding) is tuple
            and norm.num_features == conv.out_channels and norm.running_mean is not None)


def is_watched(layer):
    """Whether the layer has hooks, or a `forward` of its own."""
    parts = vars(layer)
    return bool(parts["_forward_pre_hooks"] or parts["_forward_hooks"] or parts["_backward_pre_hooks"]
                or parts["_backward_hooks"] or "forward" in parts)


def evaluated(conv, norm, x, shortcut=None, relu=True):
    """relu(norm(conv(x)) + shortcut) in one pass, the addition and the ReLU on request, for layers that fuse.

    None where the shapes do not fit, which the layers themselves will say, or where the weights are not finite.
    """
    weight, geometry = conv.weight, (conv.stride, conv.padding, conv.dilation, conv.groups)
    shape = shape_after(x.array.shape, weight.array.shape, *geometry)
    if (shape is None or x.array.dtype != weight.array.dtype or shortcut is not None and shortcut.array.shape != shape
            or not all_finite(weight.array)):
        return None
    return conv2d_norm(x, weight, conv.bias, geometry, constants(norm), shortcut, relu)


@functools.lru_cache(4096)
def shape_after(x_shape, w_shape, stride, padding, dilation, groups):
    """The shape of a convolution's result, (N, K, P, Q); None for an input that it does not take."""
    if len(x_shape) != 4 or x_shape[1] != w_shape[1] * groups:
        return None
    size = out_size(x_shape[2:], w_shape[2:], stride, padding, dilation)
    return (x_shape[0], w_shape[0], *size) if min(size) > 0 else None


def constants(norm):
    """(mean, scale, shift) of a norm in evaluation, (C,) each: y = (x - mean) · scale + shift. The scale is float64."""
    mean, weight, bias = norm.running_mean.array, norm.weight, norm.bias
    deviation = np.sqrt(np.add(norm.running_var.array, norm.eps, dtype=np.float64))
    scale = 1 / deviation if weight is None else weight.array / deviation
    return mean, scale, np.zeros_like(mean) if bias is None else bias.array
