"""Pooling layers. None of them has parameters."""

from tinynet.nn import functional as F
from tinynet.nn.module import Module


class MaxPool2d(Module):
    """The maximum of each window. (N, C, H, W) -> (N, C, P, Q).

    `return_indices` and `ceil_mode` are those of `F.max_pool2d`. Boureau, Ponce & LeCun 2010, "A Theoretical
    Analysis of Feature Pooling in Visual Recognition".
    """

    def __init__(self, kernel_size, stride=None, padding=0, dilation=1, return_indices=False,
                 ceil_mode=False):
        super().__init__()
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def forward(self, input):
        return F.max_pool2d(input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode,
                            self.return_indices)

    def extra_repr(self):
        return (f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
                f"dilation={self.dilation}, ceil_mode={self.ceil_mode}")


class AvgPool2d(Module):
    """The mean of each window. (N, C, H, W) -> (N, C, P, Q); the options are those of `F.avg_pool2d`.

    LeCun et al. 1998, "Gradient-Based Learning Applied to Document Recognition".
    """

    def __init__(self, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
                 divisor_override=None):
        super().__init__()
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.ceil_mode = padding, ceil_mode
        self.count_include_pad, self.divisor_override = count_include_pad, divisor_override

    def forward(self, input):
        return F.avg_pool2d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
                            self.count_include_pad, self.divisor_override)

    def extra_repr(self):
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AdaptiveAvgPool2d(Module):
    """Means of P x Q windows that tile the input; None keeps a size. (N, C, H, W) -> (N, C, P, Q).

    1 is the global average of Lin, Chen & Yan 2013, "Network in Network".
    """

    def __init__(self, output_size):
        super().__init__()
        self.output_size = output_size

    def forward(self, input):
        return F.adaptive_avg_pool2d(input, self.output_size)

    def extra_repr(self):
        return f"output_size={self.output_size}"
