"""Pooling layers. None of them has parameters; sizes and options are those of `nn.functional`."""

from tinynet.nn import functional as F
from tinynet.nn.stateless import Stateless


class _Windows(Stateless):
    """A pooling whose stride is the size of its windows unless given."""

    def __init__(self, **options):
        if options["stride"] is None:
            options["stride"] = options["kernel_size"]
        super().__init__(**options)


class _MaxPool(_Windows):
    hidden = ("return_indices",)

    def __init__(self, kernel_size, stride=None, padding=0, dilation=1, return_indices=False,
                 ceil_mode=False):
        super().__init__(kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation,
                         ceil_mode=ceil_mode, return_indices=return_indices)


class MaxPool1d(_MaxPool):
    """The maximum of each window. (N, C, L) -> (N, C, P). Boureau, Ponce & LeCun 2010."""

    function = staticmethod(F.max_pool1d)


class MaxPool2d(_MaxPool):
    """The maximum of each window. (N, C, H, W) -> (N, C, P, Q).

    `return_indices` and `ceil_mode` are those of `F.max_pool2d`. Boureau, Ponce & LeCun 2010, "A Theoretical
    Analysis of Feature Pooling in Visual Recognition".
    """

    function = staticmethod(F.max_pool2d)


class MaxPool3d(_MaxPool):
    """The maximum of each window. (N, C, D, H, W) -> volumes (N, C, ..., P, Q). As PyTorch's."""

    function = staticmethod(F.max_pool3d)


class MaxUnpool2d(_Windows):
    """Zeros with each input where MaxPool2d found it: (N, C, P, Q), places -> (N, C, H, W). Zeiler & Fergus 2014."""

    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__(kernel_size=kernel_size, stride=stride, padding=padding)

    def forward(self, input, indices, output_size=None):
        return F.max_unpool2d(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class _AvgPool(_Windows):
    hidden = ("ceil_mode", "count_include_pad", "divisor_override")


class AvgPool1d(_AvgPool):
    """The mean of each window. (N, C, L) -> (N, C, P); the options are those of `F.avg_pool1d`. LeCun et al. 1998."""

    function = staticmethod(F.avg_pool1d)


class AvgPool2d(_AvgPool):
    """The mean of each window. (N, C, H, W) -> (N, C, P, Q); the options are those of `F.avg_pool2d`.

    LeCun et al. 1998, "Gradient-Based Learning Applied to Document Recognition".
    """

    function = staticmethod(F.avg_pool2d)


class AvgPool3d(_AvgPool):
    """The mean of each window. (N, C, D, H, W) -> volumes (N, C, ..., P, Q). As PyTorch's."""

    function = staticmethod(F.avg_pool3d)



class AdaptiveAvgPool1d(Stateless):
    """Means of P windows that tile the input. (N, C, L) -> (N, C, P). As PyTorch's."""

    function = staticmethod(F.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(Stateless):
    """Means of P x Q windows that tile the input; None keeps a size. (N, C, H, W) -> (N, C, P, Q).

    1 is the global average of Lin, Chen & Yan 2013, "Network in Network".
    """

    function = staticmethod(F.adaptive_avg_pool2d)


class AdaptiveAvgPool3d(Stateless):
    """Means of windows that tile volumes; None keeps a size. (N, C, D, H, W) -> (N, C, *output_size). As PyTorch's."""

    function = staticmethod(F.adaptive_avg_pool3d)



class AdaptiveMaxPool1d(Stateless):
    """Maxima of P windows that tile the input. (N, C, L) -> (N, C, P). As PyTorch's."""

    function, hidden = staticmethod(F.adaptive_max_pool1d), ("return_indices",)


class AdaptiveMaxPool2d(Stateless):
    """Maxima of P x Q windows that tile the input; None keeps a size. (N, C, H, W) -> (N, C, P, Q).

    He et al. 2015, "Spatial Pyramid Pooling".
    """

    function, hidden = staticmethod(F.adaptive_max_pool2d), ("return_indices",)
