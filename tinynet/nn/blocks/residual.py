"""Residual blocks: y = relu(F(x) + shortcut(x)), so that a block has to learn only what to change.

F(x), the output of the branch, is the residual. The shortcut is x itself or, where the shape changes, made from x.
He et al. 2015, "Deep Residual Learning for Image Recognition". Every addition comes after a BatchNorm and before a
ReLU. One pass over memory does all three: `bn(y, residual=shortcut, relu=True)`. There, the argument `residual` is
what is added to y: the shortcut. In evaluation, the convolution before the norm does it in its own pass, and in
training, a norm and a ReLU join the convolution after them (`fused.py`).
"""


from tinynet.nn import functional as F
from tinynet.nn import init
from tinynet.nn.blocks.attention import SEBlock, SelfAttention
from tinynet.nn.blocks.common import Block, made, make_norm, named_in, needs_bias, norm_relu
from tinynet.nn.blocks.fused import begin, conv_norm, norm_conv, one_pass
from tinynet.nn.blocks.shortcut import StochasticDepth, make_shortcut
from tinynet.nn.shape import Identity
from tinynet.nn.conv import Conv2d
from tinynet.nn.dropout import Dropout
from tinynet.nn.linear import Linear
from tinynet.nn.module import Module
from tinynet.nn.norm import BatchNorm1d
from tinynet.system.suggest import did_you_mean

ATTENTIONS = {"se": SEBlock, "self": SelfAttention}
OPTIONS = {"shortcut": None, "pad": None, "attention": None, "stochastic_depth": 0.0, "zero_init_residual": False}


class ResidualBase(Block):
    """Base of the residual blocks: the addition, and the options of its parts.

    downsample          the shortcut itself, any module; None: the identity, or where the shape changes `shortcut`
    shortcut, pad       "A" or "B" (the default), and where A puts its zeros: see `make_shortcut`
    norm                "batch", "group", "layer", "none", or a function of the channels
    attention           "se", "self", or a function of the channels: what the branch ends with
    stochastic_depth    the probability, in training, that a sample goes without the branch
    zero_init_residual  begin with a branch of zeros (Goyal et al. 2017, "Accurate, Large Minibatch SGD", 5.1)

    ValueError for `downsample` together with `shortcut` or `pad`; TypeError for an unknown option.
    """

    expansion = 1                      # output channels / the channels that are asked for
    preactivated = False               # whether norm and ReLU come before the convolutions

    def add_shortcut(self, stride, downsample, norm, options):
        """Make what takes part in the addition; subclasses call this once they have made the branch."""
        check_options(type(self).__name__, options)
        options = {**OPTIONS, **options}
        rate, zero = options["stochastic_depth"], options["zero_init_residual"]
        self.attention = make_attention(options["attention"], self.out_channels)
        self.drop = StochasticDepth(rate) if rate else None
        self.downsample = self._shortcut(stride, downsample, norm, options["shortcut"], options["pad"])
        self.zero_init_residual = zero
        if zero:
            self.zero_branch()

    def _shortcut(self, stride, downsample, norm, option, pad):
        if downsample is None:
            return make_shortcut(self.in_channels, self.out_channels, stride, option or "B", pad or "end", norm)
        if not isinstance(downsample, Module):
            raise TypeError(f"{self.title()}: expected downsample to be a module or None, got {downsample!r}; "
                            'the name of an option is given as shortcut="A" or shortcut="B"')
        if (option, pad) != (None, None):
            raise ValueError(f"{self.title()}: expected either downsample, which is the shortcut, or shortcut and "
                             f"pad, which choose one, got both (shortcut={option!r}, pad={pad!r})")
        return downsample

    def zero_branch(self):
        """Zero the parameters of the branch's last norm, or of the convolution that it ends with."""
        branch = [layer for name, layer in self.named_children() if name.startswith(("conv", "bn"))]
        last = [layer for layer in branch if list(layer.parameters())][-1]
        for parameter in last.parameters():
            init.zeros_(parameter)

    def _add_relu(self, conv, norm, y, x, before=None):
        """relu(norm(conv(y)) + shortcut(x)); attention and stochastic depth come between norm and addition.

        `before` is a norm that, with its ReLU, still has to be applied to y.
        """
        plain = self.attention is None and self.drop is None
        together = one_pass(conv, norm, y) if plain and before is None else None
        if together:
            shortcut = self.downsample(x)
            self._check_sum(together.shape, shortcut.shape)
            return together.run(True, shortcut)
        y = norm_conv(before, conv, y) if plain else conv_norm(conv, norm, y, relu=False, before=before)
        shortcut = self.downsample(x)
        self._check_sum(y.shape, shortcut.shape)
        return norm_relu(norm, y, shortcut) if plain else F.add_relu(self._end(y), shortcut)

    def _end(self, y):
        y = self.attention(y) if self.attention else y
        return self.drop(y) if self.drop else y

    def _check_sum(self, branch, shortcut):
        if branch != shortcut:
            raise ValueError(f"{self.title()}: expected branch and shortcut of one shape, but the branch "
                             f"gives {branch}, downsample gives {shortcut}")


