"""Layers that widen the borders of their input."""

from tinynet.nn import check
from tinynet.nn import functional as F
from tinynet.nn.stateless import Stateless


class _Pad(Stateless):
    """`padding` is one width in pixels, or two for each axis: (left, right, top, bottom)."""

    axes, mode = 2, "constant"

    def __init__(self, padding):
        super().__init__(padding=self._widths(padding))

    def _widths(self, padding):
        return check.sizes(type(self).__name__, "padding", padding, 2 * self.axes, least=-10**9)

    def forward(self, input):
        return F.pad(input, self.padding, self.mode)

    def extra_repr(self):
        return f"{self.padding}"


class _ConstantPad(_Pad):
    def __init__(self, padding, value):
        super().__init__(padding)
        self.value = value

    def forward(self, input):
        return F.pad(input, self.padding, value=self.value)

    def extra_repr(self):
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad):
    """`value` around sequences, (N, C, L) -> (N, C, P). `padding`: one width, or (left, right). As PyTorch's."""

    axes = 1


class ConstantPad2d(_ConstantPad):
    """`value` around images, (N, C, H, W) -> (N, C, P, Q). `padding`: one width, or (left, right, top, bottom).

    As PyTorch's.
    """


class ConstantPad3d(_ConstantPad):
    """`value` around volumes, (N, C, D, H, W) -> (N, C, ..., P, Q). `padding`: one width, or six. As PyTorch's."""

    axes = 3


class ZeroPad1d(_Pad):
    """Zeros around sequences, (N, C, L) -> (N, C, P). `padding`: one width, or (left, right). As PyTorch's."""

    axes = 1


class ZeroPad2d(_Pad):
    """Zeros around images, (N, C, H, W) -> (N, C, P, Q). As PyTorch's.

    `padding` is one width in pixels, or (left, right, top, bottom); a negative one cuts off.
    """


class ReflectionPad1d(_Pad):
    """Borders that mirror what is inside, (N, C, L) -> (N, C, P). `padding`: one width, or two. As PyTorch's."""

    axes, mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """Borders that mirror what is inside, (N, C, H, W) -> (N, C, P, Q). `padding`: one width, or four. As PyTorch's."""

    mode = "reflect"


class ReplicationPad1d(_Pad):
    """Borders that repeat the last element, (N, C, L) -> (N, C, P). `padding`: one width, or two. As PyTorch's."""

    axes, mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """Borders that repeat the last pixel, (N, C, H, W) -> (N, C, P, Q). `padding`: one width, or four. As PyTorch's."""

    mode = "replicate"


class ReplicationPad3d(_Pad):
    """Borders that repeat the last pixel, (N, C, D, H, W) -> (N, C, ..., P, Q). `padding`: one width, or six.

    As PyTorch's.
    """

    axes, mode = 3, "replicate"


class CircularPad2d(_Pad):
    """Borders from the other side, (N, C, H, W) -> (N, C, P, Q). `padding`: one width, or four. As PyTorch's."""

    mode = "circular"
