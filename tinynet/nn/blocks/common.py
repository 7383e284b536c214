"""Common parts of all blocks: the check of their input, and the choice of a norm and of an activation by name."""

from tinynet.nn import functional as F
from tinynet.nn.shape import Identity
from tinynet.nn.module import Module
from tinynet.nn.norm import BatchNorm2d, GroupNorm, _BatchNorm

NORMS = "batch", "group", "layer", "none"
GROUP_SIZE = 8                         # channels of a group: docs/optimization.md has the measurement
ACTIVATIONS = {"relu": F.relu, "leaky_relu": F.leaky_relu, "gelu": F.gelu, "silu": F.silu,
               "sigmoid": F.sigmoid, "tanh": F.tanh, "none": None}


class Block(Module):
    """A module from feature maps to feature maps, (N, in_channels, H, W) -> (N, out_channels, P, Q)."""

    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.in_channels, self.out_channels = in_channels, out_channels

    def check(self, x):
        if x.ndim != 4 or x.shape[1] != self.in_channels:
            raise ValueError(f"{self.title()}: expected input (N, {self.in_channels}, H, W), got {x.shape}")

    def title(self):
        return f"{type(self).__name__}({self.in_channels} -> {self.out_channels})"


def make_norm(norm, channels, batch_norm=BatchNorm2d):
    """The norm of that name for so many channels, or what `norm(channels)` makes.

    "batch" averages over the images of a batch. "group" (Wu & He 2018, "Group Normalization": a fixed number of
    channels in each group) and "layer" (one group of all channels) look at one image at a time.
    """
    if callable(norm):
        return made(norm, channels)
    if not named_in(NORMS, norm):
        raise ValueError(f"norm: expected {', '.join(NORMS)} or a function of the channels, got {norm!r}")
    if norm == "batch":
        return batch_norm(channels)
    if norm in (None, "none"):
        return Identity()
    return GroupNorm(groups_of(channels) if norm == "group" else 1, channels)


def groups_of(channels, size=GROUP_SIZE):
    """The number of groups: as many as possible with `size` channels or more in each; at least one.

    A group must not get too small: with one channel, the group norm would be an instance norm, which removes the
    strength of each channel, and makes zeros of a 1x1 map.
    """
    return next((groups for groups in range(channels // size, 0, -1) if channels % groups == 0), 1)


def made(function, channels):
    module = function(channels)
    if not isinstance(module, Module):
        raise TypeError("expected a function of the channels that makes a Module, "
                        f"got one that makes a {type(module).__name__}")
    return module


def needs_bias(norm):
    """Whether a convolution before `norm` needs a bias: a norm would subtract it again."""
    return norm in (None, "none")


def norm_relu(norm, x, shortcut=None):
    """relu(norm(x) + shortcut), in one pass over memory where the norm is a BatchNorm."""
    if isinstance(norm, _BatchNorm):
        return norm(x, residual=shortcut, relu=True)
    y = norm(x)
    return F.relu(y) if shortcut is None else F.add_relu(y, shortcut)


def make_activation(activation):
    """The function of that name, None for none; a function or module as it is; an instance of a class."""
    if callable(activation):
        return activation() if isinstance(activation, type) else activation
    if not named_in(ACTIVATIONS, activation):
        raise ValueError(f"activation: expected {', '.join(ACTIVATIONS)} or a function, got {activation!r}")
    return ACTIVATIONS[activation or "none"]


def named_in(names, name):
    return name is None or isinstance(name, str) and name in names
