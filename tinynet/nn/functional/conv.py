"""Convolution, and its two halves when it is im2col plus matrix multiplication: unfold and fold."""

import math

from tinynet.nn import check
from tinynet.nn.functional.batch import unbatched
from tinynet.nn.functional.padding import pad
from tinynet.nn.functional.whole_numbers import whole_numbers_too
from tinynet.ops import conv


@whole_numbers_too
def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Cross-correlation of images with kernels: see `ops.conv.Conv2d`.

    (N, C, H, W) or (C, H, W), (K, C/groups, R, S), (K,) -> (N, K, P, Q),
    P = floor((H + 2 padding - dilation (R - 1) - 1) / stride) + 1.
    `padding` may also be "valid" (none) or "same" (P = H, for stride 1). LeCun et al. 1989.
    """
    input, geometry = _prepared("conv2d", input, weight, bias, stride, padding, dilation, groups)
    if input.ndim == 3:
        return conv.Conv2d.apply(input.unsqueeze(0), weight, bias, *geometry, groups).squeeze(0)
    return conv.Conv2d.apply(input, weight, bias, *geometry, groups)


def _prepared(name, input, weight, bias, stride, padding, dilation, groups):
    """The input with the zeros that "same" needs only after it, and (stride, padding, dilation) as tuples."""
    check.floats(name, input, weight, bias)
    stride, padding, dilation, extra = check.conv(
        name, input.shape, weight.shape, *check.hashable(stride, padding, dilation), groups)
    check.shaped(name, weight.shape[:1], bias=bias)
    if any(extra):
        input = pad(input, [n for after in reversed(extra) for n in (0, after)])
    return input, (stride, padding, dilation)


@whole_numbers_too
def conv1d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """`conv2d` of images that are one pixel high. (N, C, L) or (C, L), (K, C/groups, R), (K,) -> (N, K, P).

    P and `padding` are those of `conv2d`. Waibel et al. 1989, "Phoneme Recognition Using Time-Delay Networks".
    """
    input, ((s,), (p,), (d,)) = _prepared("conv1d", input, weight, bias, stride, padding, dilation, groups)
    return conv2d(input.unsqueeze(-2), weight.unsqueeze(-2), bias, (1, s), (0, p), (1, d), groups).squeeze(-2)


@whole_numbers_too
def conv3d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Cross-correlation of volumes. (N, C, D, H, W) or (C, D, H, W), (K, C/groups, T, R, S), (K,) -> (N, K, ..., P, Q).

    Every output slice is a `conv2d` whose channels are those of the T input slices that it sees. Sizes and
    `padding` are those of `conv2d`. Ji et al. 2013, "3D Convolutional Neural Networks for Human Action Recognition".
    """
    input, geometry = _prepared("conv3d", input, weight, bias, stride, padding, dilation, groups)
    if input.ndim == 4:
        return conv3d(input.unsqueeze(0), weight, bias, *geometry, groups).squeeze(0)
    (s, *stride), (p, *padding), (d, *dilation) = geometry
    n, c, depth, h, w = input.shape
    t = weight.shape[2]
    pixels = input.permute(0, 1, 3, 4, 2).reshape(n, c * h * w, depth, 1)                    # (N, C·H·W, D, 1)
    slices = unfold(pixels, (t, 1), (d, 1), (p, 0), (s, 1))                                   # (N, C·H·W·T, D out)
    slices = slices.reshape(n, c, h, w, t, slices.shape[2]).permute(0, 5, 1, 4, 2, 3)         # (N, D out, C, T, H, W)
    images = slices.reshape(n * slices.shape[1], c * t, h, w)
    y = conv2d(images, weight.flatten(1, 2), bias, stride, padding, dilation, groups)         # (N·D out, K, P, Q)
    return y.reshape(n, slices.shape[1], *y.shape[1:]).transpose(1, 2)


