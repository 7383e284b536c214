"""Convolution, and its two halves when it is im2col plus matrix multiplication: unfold and fold."""

import math

from tinynet.nn import check
from tinynet.nn.functional.batch import unbatched
from tinynet.nn.functional.padding import pad
from tinynet.ops import conv


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Cross-correlation of images with kernels: see `ops.conv.Conv2d`.

    (N, C, H, W) or (C, H, W), (K, C/groups, R, S), (K,) -> (N, K, P, Q),
    P = floor((H + 2 padding - dilation (R - 1) - 1) / stride) + 1.
    `padding` may also be "valid" (none) or "same" (P = H, for stride 1). LeCun et al. 1989.
    """
    check.floats("conv2d", input, weight, bias)
    stride, padding, dilation, extra = check.conv2d(
        input.shape, weight.shape, *check.hashable(stride, padding, dilation), groups)
    check.shaped("conv2d", weight.shape[:1], bias=bias)
    if any(extra):
        input = pad(input, (0, extra[1], 0, extra[0]))
    if input.ndim == 3:
        return conv2d(input.unsqueeze(0), weight, bias, stride, padding, dilation, groups).squeeze(0)
    return conv.Conv2d.apply(input, weight, bias, stride, padding, dilation, groups)


def unfold(input, kernel_size, dilation=1, padding=0, stride=1):
    """im2col: the windows of a convolution as columns. (N, C, H, W) -> (N, C·R·S, P·Q).

    Chellapilla, Puri & Simard 2006.
    """
    check.floats("unfold", input)
    if input.ndim != 4:
        return unbatched(unfold, "unfold", input, kernel_size, dilation, padding, stride)
    options = check.hashable(kernel_size, dilation, padding, stride)
    geometry, _ = check.windows("unfold", input.shape[2:], *options)
    return conv.Unfold.apply(input, *geometry)


def fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """col2im: adds up columns where unfold takes them from. (N, C·R·S, P·Q) -> (N, C, *output_size).

    As PyTorch's.
    """
    check.floats("fold", input)
    if input.ndim == 2:
        return fold(input.unsqueeze(0), output_size, kernel_size, dilation, padding, stride).squeeze(0)
    size = check.pair("fold", "output_size", output_size, 1)
    geometry, count = check.windows("fold", size, *check.hashable(kernel_size, dilation, padding, stride))
    area = math.prod(geometry[0])
    if input.ndim != 3 or input.shape[1] % area or input.shape[2] != count:
        raise ValueError(f"fold: expected input (N, C·{area}, {count}) or (C·{area}, {count}), "
                         f"got {input.shape}")
    return conv.Fold.apply(input, size, *geometry)
