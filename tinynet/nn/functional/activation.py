"""Activation functions: one number in, one number out. (GLU takes pairs.)"""

from tinynet import random
from tinynet.gradients.in_place import change
from tinynet.nn import check
from tinynet.ops import activation, slopes
from tinynet.ops.choice import where
from tinynet.ops.pointwise import sigmoid, tanh  # noqa: F401 (PyTorch has them here, too)
from tinynet.tensor import Tensor


def applied(function, inplace, input, *args):
    """The operator `function` of `input`, on request in place."""
    if not inplace:
        return function.apply(input, *args)
    return change(function.__name__.lower(), function, input, *args)


def relu(input, inplace=False):
    """max(x, 0), for each element. Nair & Hinton 2010."""
    return applied(activation.ReLU, inplace, check.tensor("relu", input))


def add_relu(input, other):
    """relu(input + other) in one pass, both of one shape.

    He et al. 2015, "Deep Residual Learning", figure 2. Not in PyTorch.
    """
    check.floats("add_relu", input, other)
    check.shaped("add_relu", input.shape, other=other)
    return activation.AddReLU.apply(input, other)


def leaky_relu(input, negative_slope=0.01, inplace=False):
    """x where x > 0, else negative_slope · x, for each element. Maas, Hannun & Ng 2013."""
    check.floats("leaky_relu", input)
    return applied(activation.LeakyReLU, inplace, input, negative_slope)


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
    return applied(activation.SiLU, inplace, input)


def _by_slope(name, function, input, inplace, *options):
    check.floats(name, input)
    return applied(function, inplace, input, *options)


def hardtanh(input, min_val=-1.0, max_val=1.0, inplace=False):
    """x limited to [min_val, max_val], for each element; no gradient at the limits. Collobert 2004.

    ValueError unless min_val <= max_val.
    """
    if min_val > max_val:
        raise ValueError(f"hardtanh: expected min_val of at most max_val, got {min_val} and {max_val}")
    return _by_slope("hardtanh", slopes.Hardtanh, input, inplace, min_val, max_val)


def relu6(input, inplace=False):
    """min(max(x, 0), 6), for each element. Krizhevsky 2010, "Convolutional Deep Belief Networks on CIFAR-10"."""
    return hardtanh(input, 0, 6, inplace)


def hardsigmoid(input, inplace=False):
    """relu6(x + 3) / 6, for each element. Courbariaux et al. 2015; in this form Howard et al. 2019."""
    return _by_slope("hardsigmoid", slopes.Hardsigmoid, input, inplace)


def hardswish(input, inplace=False):
    """x · relu6(x + 3) / 6, for each element. Howard et al. 2019, "Searching for MobileNetV3"."""
    return _by_slope("hardswish", slopes.Hardswish, input, inplace)


def elu(input, alpha=1.0, inplace=False):
    """x where x > 0, else alpha · (eˣ - 1), for each element. Clevert et al. 2016."""
    return _by_slope("elu", slopes.ELU, input, inplace, alpha, 1.0, 1.0)


def celu(input, alpha=1.0, inplace=False):
    """x where x > 0, else alpha · (e^(x / alpha) - 1), for each element. Barron 2017. ValueError for alpha 0."""
    if alpha == 0:
        raise ValueError("celu: expected alpha other than 0")
    return _by_slope("celu", slopes.ELU, input, inplace, alpha, 1.0, 1 / alpha)


SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def selu(input, inplace=False):
    """1.0507 · x where x > 0, else 1.7581 · (eˣ - 1), for each element. Klambauer et al. 2017."""
    return _by_slope("selu", slopes.ELU, input, inplace, SELU_ALPHA, SELU_SCALE, 1.0)


def mish(input, inplace=False):
    """x tanh(log(1 + eˣ)), for each element. Misra 2019."""
    return _by_slope("mish", slopes.Mish, input, inplace)


