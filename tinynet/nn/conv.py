"""Convolutions of one, two and three axes, their transposes, and the two halves of convolution as layers."""

import numpy as np

from tinynet.nn import check
from tinynet.nn import functional as F
from tinynet.nn import init
from tinynet.nn.module import Module
from tinynet.nn.parameter import Parameter, parameter_dtype
from tinynet.nn.stateless import Stateless

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _ConvNd(Module):
    """Cross-correlation with learned kernels along `axes` axes. What the convolutions share."""

    axes, function, transposed = 2, None, False

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1,
                 bias=True, padding_mode="zeros", device=None, dtype=None):
        super().__init__()
        name, dtype = type(self).__name__, parameter_dtype(device, dtype)
        if padding_mode not in PADDING_MODES:
            raise ValueError(f"{name}: expected padding_mode {', '.join(PADDING_MODES)}, got {padding_mode!r}")
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(f"{name}: expected in_channels and out_channels divisible by groups={groups}, "
                             f"got {in_channels} and {out_channels}")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = check.sizes(name, "kernel_size", kernel_size, self.axes, 1)
        self.stride = check.sizes(name, "stride", stride, self.axes, 1)
        self.padding = padding if isinstance(padding, str) else check.sizes(name, "padding", padding, self.axes)
        self.dilation = check.sizes(name, "dilation", dilation, self.axes, 1)
        self.padding_mode = padding_mode
        self.weight = Parameter(self._weight_memory(dtype))
        self.bias = Parameter(np.empty(out_channels, dtype)) if bias else None
        self.reset_parameters()

    def _weight_memory(self, dtype):
        """An array of the weight's shape, (K, C/groups, *kernel_size), whose last axis in memory is K."""
        many, few = self.out_channels, self.in_channels // self.groups
        if self.transposed:
            many, few = self.in_channels, self.out_channels // self.groups
        memory = np.empty((*self.kernel_size, few, many), dtype)
        return memory.transpose(self.axes + 1, self.axes, *range(self.axes))

    def reset_parameters(self):
        """Draw new initial values: `init.like_linear_`."""
        init.like_linear_(self.weight, self.bias)

    def forward(self, input):
        padding = self.padding
        if self.padding_mode != "zeros":
            input, padding = F.pad(input, self.border(), self.padding_mode), 0
        return self.function(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)

    def border(self):
        """The widths that `F.pad` takes, from the last axis on."""
        padding = self.padding
        if isinstance(padding, str):
            reach = [d * (r - 1) if padding == "same" else 0 for d, r in zip(self.dilation, self.kernel_size)]
            return [n for r in reversed(reach) for n in (r // 2, r - r // 2)]
        return [p for p in reversed(padding) for _ in range(2)]

    def title(self):
        return f"{type(self).__name__}({self.in_channels} -> {self.out_channels})"

    def extra_repr(self):
        none, one = (0,) * self.axes, (1,) * self.axes
        said = [f"{self.in_channels}, {self.out_channels}", f"kernel_size={self.kernel_size}"]
        said += [f"stride={self.stride}"]
        said += [f"padding={self.padding}"] * (self.padding != none)
        said += [f"dilation={self.dilation}"] * (self.dilation != one)
        more = vars(self).get("output_padding", none)
        said += [f"output_padding={more}"] * (more != none)
        said += [f"groups={self.groups}"] * (self.groups != 1) + ["bias=False"] * (self.bias is None)
        said += [f"padding_mode={self.padding_mode}"] * (self.padding_mode != "zeros")
        return ", ".join(said)


class Conv1d(_ConvNd):
    """Cross-correlation of sequences with learned kernels. (N, in_channels, L) -> (N, out_channels, P).

    The options are those of `Conv2d`. Waibel et al. 1989.
    """

    axes, function = 1, staticmethod(F.conv1d)


class Conv2d(_ConvNd):
    """Cross-correlation with learned kernels. (N, in_channels, H, W) -> (N, out_channels, P, Q).

    `padding` is a number, a pair, "valid" or "same"; `padding_mode` is "zeros", "reflect", "replicate" or
    "circular". The weight has PyTorch's shape (K, C/groups, R, S), but lies in memory as (R, S, C/groups, K):
    neighbouring output channels fill a vector register, and no kernel has to turn it. ValueError unless the
    groups divide both channels. P and Q are those of `F.conv2d`.
    LeCun et al. 1989, "Backpropagation Applied to Handwritten Zip Code Recognition".
    """

    axes, function = 2, staticmethod(F.conv2d)


class Conv3d(_ConvNd):
    """Cross-correlation of volumes with learned kernels. (N, in_channels, D, H, W) -> (N, out_channels, ..., P, Q).

    The options are those of `Conv2d`. Ji et al. 2013.
    """

    axes, function = 3, staticmethod(F.conv3d)


class _ConvTransposeNd(_ConvNd):
    """The adjoint of a convolution. Its weight is (C, K/groups, *kernel_size)."""

    transposed = True

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, output_padding=0, groups=1,
                 bias=True, dilation=1, padding_mode="zeros", device=None, dtype=None):
        if padding_mode != "zeros" or isinstance(padding, str):
            raise ValueError(f'{type(self).__name__}: expected padding as numbers and padding_mode "zeros", '
                             f"got {padding!r} and {padding_mode!r}")
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias,
                         padding_mode, device, dtype)
        self.output_padding = check.sizes(type(self).__name__, "output_padding", output_padding, self.axes)

    def forward(self, input, output_size=None):
        more = self.output_padding if output_size is None else self._more(input, output_size)
        return self.function(input, self.weight, self.bias, self.stride, self.padding, more, self.groups,
                             self.dilation)

    def _more(self, input, output_size):
        """The output padding that leads to this size."""
        least = [(n - 1) * s - 2 * p + d * (r - 1) + 1 for n, s, p, d, r in zip(
            input.shape[-self.axes:], self.stride, self.padding, self.dilation, self.kernel_size)]
        more = tuple(size - n for size, n in zip(tuple(output_size)[-self.axes:], least))
        if min(more) < 0 or any(m >= max(s, d) for m, s, d in zip(more, self.stride, self.dilation)):
            raise ValueError(f"{self.title()}: expected output_size of at least {tuple(least)} and less than a stride "
                             f"more, got {tuple(output_size)}")
        return more