@whole_numbers_too
def conv_transpose2d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """The gradient of `conv2d` with respect to its input, as a layer: see `ops.conv.ConvTranspose2d`.

    (N, C, H, W) or (C, H, W), (C, K/groups, R, S), (K,) -> (N, K, P, Q),
    P = (H - 1) stride - 2 padding + dilation (R - 1) + output_padding + 1. `output_padding` is in pixels.
    Zeiler et al. 2010, "Deconvolutional Networks".
    """
    name = "conv_transpose2d"
    stride, padding, dilation, size = _prepared_transpose(name, input, weight, bias, stride, padding, output_padding,
                                                          groups, dilation)
    more = check.sizes(name, "output_padding", output_padding, 2)
    if any(m >= s for m, s in zip(more, stride)):
        return _cut(conv_transpose2d(input, weight, None, stride, 0, 0, groups, dilation), padding, more, bias)
    x = input if input.ndim == 4 else input.unsqueeze(0)
    y = conv.ConvTranspose2d.apply(x, weight, bias, size, stride, padding, dilation, groups)
    return y if input.ndim == 4 else y.squeeze(0)


def _prepared_transpose(name, input, weight, bias, stride, padding, output_padding, groups, dilation):
    """The geometry as tuples, checked. Nine parameters: the eight of PyTorch's functions, and their name."""
    check.floats(name, input, weight, bias)
    geometry = check.conv_transpose(name, input.shape, weight.shape,
                                    *check.hashable(stride, padding, output_padding), groups, *check.hashable(dilation))
    check.shaped(name, (weight.shape[1] * groups,), bias=bias)
    return geometry


def _cut(y, padding, output_padding, bias):
    """The output of a transposed convolution without padding, cut or widened as the padding and output padding say."""
    widths = [n for p, m in zip(reversed(padding), reversed(output_padding)) for n in (-p, m - p)]
    y = pad(y, widths)
    return y if bias is None else y + bias.reshape(-1, *[1] * len(padding))


@whole_numbers_too
def conv_transpose1d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """`conv_transpose2d` of images that are one pixel high. (N, C, L) or (C, L), (C, K/groups, R), (K,) -> (N, K, P).

    P and `output_padding` are those of `conv_transpose2d`. Zeiler et al. 2010.
    """
    (s,), (p,), (d,), _ = _prepared_transpose("conv_transpose1d", input, weight, bias, stride, padding, output_padding,
                                              groups, dilation)
    more, = check.sizes("conv_transpose1d", "output_padding", output_padding, 1)
    return conv_transpose2d(input.unsqueeze(-2), weight.unsqueeze(-2), bias, (1, s), (0, p), (0, more), groups,
                            (1, d)).squeeze(-2)


@whole_numbers_too
def conv_transpose3d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """The gradient of `conv3d` with respect to its input. (N, C, D, H, W), (C, K/groups, T, R, S), (K,) -> volumes.

    Every input slice gives T output slices, which are added up where they overlap. Sizes and `output_padding` are
    those of `conv_transpose2d`. Zeiler et al. 2010.
    """
    name = "conv_transpose3d"
    if input.ndim == 4:
        return conv_transpose3d(input.unsqueeze(0), weight, bias, stride, padding, output_padding, groups,
                                dilation).squeeze(0)
    stride, padding, dilation, size = _prepared_transpose(name, input, weight, bias, stride, padding, output_padding,
                                                          groups, dilation)
    more = check.sizes(name, "output_padding", output_padding, 3)
    if any(m >= s for m, s in zip(more, stride)):
        return _cut(conv_transpose3d(input, weight, None, stride, 0, 0, groups, dilation), padding, more, bias)
    (n, c, depth, h, w), (t, r, q) = input.shape, weight.shape[2:]
    y = conv_transpose2d(input.transpose(1, 2).reshape(-1, c, h, w), weight.reshape(c, -1, r, q), None, stride[1:],
                         padding[1:], more[1:], groups, dilation[1:])                         # (N·D, K·T, P, Q)
    y = y.reshape(n, depth, -1, t, *size[1:]).permute(0, 2, 4, 5, 3, 1)                       # (N, K, P, Q, T, D)
    y = fold(y.reshape(n, -1, depth), (size[0], 1), (t, 1), (dilation[0], 1), (padding[0], 0), (stride[0], 1))
    y = y.reshape(n, -1, *size[1:], size[0]).permute(0, 1, 4, 2, 3)                           # (N, K, D out, P, Q)
    return y if bias is None else y + bias.reshape(-1, 1, 1, 1)


@whole_numbers_too
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
