"""Images seen through a grid: each output pixel looks at any place of the input."""

import numpy as np

from tinynet.nn import check
from tinynet.ops.joining import stack
from tinynet.tensor import Tensor


def affine_grid(theta, size, align_corners=None):
    """The places where a rotated, scaled and shifted image looks: (N, 2, 3), size (N, C, P, Q) -> (N, P, Q, 2).

    grid = theta · (x, y, 1), x and y from -1 to 1 across the image, from edge to edge, or, with `align_corners`, from
    the first pixel's center to the last one's. Jaderberg et al. 2015, "Spatial Transformer Networks".
    """
    check.floats("affine_grid", theta)
    if len(size) != 4 or theta.shape != (size[0], 2, 3):
        raise ValueError(f"affine_grid: expected theta (N, 2, 3) and size (N, C, P, Q), got {theta.shape} and {size}")
    n, _, p, q = size
    ends = [1 if align_corners else 1 - 1 / m for m in (p, q)]
    y, x = np.meshgrid(*(np.linspace(-e, e, m) if m > 1 else np.zeros(1) for e, m in zip(ends, (p, q))), indexing="ij")
    base = np.stack([x, y, np.ones_like(x)], -1).reshape(1, p * q, 3).astype(theta.dtype)
    return (Tensor(base) @ theta.transpose(1, 2)).reshape(n, p, q, 2)


def grid_sample(input, grid, mode="bilinear", padding_mode="zeros", align_corners=None):
    """The input at the places of a grid. (N, C, H, W), (N, P, Q, 2) -> (N, C, P, Q).

    A place (x, y) is from -1 to 1 as for `affine_grid`. `mode`: "bilinear", between four pixels, or "nearest".
    `padding_mode`: outside there are "zeros" or, "border", the border's pixels. ValueError for others.
    Jaderberg et al. 2015, section 3.3.
    """
    check.floats("grid_sample", input, grid)
    if input.ndim != 4 or grid.ndim != 4 or grid.shape[0] != input.shape[0] or grid.shape[3] != 2:
        raise ValueError(f"grid_sample: expected input (N, C, H, W) and grid (N, P, Q, 2), got {input.shape} and "
                         f"{grid.shape}")
    if mode not in ("bilinear", "nearest") or padding_mode not in ("zeros", "border"):
        raise ValueError(f'grid_sample: expected mode "bilinear" or "nearest" and padding_mode "zeros" or "border", '
                         f"got {mode!r} and {padding_mode!r}")
    h, w = input.shape[2:]
    x, y = (_pixel(grid[..., i], size, align_corners, padding_mode) for i, size in enumerate((w, h)))   # (N, P, Q)
    if mode == "nearest":
        return _at(input, np.rint(y.array), np.rint(x.array))
    top, left = np.floor(y.array), np.floor(x.array)
    below, right = y - Tensor(top), x - Tensor(left)                        # shares of the later pixels
    corners = [_at(input, top + i, left + j) for i in (0, 1) for j in (0, 1)]
    shares = [(1 - below) * (1 - right), (1 - below) * right, below * (1 - right), below * right]
    return (stack(corners) * stack(shares).unsqueeze(2)).sum(0)


def _pixel(place, size, align_corners, padding_mode):
    """Places from -1 to 1 in pixels, within the image if the border's pixels continue it."""
    pixel = (place + 1) * ((size - 1) / 2) if align_corners else ((place + 1) * size - 1) / 2
    return pixel.clamp(0, size - 1) if padding_mode == "border" else pixel


def _at(input, rows, columns):
    """The pixels at whole places (N, P, Q), 0 outside: (N, C, P, Q)."""
    n, c, h, w = input.shape
    inside = (rows >= 0) & (rows < h) & (columns >= 0) & (columns < w)                        # (N, P, Q)
    places = np.where(inside, rows, 0) * w + np.where(inside, columns, 0)
    places = np.broadcast_to(places.reshape(n, 1, -1), (n, c, places[0].size)).astype(np.int64)
    pixels = input.reshape(n, c, h * w).gather(2, Tensor(places)).reshape(n, c, *rows.shape[1:])
    return pixels * Tensor(inside[:, None].astype(input.dtype))