class ConvTranspose1d(_ConvTransposeNd):
    """The adjoint of `Conv1d`, which makes sequences longer. (N, in_channels, L) -> (N, out_channels, P).

    The options are those of `ConvTranspose2d`; `output_padding` is in elements. Zeiler et al. 2010.
    """

    axes, function = 1, staticmethod(F.conv_transpose1d)


class ConvTranspose2d(_ConvTransposeNd):
    """The adjoint of `Conv2d`, which makes images larger. (N, in_channels, H, W) -> (N, out_channels, P, Q).

    P and Q are those of `F.conv_transpose2d`; `output_padding`, in pixels, chooses among the sizes that a
    convolution with a stride maps to one. So does `output_size` in the call. ValueError for padding modes.
    Zeiler et al. 2010, "Deconvolutional Networks".
    """

    axes, function = 2, staticmethod(F.conv_transpose2d)


class ConvTranspose3d(_ConvTransposeNd):
    """The adjoint of `Conv3d`, which makes volumes larger. (N, in_channels, D, H, W) -> (N, out_channels, ..., P, Q).

    The options are those of `ConvTranspose2d`; `output_padding` is in pixels. Zeiler et al. 2010.
    """

    axes, function = 3, staticmethod(F.conv_transpose3d)


class Unfold(Stateless):
    """The windows of a convolution as columns. (N, C, H, W) -> (N, C·R·S, P·Q).

    Chellapilla, Puri & Simard 2006, "High Performance Convolutional Neural Networks for Document Processing".
    """

    function = staticmethod(F.unfold)


class Fold(Stateless):
    """Adds up columns where Unfold takes them from. (N, C·R·S, P·Q) -> (N, C, *output_size). As PyTorch's."""

    function = staticmethod(F.fold)
