"""Activation functions, softmax and dropout."""

from tinynet.gradients.in_place import change
from tinynet.nn import check
from tinynet.ops import activation, softmax as softmax_ops
from tinynet.ops.pointwise import sigmoid, tanh  # noqa: F401 (PyTorch has them here, too)


def _apply(function, inplace, input, *args):
    if not inplace:
        return function.apply(input, *args)
    return change(function.__name__.lower(), function, input, *args)


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
    return softmax_ops.softmax(check.tensor("softmax", input), _given("softmax", dim), dtype=dtype)


def log_softmax(input, dim=None, _stacklevel=3, dtype=None):
    """log(softmax(x)) along `dim`, without the loss of precision of doing one after the other. Bridle 1990.

    ValueError if `dim` is None.
    """
    return softmax_ops.log_softmax(check.tensor("log_softmax", input), _given("log_softmax", dim), dtype=dtype)


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
