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


class AvgPool1d(_Windows):
    """The mean of each window. (N, C, L) -> (N, C, P); the options are those of `F.avg_pool1d`. LeCun et al. 1998."""

    function, hidden = staticmethod(F.avg_pool1d), ("ceil_mode", "count_include_pad")

    def __init__(self, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
        super().__init__(kernel_size=kernel_size, stride=stride, padding=padding, ceil_mode=ceil_mode,
                         count_include_pad=count_include_pad)


class _AvgPool(_Windows):
    hidden = ("ceil_mode", "count_include_pad", "divisor_override")

    def __init__(self, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
                 divisor_override=None):
        super().__init__(kernel_size=kernel_size, stride=stride, padding=padding, ceil_mode=ceil_mode,
                         count_include_pad=count_include_pad, divisor_override=divisor_override)


class AvgPool2d(_AvgPool):
    """The mean of each window. (N, C, H, W) -> (N, C, P, Q); the options are those of `F.avg_pool2d`.

    LeCun et al. 1998, "Gradient-Based Learning Applied to Document Recognition".
    """

    function = staticmethod(F.avg_pool2d)


class AvgPool3d(_AvgPool):
    """The mean of each window. (N, C, D, H, W) -> volumes (N, C, ..., P, Q). As PyTorch's."""

    function = staticmethod(F.avg_pool3d)


class _Adaptive(Stateless):
    def __init__(self, output_size):
        super().__init__(output_size=output_size)


class AdaptiveAvgPool1d(_Adaptive):
    """Means of P windows that tile the input. (N, C, L) -> (N, C, P). As PyTorch's."""

    function = staticmethod(F.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_Adaptive):
    """Means of P x Q windows that tile the input; None keeps a size. (N, C, H, W) -> (N, C, P, Q).

    1 is the global average of Lin, Chen & Yan 2013, "Network in Network".
    """

    function = staticmethod(F.adaptive_avg_pool2d)


class AdaptiveAvgPool3d(_Adaptive):
    """Means of windows that tile volumes; None keeps a size. (N, C, D, H, W) -> (N, C, *output_size). As PyTorch's."""

    function = staticmethod(F.adaptive_avg_pool3d)


class _AdaptiveMax(Stateless):
    hidden = ("return_indices",)

    def __init__(self, output_size, return_indices=False):
        super().__init__(output_size=output_size, return_indices=return_indices)


class AdaptiveMaxPool1d(_AdaptiveMax):
    """Maxima of P windows that tile the input. (N, C, L) -> (N, C, P). As PyTorch's."""

    function = staticmethod(F.adaptive_max_pool1d)


class AdaptiveMaxPool2d(_AdaptiveMax):
    """Maxima of P x Q windows that tile the input; None keeps a size. (N, C, H, W) -> (N, C, P, Q).

    He et al. 2015, "Spatial Pyramid Pooling".
    """

    function = staticmethod(F.adaptive_max_pool2d)
