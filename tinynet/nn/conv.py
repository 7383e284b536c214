"""Convolution, and its two halves as layers."""

import numpy as np

from tinynet.nn import check
from tinynet.nn import functional as F
from tinynet.nn import init
from tinynet.nn.module import Module
from tinynet.nn.parameter import Parameter, parameter_dtype


class Conv2d(Module):
    """Cross-correlation with learned kernels. (N, in_channels, H, W) -> (N, out_channels, P, Q).

    `padding` is a number, a pair, "valid" or "same". The weight has PyTorch's shape (K, C/groups, R, S), but
    lies in memory as (R, S, C/groups, K): neighbouring output channels fill a vector register, and no kernel
    has to turn it. ValueError unless the groups divide both channels. P and Q are those of `F.conv2d`.
    LeCun et al. 1989, "Backpropagation Applied to Handwritten Zip Code Recognition".
    """

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1,
                 bias=True, padding_mode="zeros", device=None, dtype=None):
        super().__init__()
        dtype = parameter_dtype(device, dtype)
        if padding_mode != "zeros":
            raise ValueError(f'Conv2d: expected padding_mode "zeros", the only one, got {padding_mode!r}')
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(f"Conv2d: expected in_channels and out_channels divisible by groups={groups}, "
                             f"got {in_channels} and {out_channels}")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = check.pair("Conv2d", "kernel_size", kernel_size, 1)
        self.stride = check.pair("Conv2d", "stride", stride, 1)
        self.padding = padding if isinstance(padding, str) else check.pair("Conv2d", "padding", padding)
        self.dilation = check.pair("Conv2d", "dilation", dilation, 1)
        self.padding_mode = padding_mode
        memory = np.empty((*self.kernel_size, in_channels // groups, out_channels), dtype)
        self.weight = Parameter(memory.transpose(3, 2, 0, 1))          # (K, C/groups, R, S)
        self.bias = Parameter(np.empty(out_channels, dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self):
        """Draw the initial values anew: `init.like_linear_`."""
        init.like_linear_(self.weight, self.bias)

    def forward(self, input):
        return F.conv2d(input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)

    def title(self):
        return f"Conv2d({self.in_channels} -> {self.out_channels})"

    def extra_repr(self):
        said = [f"{self.in_channels}, {self.out_channels}", f"kernel_size={self.kernel_size}"]
        said += [f"stride={self.stride}"]
        said += [f"padding={self.padding}"] * (self.padding != (0, 0))
        said += [f"dilation={self.dilation}"] * (self.dilation != (1, 1))
        said += [f"groups={self.groups}"] * (self.groups != 1) + ["bias=False"] * (self.bias is None)
        return ", ".join(said)


class Unfold(Module):
    """The windows of a convolution as columns. (N, C, H, W) -> (N, C·R·S, P·Q).

    Chellapilla, Puri & Simard 2006, "High Performance Convolutional Neural Networks for Document Processing".
    """

    def __init__(self, kernel_size, dilation=1, padding=0, stride=1):
        super().__init__()
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, input):
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self):
        return (f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, "
                f"stride={self.stride}")


class Fold(Module):
    """Adds up columns where Unfold takes them from. (N, C·R·S, P·Q) -> (N, C, *output_size). As PyTorch's."""

    def __init__(self, output_size, kernel_size, dilation=1, padding=0, stride=1):
        super().__init__()
        self.output_size, self.kernel_size = output_size, kernel_size
        self.dilation, self.padding, self.stride = dilation, padding, stride

    def forward(self, input):
        return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self):
        return (f"output_size={self.output_size}, kernel_size={self.kernel_size}, dilation={self.dilation}, "
                f"padding={self.padding}, stride={self.stride}")


class ZeroPad2d(Module):
    """Zeros around images, (N, C, H, W) -> (N, C, P, Q). As PyTorch's.

    `padding` is one width in pixels, or (left, right, top, bottom); a negative one cuts off.
    """

    def __init__(self, padding):
        super().__init__()
        self.padding = (padding,) * 4 if isinstance(padding, int) else tuple(padding)

    def forward(self, input):
        return F.pad(input, self.padding)

    def extra_repr(self):
        return f"{self.padding}"
