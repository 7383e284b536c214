"""A convolution, and the norm, the addition and the ReLU after it: in evaluation, one pass over memory.

The layers stay what they are. Where anything wants to see what is between them (a graph, a hook, the search for NaN),
or where it must be made (in training, a norm needs the statistics of all pixels first), they run one after the other.
"""

import functools
from typing import Callable, NamedTuple

from tinynet.gradients.modes import modes
from tinynet.kernels.conv import out_size
from tinynet.kernels.reduce import all_finite
from tinynet.nn.blocks.common import norm_relu
from tinynet.nn.conv import Conv2d
from tinynet.nn.hooks import has_hooks
from tinynet.nn.norm import BatchNorm2d
from tinynet.nn.shape import Identity
from tinynet.ops.conv import conv2d_norm


class OnePass(NamedTuple):
    """relu(norm(conv(x)) + shortcut), ready to be computed."""

    shape: tuple                       # of the result, (N, K, P, Q)
    run: Callable                      # (relu, shortcut=None) -> the result, the ReLU and the addition on request


def conv_norm(conv, norm, x, relu=True):
    """relu(norm(conv(x))), the ReLU on request. Shapes are those of the layers."""
    together = one_pass(conv, norm, x)
    if together:
        return together.run(relu)
    return norm_relu(norm, conv(x)) if relu else norm(conv(x))


def one_pass(conv, norm, x):
    """The OnePass of two layers; None where somebody needs to see what is between them, or they are not plain ones."""
    if (modes.grad or norm.training or modes.anomaly or type(conv) not in CONVOLUTIONS or type(conv.padding) is str
            or is_watched(conv) or is_watched(norm)):
        return None
    return CONVOLUTIONS[type(conv)](conv, norm, x)


def is_watched(layer):
    """Whether the layer has hooks, or a `forward` of its own."""
    return has_hooks(layer) or "forward" in vars(layer)


def of_conv2d(conv, norm, x):
    """A Conv2d takes a BatchNorm, or no norm, if its weights are finite (see kernels/conv/taps.py)."""
    x, w, geometry = x.array, conv.weight.array, geometry_of(conv)
    shape = shape_after(x.shape, w.shape, *geometry)
    if shape is None or conv.padding_mode != "zeros" or x.dtype != w.dtype or not all_finite(w):
        return None
    if type(norm) is Identity:
        statistics = None
    elif type(norm) is BatchNorm2d and norm.num_features == shape[1]:
        statistics = *map(array_of, (norm.weight, norm.bias, norm.running_mean, norm.running_var)), norm.eps
        if statistics[2] is None:
            return None
    else:
        return None
    bias = array_of(conv.bias)
    return OnePass(shape, lambda relu, shortcut=None:
                   conv2d_norm(x, w, bias, geometry, statistics, relu, array_of(shortcut)))


def array_of(tensor):
    return None if tensor is None else tensor.array


CONVOLUTIONS = {Conv2d: of_conv2d}     # what makes the OnePass of each class; `deploy/quantize.py` adds its own


def geometry_of(conv):
    return conv.stride, conv.padding, conv.dilation, conv.groups


@functools.lru_cache(4096)
def shape_after(x_shape, w_shape, stride, padding, dilation, groups):
    """The shape of a convolution's result, (N, K, P, Q); None for an x that it does not take."""
    if len(x_shape) != 4 or x_shape[1] != w_shape[1] * groups:
        return None
    size = out_size(x_shape[2:], w_shape[2:], stride, padding, dilation)
    return (x_shape[0], w_shape[0], *size) if min(size) > 0 else None
