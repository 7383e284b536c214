"""Convolution, norm, activation: the brick of convolutional networks, and three variations of it."""

from tinynet.nn import check
from tinynet.nn import functional as F
from tinynet.nn.blocks.common import Block, make_activation, make_norm, needs_bias
from tinynet.nn.blocks.fused import conv_norm
from tinynet.nn.conv import Conv2d


class ConvBlock(Block):
    """activation(norm(conv(x))). (N, in_channels, H, W) -> (N, out_channels, P, Q).

    `padding=None` keeps the size where the stride is 1: dilation · (kernel_size - 1) / 2. `norm` is "batch",
    "group", "layer", "none" or a function of the channels; `activation` a name ("none" for none), a function
    or a module. The convolution has a bias only where no norm follows it. Ioffe & Szegedy 2015, section 3.2.
    """

    def __init__(self, in_channels, out_channels, kernel_size=3, stride=1, padding=None, dilation=1, groups=1,
                 norm="batch", activation="relu"):
        super().__init__(in_channels, out_channels)
        if padding is None:
            padding = same_padding(kernel_size, dilation)
        self.conv = Conv2d(in_channels, out_channels, kernel_size, stride, padding, dilation, groups,
                           bias=needs_bias(norm))
        self.norm = make_norm(norm, out_channels)
        self.activation = make_activation(activation)

    def forward(self, x):
        self.check(x)
        if self.activation is F.relu:
            return conv_norm(self.conv, self.norm, x)
        y = conv_norm(self.conv, self.norm, x, relu=False)
        return self.activation(y) if self.activation else y

    def extra_repr(self):
        return f"activation={getattr(self.activation, '__name__', None)}"


def same_padding(kernel_size, dilation):
    """The padding that keeps the size of an image at stride 1 (with odd kernels), for height and width."""
    kernel_size = check.pair("ConvBlock", "kernel_size", kernel_size, 1)
    dilation = check.pair("ConvBlock", "dilation", dilation, 1)
    return tuple(d * (k - 1) // 2 for k, d in zip(kernel_size, dilation))


class DepthwiseSeparableConv(Block):
    """A spatial convolution of each channel by itself, then a 1x1 convolution that mixes the channels.

    R·S·C + C·K weights instead of R·S·C·K. (N, in_channels, H, W) -> (N, out_channels, P, Q).
    Howard et al. 2017, "MobileNets", section 3.1.
    """

    def __init__(self, in_channels, out_channels, kernel_size=3, stride=1, padding=None, dilation=1,
                 norm="batch", activation="relu"):
        super().__init__(in_channels, out_channels)
        self.depthwise = ConvBlock(in_channels, in_channels, kernel_size, stride, padding, dilation,
                                   groups=in_channels, norm=norm, activation=activation)
        self.pointwise = ConvBlock(in_channels, out_channels, 1, norm=norm, activation=activation)

    def forward(self, x):
        self.check(x)
        return self.pointwise(self.depthwise(x))


class GroupedConv(ConvBlock):
    """A ConvBlock in `groups` that do not see each other: 1 / groups of the weights and of the work.

    (N, in_channels, H, W) -> (N, out_channels, P, Q).
    Krizhevsky et al. 2012 (halves on two processors); Xie et al. 2017, "Aggregated Residual Transformations".
    """

    def __init__(self, in_channels, out_channels, groups, kernel_size=3, **options):
        super().__init__(in_channels, out_channels, kernel_size, groups=groups, **options)


class DilatedConv(ConvBlock):
    """A ConvBlock whose kernel has gaps: kernel_size weights span dilation · (kernel_size - 1) + 1 pixels.

    (N, in_channels, H, W) -> (N, out_channels, P, Q).
    Yu & Koltun 2016, "Multi-Scale Context Aggregation by Dilated Convolutions".
    """

    def __init__(self, in_channels, out_channels, dilation=2, kernel_size=3, **options):
        super().__init__(in_channels, out_channels, kernel_size, dilation=dilation, **options)
