"""Initial values of parameters, drawn in place from the stream "init" of `tinynet.manual_seed`.

A layer y = W x keeps the variance of its signal if Var(W) = gain² / fan_in (that of the gradient: fan_out).
The gain makes up for what the activation takes away: √2 for ReLU, which drops half of the values.

Glorot & Bengio 2010 (Xavier, the mean of both fans); He et al. 2015, "Delving Deep into Rectifiers" (Kaiming)
"""

import functools
import math
import warnings

import numpy as np

from tinynet import random


def _fill(tensor, values):
    """Writes keep the memory order of the tensor, whatever that of `values`."""
    tensor.array[...] = values
    return tensor.bump()


def uniform_(tensor, a=0.0, b=1.0, generator=None):
    """Values from U(a, b), whatever the shape."""
    return _fill(tensor, random.numbers(generator, "init").uniform(a, b, tensor.shape))


def normal_(tensor, mean=0.0, std=1.0, generator=None):
    """Values from N(mean, std²), whatever the shape."""
    return _fill(tensor, random.numbers(generator, "init").normal(mean, std, tensor.shape))


def trunc_normal_(tensor, mean=0.0, std=1.0, a=-2.0, b=2.0, generator=None):
    """Values from N(mean, std²) given that they lie in [a, b], whatever the shape: others are drawn again.

    As PyTorch's. ValueError for a range too far from the mean, or an empty one.
    """
    low, high = (a - mean) / std, (b - mean) / std
    if not low < high or low > 4 or high < -4:
        raise ValueError(f"trunc_normal_: expected [a, b] near the mean {mean} ± {std}, got [{a}, {b}]")
    stream = random.numbers(generator, "init")
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


LINEAR = ("linear", "sigmoid", *(f"conv{kind}{axes}d" for kind in ("", "_transpose") for axes in (1, 2, 3)))


def calculate_gain(nonlinearity, param=None):
    """The factor by which weights make up for an activation, √2 for "relu".

    He et al. 2015, "Delving Deep into Rectifiers", equation 10.
    `param` is the slope of "leaky_relu", √(2 / (1 + param²)). Others are PyTorch's; ValueError for the rest.
    """
    if nonlinearity in LINEAR:
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


_calculate_fan_in_and_fan_out = _fans          # public code calls it so


def _calculate_correct_fan(tensor, mode):
    """fan_in or fan_out, as `mode` says."""
    return _fans(tensor)[mode.lower() == "fan_out"]


