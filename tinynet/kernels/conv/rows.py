"""Rows of an image between columns of zeros, as the register tiles read them."""

from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.simd import address, copy
from tinynet.kernels.matmul.finish import finish_row


@jit
def pad_rows(x, n, rows, channels, columns, out, start):
    """Copies some rows of image n of x (N, H, W, C) into out[start:], (rows, padded, pitch).

    `rows` = (first, end). `channels` = (first, how many, pitch: floats from one pixel of `out` to the next).
    `columns` = (left, padded): so many columns of zeros come first, and so many columns there are in all. Where `left`
    is negative, so many columns of x are left out.
    """
    (low, high), (c0, c, pitch), (left, padded) = rows, channels, columns
    _, h, width, x_channels = x.shape
    skip, left = max(0, -left), max(0, left)
    some = max(0, min(width - skip, padded - left))
    run, runs = (some * c, 1) if pitch == c == x_channels else (c, some)
    for row in range(low, high):
        out[start:start + left * pitch] = 0
        source = address(x, ((n * h + row) * width + skip) * x_channels + c0)
        for i in range(runs):
            copy(address(out, start + (left + i) * pitch), source + 4 * i * x_channels, run)
        out[start + (left + some) * pitch:start + padded * pitch] = 0
        start += padded * pitch


@jit
def start_rows(start, rows, channels, columns, out, place):
    """Applies a finish to the pixels of some rows that `pad_rows` has copied to out[place:]; zeros stay zeros.

    `channels` is that of `pad_rows`, `columns` = (left, padded, columns of the image).
    """
    (c0, some, pitch), (left, padded, width) = channels, columns
    pixels = max(0, min(width - max(0, -left), padded - max(0, left)))
    for row in range(rows):
        finish_row(start, (place + (row * padded + max(0, left)) * pitch, pitch, pixels), (c0, some), out)
