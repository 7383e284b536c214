"""A convolution together with the norms around it.

In evaluation, a convolution and the norm, the addition and the ReLU after it are one pass over memory (`conv_norm`). In
training, a norm needs the statistics of all pixels first. There, the norm and the ReLU before a convolution join it
(`norm_conv`): what lies between them is never written to memory.

The layers stay what they are. Where anything wants to see what is between them (a hook, the search for NaN), they run
one after the other.
"""

import functools
from typing import Callable, NamedTuple

from tinynet.gradients.modes import modes
from tinynet.kernels.conv import Geometry, joins_norm, out_size
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


def conv_norm(conv, norm, x, relu=True, before=None):
    """relu(norm(conv(x))), the ReLU on request. Shapes are those of the layers.

    `before` is a norm that, with its ReLU, still has to be applied to x (see `begin`).
    """
    together = one_pass(conv, norm, x) if before is None else None
    if together:
        return together.run(relu)
    y = norm_conv(before, conv, x)
    return norm_relu(norm, y) if relu else norm(y)


def begin(conv, norm, following, x):
    """(relu(norm(conv(x))), None), or (conv(x), norm) if the norm may join the `following` convolution."""
    return (conv(x), norm) if may_join(norm, following) else (conv_norm(conv, norm, x), None)


def norm_conv(norm, conv, x):
    """conv(relu(norm(x))), in training without the map between them, see `ops.norm.NormConv2d`; for None, conv(x)."""
    if norm is None:
        return conv(x)
    if may_join(norm, conv):
        w, geometry = conv.weight, geometry_of(conv)
        if (x.array.size and shape_after(x.shape, w.shape, *geometry) and joins_norm(x.array, w.array, geometry)
                and all_finite(w.array)):
            return norm(x, conv=(w, Geometry(*geometry)))
    return conv(norm_relu(norm, x))


def may_join(norm, conv):
    """Whether a norm and the convolution after it are plain layers in training, and nobody looks between them."""
    return (modes.grad and norm.training and not modes.anomaly and type(norm) is BatchNorm2d and type(conv) is Conv2d
            and norm.weight is not None and norm.bias is not None and conv.bias is None
            and conv.padding_mode == "zeros" and type(conv.padding) is not str
            and not is_watched(norm) and not is_watched(conv))


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
