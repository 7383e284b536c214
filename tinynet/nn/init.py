"""Initial values of parameters, drawn in place from the stream "init" of `tinynet.manual_seed`.

A layer y = W x keeps the variance of its signal if Var(W) = gain² / fan_in (that of the gradient: fan_out).
The gain makes up for what the activation takes away: √2 for ReLU, which drops half of the values.

Glorot & Bengio 2010 (Xavier, the mean of both fans); He et al. 2015, "Delving Deep into Rectifiers" (Kaiming)
"""

import math

from tinynet import random


def _fill(tensor, values):
    """Writes keep the memory order of the tensor, whatever that of `values`."""
    tensor.array[...] = values
    return tensor.bump()


def uniform_(tensor, a=0.0, b=1.0):
    """Values from U(a, b), whatever the shape."""
    return _fill(tensor, random.stream("init").uniform(a, b, tensor.shape))


def normal_(tensor, mean=0.0, std=1.0):
    """Values from N(mean, std²), whatever the shape."""
    return _fill(tensor, random.stream("init").normal(mean, std, tensor.shape))


def trunc_normal_(tensor, mean=0.0, std=1.0, a=-2.0, b=2.0):
    """Values from N(mean, std²) given that they lie in [a, b], whatever the shape: others are drawn again.

    As PyTorch's. ValueError for a range too far from the mean, or an empty one.
    """
    low, high = (a - mean) / std, (b - mean) / std
    if not low < high or low > 4 or high < -4:
        raise ValueError(f"trunc_normal_: expected [a, b] near the mean {mean} ± {std}, got [{a}, {b}]")
    stream = random.stream("init")
    values = stream.normal(size=tensor.shape)
    while (outside := (values < low) | (values > high)).any():
        values[outside] = stream.normal(size=outside.sum())
    return _fill(tensor, mean + std * values)


def constant_(tensor, val):
    """Each element `val`, a number or what broadcasts to the tensor's shape."""
    return _fill(tensor, val)


def zeros_(tensor):
    """Each element 0."""
    return _fill(tensor, 0)


def ones_(tensor):
    """Each element 1."""
    return _fill(tensor, 1)


def calculate_gain(nonlinearity, param=None):
    """The factor by which weights make up for an activation, √2 for "relu" (He et al. 2015, equation 10).

    `param` is the slope of "leaky_relu", √(2 / (1 + param²)). Others are PyTorch's; ValueError for the rest.
    """
    if nonlinearity in ("linear", "sigmoid", "conv1d", "conv2d", "conv3d"):
        return 1.0
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    gains = {"tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4}
    if nonlinearity not in gains:
        raise ValueError("calculate_gain: expected linear, conv2d, sigmoid, tanh, relu, leaky_relu or selu, "
                         f"got {nonlinearity!r}")
    return gains[nonlinearity]


def _fans(tensor):
    """fan_in and fan_out of a weight (K, C, ...): what one output sums over, what one input is spread to."""
    if tensor.ndim < 2:
        raise ValueError(f"init: expected a weight of at least 2 dimensions, got {tensor.shape}")
    receptive_field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * receptive_field, tensor.shape[0] * receptive_field


def _kaiming_std(tensor, a, mode, nonlinearity):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"init: expected mode fan_in or fan_out, got {mode!r}")
    fan = _fans(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def kaiming_uniform_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu"):
    """Weight (K, C, ...) from U(-√3 std, √3 std), std = gain / √fan. He et al. 2015, equation 10.

    `mode` is "fan_in" or "fan_out", `a` the slope of "leaky_relu". ValueError for fewer than two axes.
    """
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound)


def kaiming_normal_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu"):
    """Weight (K, C, ...) from N(0, std²), std = gain / √fan. He et al. 2015, equation 10.

    `mode` is "fan_in" or "fan_out", `a` the slope of "leaky_relu". ValueError for fewer than two axes.
    """
    return normal_(tensor, 0, _kaiming_std(tensor, a, mode, nonlinearity))


def xavier_uniform_(tensor, gain=1.0):
    """Weight (K, C, ...) from U(-√3 std, √3 std), std = gain √(2 / (fan_in + fan_out)).

    Glorot & Bengio 2010, equation 16.
    """
    bound = gain * math.sqrt(6 / sum(_fans(tensor)))
    return uniform_(tensor, -bound, bound)


def xavier_normal_(tensor, gain=1.0):
    """Weight (K, C, ...) from N(0, std²), std = gain √(2 / (fan_in + fan_out)).

    Glorot & Bengio 2010, equation 12.
    """
    return normal_(tensor, 0, gain * math.sqrt(2 / sum(_fans(tensor))))


def like_linear_(weight, bias=None):
    """PyTorch's default for layers: weight (K, C, ...) and bias (K,) from U(-1 / √fan_in, 1 / √fan_in)."""
    kaiming_uniform_(weight, a=math.sqrt(5))       # gain √(2 / 6), times √3
    if bias is not None:
        bound = 1 / math.sqrt(_fans(weight)[0])
        uniform_(bias, -bound, bound)
