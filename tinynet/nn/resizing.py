"""Layers that change the size of images, or trade pixels for channels."""

from tinynet.nn import functional as F
from tinynet.nn.stateless import Stateless


class Upsample(Stateless):
    """Images of another size: (N, C, H, W) -> (N, C, P, Q); sequences and volumes too. See `F.interpolate`.

    `size` is in pixels. As PyTorch's.
    """

    function = staticmethod(F.interpolate)

    def __init__(self, size=None, scale_factor=None, mode="nearest", align_corners=None,
                 recompute_scale_factor=None):
        factors = tuple(map(float, scale_factor)) if isinstance(scale_factor, (tuple, list)) else scale_factor
        super().__init__(size=size, scale_factor=float(factors) if isinstance(factors, int) else factors, mode=mode,
                         align_corners=align_corners, recompute_scale_factor=recompute_scale_factor)

    def extra_repr(self):
        size = f"scale_factor={self.scale_factor}" if self.scale_factor is not None else f"size={self.size}"
        return f"{size}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """`Upsample` with mode "nearest": (N, C, H, W) -> (N, C, P, Q). `size` is in pixels. As PyTorch's."""

    def __init__(self, size=None, scale_factor=None):
        super().__init__(size, scale_factor)


class UpsamplingBilinear2d(Upsample):
    """`Upsample` with mode "bilinear" and aligned corners: (N, C, H, W) -> (N, C, P, Q). As PyTorch's.

    `size` is in pixels.
    """

    def __init__(self, size=None, scale_factor=None):
        super().__init__(size, scale_factor, "bilinear", True)


class PixelShuffle(Stateless):
    """Channels as pixels: (N, K, H, W) -> (N, C, P, Q), P = H r, C = K / r²; r = upscale_factor. Shi et al. 2016."""

    function = staticmethod(F.pixel_shuffle)


class PixelUnshuffle(Stateless):
    """Pixels as channels: (N, C, H, W) -> (N, K, P, Q), P = H / r, K = C r²; r = downscale_factor. Shi et al. 2016."""

    function = staticmethod(F.pixel_unshuffle)


class ChannelShuffle(Stateless):
    """The channels of `groups` groups in turns: (N, C, ...) -> the same. Zhang et al. 2018, "ShuffleNet"."""

    function = staticmethod(F.channel_shuffle)
