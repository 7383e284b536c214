"""Images of another size: interpolation, and pixels traded for channels."""

import math

import numpy as np

from tinynet.nn import check
from tinynet.nn.functional.pool import adaptive_avg_pool2d
from tinynet.nn.functional.pool1d import adaptive_avg_pool1d
from tinynet.nn.functional.pool3d import adaptive_avg_pool3d
from tinynet.ops import resize
from tinynet.ops.pad import PadIndex

WEIGHTS = {"linear": (3, resize.linear_weights), "bilinear": (4, resize.linear_weights),
           "trilinear": (5, resize.linear_weights), "bicubic": (4, resize.cubic_weights)}
AREA = {3: adaptive_avg_pool1d, 4: adaptive_avg_pool2d, 5: adaptive_avg_pool3d}


def interpolate(input, size=None, scale_factor=None, mode="nearest", align_corners=None,
                recompute_scale_factor=None, antialias=False):
    """Images, (N, C, H, W) -> (N, C, P, Q), or sequences (N, C, L), or volumes (N, C, D, H, W), of another size.

    `size` in pixels or `scale_factor`, P = floor(H · scale_factor), one number or one for each axis. `mode`:
    "nearest", "nearest-exact", "area" (means), "linear" (N, C, L), "bilinear", "bicubic" (Keys 1981), "trilinear".
    `align_corners` puts the corner pixels' centers onto each other, instead of the images' edges.
    ValueError for a mode of other axes, for both or neither of size and scale_factor, and for `antialias`.
    As PyTorch's.
    """
    check.floats("interpolate", input)
    check.refuse("interpolate", antialias=antialias)
    axes = input.ndim - 2
    if axes not in (1, 2, 3):
        raise ValueError(f"interpolate: expected input (N, C, L), (N, C, H, W) or (N, C, D, H, W), got {input.shape}")
    if mode not in WEIGHTS and align_corners is not None:
        raise ValueError(f"interpolate: align_corners is not for mode {mode!r}")
    size, scales = _sizes(input.shape[2:], size, scale_factor, recompute_scale_factor)
    if mode == "area":
        return AREA[input.ndim](input, size)
    if mode in ("nearest", "nearest-exact"):
        sources = {axis + 2: resize.nearest(n, count, scale, mode == "nearest-exact")
                   for axis, (n, count, scale) in enumerate(zip(input.shape[2:], size, scales))}
        return PadIndex.apply(input, sources)
    if WEIGHTS.get(mode, (0,))[0] != input.ndim:
        raise ValueError(f"interpolate: expected mode nearest, nearest-exact, area or one of {', '.join(WEIGHTS)} for "
                         f"as many axes as it says, got {mode!r} for input {input.shape}")
    weights = WEIGHTS[mode][1]
    matrices = [weights(*axis, bool(align_corners)) for axis in zip(input.shape[2:], size, scales)]
    return _resized(input, *matrices)


def _sizes(found, size, scale_factor, recompute):
    """The output's sizes, and how many input pixels an output pixel is wide, for each axis."""
    if (size is None) == (scale_factor is None):
        raise ValueError(f"interpolate: expected size or scale_factor, got {size} and {scale_factor}")
    if size is not None:
        size = check.sizes("interpolate", "size", size, len(found), 1)
        return size, [n / count for n, count in zip(found, size)]
    factors = tuple(scale_factor) if isinstance(scale_factor, (tuple, list)) else (scale_factor,) * len(found)
    if len(factors) != len(found) or min(factors) <= 0:
        raise ValueError(f"interpolate: expected scale_factor to be one positive number or {len(found)}, "
                         f"got {scale_factor}")
    size = check.sizes("interpolate", "size", [int(np.floor(n * f)) for n, f in zip(found, factors)], len(found), 1)
    return size, [n / count for n, count in zip(found, size)] if recompute else [1 / f for f in factors]


def _resized(x, *matrices):
    """x with a matrix applied along each of its last axes; `Resize` serves two of them at a time."""
    if len(matrices) == 1:
        return resize.Resize.apply(x.unsqueeze(2), np.eye(1), *matrices).squeeze(2)
    if len(matrices) == 2:
        return resize.Resize.apply(x, *matrices)
    n, c, d, h, w = x.shape
    y = resize.Resize.apply(x.reshape(n, c * d, h, w), *matrices[1:])                        # (N, C·D, P, Q)
    p, q = y.shape[2:]
    y = resize.Resize.apply(y.reshape(n, c, d, p * q), matrices[0], np.eye(p * q))           # (N, C, D out, P·Q)
    return y.reshape(n, c, -1, p, q)


def upsample(input, size=None, scale_factor=None, mode="nearest", align_corners=None):
    """The old name of `interpolate`: (N, C, H, W) -> (N, C, P, Q). `size` is in pixels. As PyTorch's."""
    return interpolate(input, size, scale_factor, mode, align_corners)


def pixel_shuffle(input, upscale_factor):
    """Channels as pixels: (N, K, H, W) -> (N, C, P, Q), P = H r, C = K / r²; r = upscale_factor. Shi et al. 2016."""
    r = upscale_factor
    if input.ndim < 3 or r < 1 or input.shape[-3] % (r * r):
        raise ValueError(f"pixel_shuffle: expected input (..., C·{r}·{r}, H, W), got {input.shape}")
    *batch, c, h, w = input.shape
    y = input.reshape(math.prod(batch), c // (r * r), r, r, h, w).permute(0, 1, 4, 2, 5, 3)   # (N, C, H, r, W, r)
    return y.reshape(*batch, c // (r * r), h * r, w * r)


def pixel_unshuffle(input, downscale_factor):
    """Pixels as channels: (N, C, H, W) -> (N, K, P, Q), P = H / r, K = C r²; r = downscale_factor. Shi et al. 2016."""
    r = downscale_factor
    if input.ndim < 3 or r < 1 or input.shape[-2] % r or input.shape[-1] % r:
        raise ValueError(f"pixel_unshuffle: expected input (..., C, H·{r}, W·{r}), got {input.shape}")
    *batch, c, h, w = input.shape
    y = input.reshape(math.prod(batch), c, h // r, r, w // r, r).permute(0, 1, 3, 5, 2, 4)    # (N, C, r, r, H, W)
    return y.reshape(*batch, c * r * r, h // r, w // r)


def channel_shuffle(input, groups):
    """The channels of `groups` groups in turns: (N, C, ...) -> the same. Zhang et al. 2018, "ShuffleNet"."""
    if input.ndim < 3 or groups < 1 or input.shape[1] % groups:
        raise ValueError(f"channel_shuffle: expected input (N, C, ...) with C divisible by {groups}, got {input.shape}")
    n, c, *rest = input.shape
    return input.reshape(n, groups, c // groups, *rest).transpose(1, 2).reshape(input.shape)


def upsample_nearest(input, size=None, scale_factor=None):
    """PyTorch's old name of `interpolate` with mode "nearest": (N, C, H, W) -> (N, C, P, Q). `size` is in pixels."""
    return interpolate(input, size, scale_factor)


def upsample_bilinear(input, size=None, scale_factor=None):
    """The old name of `interpolate` with mode "bilinear" and aligned corners: (N, C, H, W) -> (N, C, P, Q). PyTorch's.

    `size` is in pixels.
    """
    return interpolate(input, size, scale_factor, "bilinear", True)