def check_options(name, options):
    for option in options:
        if option not in OPTIONS:
            raise TypeError(f"{name}: unknown option {option!r}, expected {', '.join(OPTIONS)}"
                            f"{did_you_mean(option, OPTIONS)}")


def make_attention(attention, channels):
    if callable(attention):
        return made(attention, channels)
    if not named_in((*ATTENTIONS, "none"), attention):
        raise ValueError(f"attention: expected {', '.join(ATTENTIONS)}, none or a function of the channels, "
                         f"got {attention!r}")
    return None if attention in (None, "none") else ATTENTIONS[attention](channels)


def convolution(in_channels, out_channels, kernel_size, stride=1, groups=1, norm="batch"):
    """A convolution that keeps the size at stride 1, with a bias only where there are no norms."""
    return Conv2d(in_channels, out_channels, kernel_size, stride, kernel_size // 2, groups=groups,
                  bias=needs_bias(norm))


class BasicBlock(ResidualBase):
    """relu(bn(conv3x3(relu(bn(conv3x3(x))))) + shortcut(x)). He et al. 2015, "Deep Residual Learning", figure 5, left.

    (N, in_channels, H, W) -> (N, out_channels, ceil(H / stride), ceil(W / stride)). `hidden_channels`, between
    the two convolutions, are `out_channels` unless given. Options: see ResidualBase.
    """

    def __init__(self, in_channels, out_channels, stride=1, downsample=None, *, norm="batch",
                 hidden_channels=None, **options):
        super().__init__(in_channels, out_channels)
        hidden = out_channels if hidden_channels is None else hidden_channels
        self.conv1 = convolution(in_channels, hidden, 3, stride, norm=norm)
        self.bn1 = make_norm(norm, hidden)
        self.conv2 = convolution(hidden, out_channels, 3, norm=norm)
        self.bn2 = make_norm(norm, out_channels)
        self.add_shortcut(stride, downsample, norm, options)

    def forward(self, x):
        self.check(x)
        y, before = begin(self.conv1, self.bn1, self.conv2, x)
        return self._add_relu(self.conv2, self.bn2, y, x, before)


class Bottleneck(ResidualBase):
    """1x1 down, 3x3 (with the stride), 1x1 up, plus the shortcut.

    He et al. 2015, "Deep Residual Learning", figure 5, right.

    (N, in_channels, H, W) -> (N, 4 mid_channels, ceil(H / stride), ceil(W / stride)). The 3x3 convolution has
    mid_channels * base_width / 64 * groups channels, which makes ResNeXt (Xie et al. 2017) and Wide ResNet of the
    block. Options: see ResidualBase.
    """

    expansion = 4

    def __init__(self, in_channels, mid_channels, stride=1, downsample=None, groups=1, base_width=64, *,
                 norm="batch", **options):
        super().__init__(in_channels, mid_channels * self.expansion)
        width = int(mid_channels * base_width / 64) * groups
        self.conv1 = convolution(in_channels, width, 1, norm=norm)
        self.bn1 = make_norm(norm, width)
        self.conv2 = convolution(width, width, 3, stride, groups, norm)
        self.bn2 = make_norm(norm, width)
        self.conv3 = convolution(width, self.out_channels, 1, norm=norm)
        self.bn3 = make_norm(norm, self.out_channels)
        self.add_shortcut(stride, downsample, norm, options)

    def forward(self, x):
        self.check(x)
        y, before = begin(self.conv1, self.bn1, self.conv2, x)
        y = conv_norm(self.conv2, self.bn2, y, before=before)
        return self._add_relu(self.conv3, self.bn3, y, x)


class PreActBase(ResidualBase):
    """Base of the pre-activated blocks: norm and ReLU come first, and nothing comes after the addition."""

    preactivated = True

    def _add(self, y, x, active):
        """y + x; where the shape changes, the shortcut starts from `active`, relu(bn1(x))."""
        shortcut = x if isinstance(self.downsample, Identity) else self.downsample(active)
        self._check_sum(y.shape, shortcut.shape)
        return self._end(y) + shortcut


