"""A convolution, and the norm, the addition and the ReLU after it: in evaluation, one pass over memory.

The layers stay what they are. Where anything wants to see what is between them (a graph, a hook, the search for NaN),
or where it must be made (in training, a norm needs the statistics of all pixels first), they run one after the other.
"""

import functools

from tinynet.gradients.modes import modes
from tinynet.kernels.conv import out_size
from tinynet.kernels.conv.taps import all_finite
from tinynet.nn.blocks.common import norm_relu
from tinynet.nn.conv import Conv2d
from tinynet.nn.hooks import has_hooks
from tinynet.nn.norm import BatchNorm2d
from tinynet.ops.conv import conv2d_norm


def conv_norm(conv, norm, x, relu=True):
    """relu(norm(conv(x))), the ReLU on request. Shapes are those of the layers."""
    if fuses(conv, norm, x):
        return evaluated(conv, norm, x, relu)
    return norm_relu(norm, conv(x)) if relu else norm(conv(x))


def fuses(conv, norm, x):
    """Whether both layers are plain, nobody needs to see what is between them, and x and the weights are as usual."""
    return (not modes.grad and not norm.training and type(conv) is Conv2d and type(norm) is BatchNorm2d
            and not modes.anomaly and not is_watched(conv) and not is_watched(norm)
            and conv.padding_mode == "zeros" and type(conv.padding) is tuple
            and norm.num_features == conv.out_channels and norm.running_mean is not None
            and shape_after(conv, x) is not None and x.array.dtype == conv.weight.array.dtype
            and all_finite(conv.weight.array))


def is_watched(layer):
    """Whether the layer has hooks, or a `forward` of its own."""
    return has_hooks(layer) or "forward" in vars(layer)


def evaluated(conv, norm, x, relu=True, shortcut=None):
    """relu(norm(conv(x)) + shortcut) in one pass, the addition and the ReLU on request, for layers that fuse."""
    statistics = norm.weight, norm.bias, norm.running_mean, norm.running_var, norm.eps
    return conv2d_norm(x, conv.weight, conv.bias, geometry_of(conv), statistics, relu, shortcut)


def shape_after(conv, x):
    """The shape of conv(x), (N, K, P, Q); None for an x that the layer does not take."""
    return _shape_after(x.array.shape, conv.weight.array.shape, *geometry_of(conv))


def geometry_of(conv):
    return conv.stride, conv.padding, conv.dilation, conv.groups


@functools.lru_cache(4096)
def _shape_after(x_shape, w_shape, stride, padding, dilation, groups):
    if len(x_shape) != 4 or x_shape[1] != w_shape[1] * groups:
        return None
    size = out_size(x_shape[2:], w_shape[2:], stride, padding, dilation)
    return (x_shape[0], w_shape[0], *size) if min(size) > 0 else None