def _kaiming_std(tensor, a, mode, nonlinearity):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"init: expected mode fan_in or fan_out, got {mode!r}")
    fan = _fans(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def kaiming_uniform_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu", generator=None):
    """Weight (K, C, ...) from U(-√3 std, √3 std), std = gain / √fan.

    He et al. 2015, "Delving Deep into Rectifiers", equation 10.

    `mode` is "fan_in" or "fan_out", `a` the slope of "leaky_relu". ValueError for fewer than two axes.
    """
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu", generator=None):
    """Weight (K, C, ...) from N(0, std²), std = gain / √fan.

    He et al. 2015, "Delving Deep into Rectifiers", equation 10.

    `mode` is "fan_in" or "fan_out", `a` the slope of "leaky_relu". ValueError for fewer than two axes.
    """
    return normal_(tensor, 0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def xavier_uniform_(tensor, gain=1.0, generator=None):
    """Weight (K, C, ...) from U(-√3 std, √3 std), std = gain √(2 / (fan_in + fan_out)).

    Glorot & Bengio 2010, equation 16.
    """
    bound = gain * math.sqrt(6 / sum(_fans(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor, gain=1.0, generator=None):
    """Weight (K, C, ...) from N(0, std²), std = gain √(2 / (fan_in + fan_out)).

    Glorot & Bengio 2010, equation 12.
    """
    return normal_(tensor, 0, gain * math.sqrt(2 / sum(_fans(tensor))), generator)


def like_linear_(weight, bias=None):
    """PyTorch's default for layers: weight (K, C, ...) and bias (K,) from U(-1 / √fan_in, 1 / √fan_in)."""
    kaiming_uniform_(weight, a=math.sqrt(5))       # gain √(2 / 6), times √3
    if bias is not None:
        bound = 1 / math.sqrt(_fans(weight)[0])
        uniform_(bias, -bound, bound)


def eye_(tensor):
    """The identity matrix, (N, M), as far as it fits; ValueError for other than two axes."""
    if tensor.ndim != 2:
        raise ValueError(f"eye_: expected a matrix, got {tensor.shape}")
    return _fill(tensor, np.eye(*tensor.shape))


def dirac_(tensor, groups=1):
    """A convolution's weight (K, C, ...) that gives its input back: 1 in the middle of channel k's kernel for k.

    As many channels as there are are kept, in each of `groups` groups. Zagoruyko & Komodakis 2017, "DiracNets".
    ValueError for other than 3 to 5 axes, and unless the groups divide K.
    """
    if tensor.ndim not in (3, 4, 5) or tensor.shape[0] % groups:
        raise ValueError(f"dirac_: expected a weight (K, C, ...) of 3 to 5 axes, K divisible by {groups}, "
                         f"got {tensor.shape}")
    values, share = np.zeros(tensor.shape), tensor.shape[0] // groups
    for k in range(tensor.shape[0]):
        if k % share < tensor.shape[1]:
            values[(k, k % share, *(n // 2 for n in tensor.shape[2:]))] = 1
    return _fill(tensor, values)


def orthogonal_(tensor, gain=1, generator=None):
    """A weight (K, C, ...) whose rows, or columns if there are more rows, are orthogonal and of length `gain`.

    Saxe, McClelland & Ganguli 2014. ValueError for fewer than two axes.
    """
    if tensor.ndim < 2:
        raise ValueError(f"orthogonal_: expected a weight of at least 2 dimensions, got {tensor.shape}")
    rows, columns = tensor.shape[0], tensor.numel() // max(tensor.shape[0], 1)
    drawn = random.numbers(generator, "init").normal(size=(max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(drawn)
    q *= np.where(np.diag(r) < 0, -1, 1)           # uniform among all orthogonal matrices
    return _fill(tensor, gain * (q.T if rows < columns else q).reshape(tensor.shape))


def sparse_(tensor, sparsity, std=0.01, generator=None):
    """A matrix (N, M) from N(0, std²), of whose columns the share `sparsity` of elements is 0. Martens 2010.

    ValueError for other than two axes.
    """
    if tensor.ndim != 2:
        raise ValueError(f"sparse_: expected a matrix, got {tensor.shape}")
    numbers = random.numbers(generator, "init")
    values = numbers.normal(0, std, tensor.shape)
    for column in values.T:
        column[numbers.permutation(len(column))[:math.ceil(sparsity * len(column))]] = 0
    return _fill(tensor, values)


def _old_name(function):
    """`function` without the last character of its name, as PyTorch spelled it before 0.4."""
    @functools.wraps(function)
    def call(*args, **kwargs):
        warnings.warn(f"nn.init.{call.__name__} is deprecated; use nn.init.{function.__name__}", FutureWarning,
                      stacklevel=2)
        return function(*args, **kwargs)
    call.__name__ = call.__qualname__ = function.__name__.rstrip("_")
    call.__doc__ = f"The old name of `{function.__name__}`. {function.__doc__}"
    return call


uniform, normal, constant, eye, dirac = map(_old_name, (uniform_, normal_, constant_, eye_, dirac_))
xavier_uniform, xavier_normal = _old_name(xavier_uniform_), _old_name(xavier_normal_)
kaiming_uniform, kaiming_normal = _old_name(kaiming_uniform_), _old_name(kaiming_normal_)
orthogonal, sparse = _old_name(orthogonal_), _old_name(sparse_)