class PreActBlock(PreActBase):
    """x + conv3x3(relu(bn(conv3x3(relu(bn(x)))))): x itself goes through the whole network.

    Where the shape changes, and where `downsample` is given, the shortcut starts from relu(bn(x)).
    (N, in_channels, H, W) -> (N, out_channels, ceil(H / stride), ceil(W / stride)). Options: see ResidualBase.
    He et al. 2016, "Identity Mappings in Deep Residual Networks", figure 1b.
    """

    def __init__(self, in_channels, out_channels, stride=1, downsample=None, *, norm="batch", **options):
        super().__init__(in_channels, out_channels)
        self.bn1 = make_norm(norm, in_channels)
        self.conv1 = convolution(in_channels, out_channels, 3, stride, norm=norm)
        self.bn2 = make_norm(norm, out_channels)
        self.conv2 = convolution(out_channels, out_channels, 3, norm=norm)
        self.add_shortcut(stride, downsample, norm, options)

    def forward(self, x):
        self.check(x)
        active = norm_relu(self.bn1, x)
        y = self.conv1(active)
        y = norm_conv(self.bn2, self.conv2, y)
        return self._add(y, x, active)


class PreActBottleneck(PreActBase):
    """x + 1x1, 3x3 (with the stride) and 1x1 convolutions, each of relu(bn(...)). He et al. 2016, appendix.

    (N, in_channels, H, W) -> (N, 4 mid_channels, ceil(H / stride), ceil(W / stride)). Arguments are Bottleneck's.
    """

    expansion = 4

    def __init__(self, in_channels, mid_channels, stride=1, downsample=None, groups=1, base_width=64, *,
                 norm="batch", **options):
        super().__init__(in_channels, mid_channels * self.expansion)
        width = int(mid_channels * base_width / 64) * groups
        self.bn1 = make_norm(norm, in_channels)
        self.conv1 = convolution(in_channels, width, 1, norm=norm)
        self.bn2 = make_norm(norm, width)
        self.conv2 = convolution(width, width, 3, stride, groups, norm)
        self.bn3 = make_norm(norm, width)
        self.conv3 = convolution(width, self.out_channels, 1, norm=norm)
        self.add_shortcut(stride, downsample, norm, options)

    def forward(self, x):
        self.check(x)
        active = norm_relu(self.bn1, x)
        y = self.conv1(active)
        y = norm_conv(self.bn2, self.conv2, y)
        y = norm_conv(self.bn3, self.conv3, y)
        return self._add(y, x, active)


class ResidualBlock(BasicBlock):
    """A BasicBlock by its shapes: without `out_channels` it keeps the channels of its input.

    `hidden_channels`, between the two convolutions, are `out_channels` unless given. Options: see ResidualBase.
    (N, in_channels, H, W) -> (N, out_channels, ceil(H / stride), ceil(W / stride)).
    He et al. 2015, "Deep Residual Learning".
    """

    def __init__(self, in_channels, out_channels=None, stride=1, downsample=None, **options):
        out_channels = in_channels if out_channels is None else out_channels
        super().__init__(in_channels, out_channels, stride, downsample, **options)


class SqueezeExcited:
    """Makes a block's branch end with squeeze-and-excitation. Hu, Shen & Sun 2018, figure 3."""

    def __init__(self, *args, **options):
        super().__init__(*args, **{"attention": "se", **options})


class SEBasicBlock(SqueezeExcited, BasicBlock):
    """A BasicBlock whose branch ends with squeeze-and-excitation. Hu, Shen & Sun 2018, figure 3.

    Shapes and options are BasicBlock's.
    """


class SEBottleneck(SqueezeExcited, Bottleneck):
    """A Bottleneck whose branch ends with squeeze-and-excitation. Hu, Shen & Sun 2018, figure 3.

    Shapes and options are Bottleneck's.
    """


class SEPreActBlock(SqueezeExcited, PreActBlock):
    """A PreActBlock whose branch ends with squeeze-and-excitation. Hu, Shen & Sun 2018.

    Shapes and options are PreActBlock's.
    """


class SEPreActBottleneck(SqueezeExcited, PreActBottleneck):
    """A PreActBottleneck whose branch ends with squeeze-and-excitation. Hu, Shen & Sun 2018.

    Shapes and options are PreActBottleneck's.
    """


class ResidualMLP(Module):
    """x + dropout(W₂ dropout(relu(W₁ norm(x)))). (N, features) -> the same.

    Gorishniy et al. 2021, "Revisiting Deep Learning Models for Tabular Data", section 3.2.
    """

    def __init__(self, features, hidden_features=None, norm="batch", dropout=0.0):
        super().__init__()
        hidden = features if hidden_features is None else hidden_features
        self.features = features
        self.norm = make_norm(norm, features, BatchNorm1d)
        self.fc1 = Linear(features, hidden)
        self.fc2 = Linear(hidden, features)
        self.dropout = Dropout(dropout)

    def forward(self, x):
        if x.ndim != 2 or x.shape[1] != self.features:
            raise ValueError(f"{self.title()}: expected input (N, {self.features}), got {x.shape}")
        y = self.dropout(F.relu(self.fc1(self.norm(x))))
        return x + self.dropout(self.fc2(y))

    def title(self):
        return f"ResidualMLP({self.features})"