def softplus(input, beta=1.0, threshold=20.0):
    """log(1 + e^(beta x)) / beta, and x itself where beta x > threshold, for each element. Dugas et al. 2001."""
    return _by_slope("softplus", slopes.Softplus, input, False, beta, threshold)


def logsigmoid(input):
    """log σ(x), for each element, without overflow. As PyTorch's."""
    return _by_slope("logsigmoid", slopes.LogSigmoid, input, False)


def softsign(input):
    """x / (1 + |x|), for each element. Bergstra et al. 2009."""
    check.tensor("softsign", input)
    return input / (input.abs() + 1)


def tanhshrink(input):
    """x - tanh x, for each element. As PyTorch's."""
    check.tensor("tanhshrink", input)
    return input - tanh(input)


def softshrink(input, lambd=0.5):
    """x moved by `lambd` towards 0, and 0 within lambd of it, for each element. Donoho 1995.

    ValueError for a negative lambd.
    """
    if lambd < 0:
        raise ValueError(f"softshrink: expected lambd of at least 0, got {lambd}")
    return _by_slope("softshrink", slopes.Softshrink, input, False, lambd)


def hardshrink(input, lambd=0.5):
    """x, and 0 within `lambd` of it, for each element. Donoho 1995."""
    return _by_slope("hardshrink", slopes.Hardshrink, input, False, lambd)


def threshold(input, threshold, value, inplace=False):
    """x where x > threshold, else `value`, for each element. As PyTorch's."""
    return _by_slope("threshold", slopes.Threshold, input, inplace, threshold, value)


def prelu(input, weight):
    """x where x > 0, else w · x, for each element. weight: (C,) for input (N, C, ...), or one for all, (1,).

    He et al. 2015, "Delving Deep into Rectifiers", section 2.1.
    """
    check.floats("prelu", input, weight)
    channels = input.shape[1] if input.ndim > 1 else 1
    if weight.ndim > 1 or weight.numel() not in (1, channels):
        raise ValueError(f"prelu: expected weight (1,) or ({channels},), got {weight.shape}")
    shape = [-1 if axis == 1 else 1 for axis in range(input.ndim)] if weight.numel() > 1 else [1] * input.ndim
    return where(input > 0, input, weight.reshape(shape) * input)


def rrelu(input, lower=1.0 / 8, upper=1.0 / 3, training=False, inplace=False):
    """x where x >= 0, else r · x with r drawn from U(lower, upper); in evaluation their mean. Xu et al. 2015.

    For each element. ValueError unless lower <= upper.
    """
    check.floats("rrelu", input)
    check.refuse("rrelu", inplace=inplace)
    if lower > upper:
        raise ValueError(f"rrelu: expected lower of at most upper, got {lower} and {upper}")
    if not training:
        return leaky_relu(input, (lower + upper) / 2)
    drawn = random.stream("dropout").uniform(lower, upper, input.shape).astype(input.dtype)
    return where(input >= 0, input, input * Tensor(drawn))


def glu(input, dim=-1):
    """a σ(b), a and b the two halves of the input along `dim`, which is halved. Dauphin et al. 2017.

    ValueError for an odd length.
    """
    check.floats("glu", input)
    if input.ndim == 0 or input.shape[dim] % 2:
        raise ValueError(f"glu: expected an even length in dim {dim}, got input {input.shape}")
    a, b = input.chunk(2, dim)
    return a * sigmoid(b)


def relu_(input):
    """`relu` in place, for each element. Nair & Hinton 2010."""
    return relu(input, True)


def leaky_relu_(input, negative_slope=0.01):
    """`leaky_relu` in place, for each element, by `negative_slope`. Maas, Hannun & Ng 2013."""
    return leaky_relu(input, negative_slope, True)


def elu_(input, alpha=1.0):
    """`elu` in place, for each element, by `alpha`. Clevert et al. 2016."""
    return elu(input, alpha, True)
