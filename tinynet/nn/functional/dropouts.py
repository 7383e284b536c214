"""Dropout of elements and of whole channels."""

from tinynet import random
from tinynet.nn import check
from tinynet.nn.functional.activation import SELU_ALPHA, SELU_SCALE, applied
from tinynet.ops.activation import Dropout
from tinynet.tensor import Tensor


def dropout(input, p=0.5, training=True, inplace=False):
    """Zeroes each element with probability p and scales the others by 1 / (1 - p); in evaluation y = x.

    Srivastava et al. 2014. ValueError unless p is from 0 to 1.
    """
    return _dropped("dropout", input, p, training, inplace, input.shape)


def _dropped(name, input, p, training, inplace, mask_shape):
    check.floats(name, input)
    check.probability(name, "p", p)
    return applied(Dropout, inplace, input, p, mask_shape) if training and p > 0 else input


def _channels(name, input, axes):
    """The shape of a mask with one value for each channel of (N, C, ...), or of (C, ...) with one axis fewer."""
    if input.ndim not in axes:
        counts = " or ".join(map(str, axes))
        raise ValueError(f"{name}: expected input (N, C, ...) with {counts} axes, got {input.shape}")
    kept = 1 if input.ndim == min(axes) and len(axes) > 1 else 2
    return input.shape[:kept] + (1,) * (input.ndim - kept)


def dropout1d(input, p=0.5, training=True, inplace=False):
    """`dropout` of whole channels: (N, C, L) or (C, L) -> the same. Tompson et al. 2015. p is from 0 to 1."""
    return _dropped("dropout1d", input, p, training, inplace, _channels("dropout1d", input, (2, 3)))


def dropout2d(input, p=0.5, training=True, inplace=False):
    """`dropout` of whole channels: (N, C, H, W) -> the same. Tompson et al. 2015. p is from 0 to 1.

    Three axes are (N, C, L), as in PyTorch.
    """
    return _dropped("dropout2d", input, p, training, inplace, input.shape[:2] + (1,) * (input.ndim - 2))


def dropout3d(input, p=0.5, training=True, inplace=False):
    """`dropout` of whole channels: (N, C, D, H, W) or (C, D, H, W) -> the same. Tompson et al. 2015.

    p is from 0 to 1.
    """
    return _dropped("dropout3d", input, p, training, inplace, _channels("dropout3d", input, (4, 5)))


def alpha_dropout(input, p=0.5, training=False, inplace=False):
    """Dropout that keeps mean 0 and variance 1 of what SELU gives, for each element. Klambauer et al. 2017.

    ValueError unless the probability p is from 0 to 1.
    """
    check.floats("alpha_dropout", input)
    check.probability("alpha_dropout", "p", p)
    check.refuse("alpha_dropout", inplace=inplace)
    if not training or p == 0:
        return input
    if p == 1:
        return input * 0
    lowest = -SELU_ALPHA * SELU_SCALE
    scale = ((1 - p) * (1 + p * lowest**2)) ** -0.5
    keep = (random.stream("dropout").random(input.shape) >= p).astype(input.dtype)
    return input * Tensor(scale * keep) + Tensor(scale * lowest * (1 - keep) - scale * lowest * p)
