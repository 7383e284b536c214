"""Wider borders."""

import math

from tinynet.nn import check
from tinynet.ops import pad as padding_ops


PADDINGS = {"reflect": padding_ops.reflected, "replicate": padding_ops.replicated,
            "circular": padding_ops.wrapped}


def pad(input, pad, mode="constant", value=None):
    """Wider borders: `pad` = (left, right, top, bottom, ...) in pixels, from the last axis on. As PyTorch's.

    (N, C, H, W) -> (N, C, top + H + bottom, left + W + right). `mode` is "constant" (filled with `value`, 0;
    negative widths cut off), "reflect" (mirrored at the border pixel), "replicate" (the border pixel) or
    "circular" (the other side). ValueError for what is more than the input has to cut off or to copy.
    """
    ndim, pairs = check.tensor("pad", input).ndim, list(zip(pad[::2], pad[1::2]))
    if len(pad) % 2 or len(pairs) > ndim:
        raise ValueError(f"pad: expected a pair of widths for each of at most {ndim} axes, got {tuple(pad)}")
    if mode == "constant":
        widths = [(0, 0)] * (ndim - len(pairs)) + pairs[::-1]
        if any(n + before + after < 0 for n, (before, after) in zip(input.shape, widths)):
            raise ValueError(f"pad: {tuple(pad)} cuts off more than there is of {input.shape}")
        return padding_ops.PadConstant.apply(input, widths, 0 if value is None else value)
    if mode not in PADDINGS:
        raise ValueError(f'pad: expected mode "constant", {", ".join(map(repr, PADDINGS))}, got {mode!r}')
    if value or ndim - len(pairs) not in (1, 2):
        raise ValueError(f"pad: mode {mode!r} takes no value and pads all axes but (C) or (N, C); got input "
                         f"{input.shape}, pad {tuple(pad)}, value {value}")
    sources = {ndim - 1 - i: _padding_sources(mode, input.shape[ndim - 1 - i], *widths)
               for i, widths in enumerate(pairs) if widths != (0, 0)}
    return padding_ops.PadIndex.apply(input, sources)


def _padding_sources(mode, size, before, after):
    most = {"reflect": size - 1, "replicate": math.inf if size else 0, "circular": size}[mode]
    if not (-size <= before <= most and -size <= after <= most and before + size + after > 0):
        raise ValueError(f"pad: expected widths in [{-size}, {most}] for mode {mode!r} and size {size}, "
                         f"got {(before, after)}")
    return PADDINGS[mode](size, before, after)
