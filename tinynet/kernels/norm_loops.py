"""The compiled loops of normalisation: each works on a chunk of channels-last memory.

Such memory is a flat run of pixels, C values each. The loops take it in rows, a whole number of pixels and
some 256 values long: with 16 channels a loop over the channels of one pixel would end before it has begun.
What belongs to a channel (mean, scale, shift) is tiled to the length of a row, sums are kept for each place
of a row by itself, and all that stays in the first-level cache while the activations stream past.

Two rules keep such a loop fast: cut the slices of a row outside the inner loop, and call nothing from the
outer one (to pass slices to a function costs more, in reference counts, than the arithmetic on 256 values).
"""

import numpy as np

from tinynet.kernels.compile import jit

ROW = 256
NO_RELU = np.nan                                     # as a floor: neither v < NaN nor y <= NaN ever holds
VECTORIZE = {"reassoc", "contract", "nsz", "arcp"}   # all of fastmath but "there are no NaNs and infinities"


@jit
def row_length(channels):
    """A whole number of pixels: just under `ROW` values, or else one pixel."""
    return channels * max(1, ROW // channels)


@jit
def tiled(v, length, like):
    """A vector (C,) repeated to the length of a row, in the type of the activations."""
    row = np.empty(length, like.dtype)
    for start in range(0, length, v.size):
        for c in range(v.size):
            row[start + c] = v[c]
    return row


@jit
def recentered(shift, mean, center, scale):
    """The shift that makes up for rounding the mean to `center`."""
    out = np.empty(mean.size)
    for c in range(mean.size):
        out[c] = shift[c] + (center[c] - mean[c]) * scale[c]
    return out


@jit
def merge(count, means, m2s, mean, m2):
    """Mean and Σ(x - mean)², both (C,), of a whole from those of its parts (Chan, Golub & LeVeque 1979)."""
    total = 0.0
    for part in range(count.size):
        total += count[part]
    for c in range(mean.size):
        mean[c] = m2[c] = 0
        for part in range(count.size):
            mean[c] += means[part, c] * count[part] / total
        for part in range(count.size):
            m2[c] += m2s[part, c] + count[part] * (means[part, c] - mean[c]) ** 2


@jit(fastmath=VECTORIZE)
def moments(x, mean, m2):
    """Mean and Σ(x - mean)² of each channel, in one pass.

    Each place counts from an origin near its mean, the average of every sixteenth row, so that little cancels
    however large the mean is: (mean - origin)² is at most 16 times the variance. Then the places merge.
    """
    pixels, length = x.size // mean.size, min(row_length(mean.size), x.size)
    origin, first, second = np.zeros(length, x.dtype), np.zeros(length, x.dtype), np.zeros(length, x.dtype)
    share = x.dtype.type(1 / ((x.size // length - 1) // 16 + 1))
    for start in range(0, x.size - length + 1, 16 * length):
        row = x[start:start + length]
        for i in range(length):
            origin[i] += row[i] * share
    for start in range(0, x.size, length):
        row = x[start:start + length]
        for i in range(row.size):
            d = row[i] - origin[i]
            first[i] += d
            second[i] += d * d
    parts = length // mean.size
    count, means, m2s = np.empty(parts), np.empty((parts, mean.size)), np.empty((parts, mean.size))
    for part in range(parts):
        n = count[part] = (pixels - part - 1) // parts + 1
        for c in range(mean.size):
            i = part * mean.size + c
            total = np.float64(first[i])
            means[part, c] = origin[i] + total / n
            m2s[part, c] = second[i] - total * total / n
    merge(count, means, m2s, mean, m2)


@jit(fastmath=VECTORIZE)
def affine(x, extra, y, mean, scale, shift, floor):
    """y = max(floor, (x - mean) · scale + shift + extra); `extra` is like x or a row of zeros. NaN passes."""
    length, floor = row_length(mean.size), x.dtype.type(floor)
    center, slope = tiled(mean, length, x), tiled(scale, length, x)
    offset = tiled(recentered(shift, mean, center, scale), length, x)
    stride = 1 if extra.size == x.size else 0
    for start in range(0, x.size, length):
        row, out = x[start:start + length], y[start:start + length]
        more = extra[start * stride:start * stride + length]
        for i in range(row.size):
            v = (row[i] - center[i]) * slope[i] + offset[i] + more[i]
            out[i] = floor if v < floor else v


@jit
def tiled_gate(gate, length, like):
    """The rows of a gate: the (mean, scale, shift) with which `affine` makes its result, before the floor, of v."""
    mean, scale, shift = gate
    center = tiled(mean, length, like)
    return center, tiled(scale, length, like), tiled(recentered(shift, mean, center, scale), length, like)


@jit(fastmath=VECTORIZE)
def gradient_sums(dy, v, gate, x, mean, floor, sums):
    """Σ g and Σ g·(x - mean) of each channel, where g is dy masked by (v - gate's mean) · its scale + its shift > floor.

    v is the result y itself, with a gate that lets it through; or x, with the gate that made y of it: the mask costs
    no memory traffic then, for x has to be read anyway.
    """
    length, floor, zero = row_length(mean.size), x.dtype.type(floor), x.dtype.type(0)
    center, first, second = tiled(mean, length, x), np.zeros(length, x.dtype), np.zeros(length, x.dtype)
    origin, slope, offset = tiled_gate(gate, length, x)
    for start in range(0, x.size, length):
        row, up, out = x[start:start + length], dy[start:start + length], v[start:start + length]
        for i in range(row.size):
            g = zero if (out[i] - origin[i]) * slope[i] + offset[i] <= floor else up[i]
            first[i] += g
            second[i] += g * (row[i] - center[i])
    for i in range(length):
        c = i % mean.size
        sums[0, c] += first[i]
        sums[1, c] += second[i] + (center[i] - mean[c]) * first[i]


@jit(fastmath=VECTORIZE)
def gradient(dy, v, gate, x, dx, mean, scale, slope, offset, floor):
    """dx = scale · g + slope · (x - mean) + offset, where g is dy masked as in `gradient_sums`."""
    length, floor, zero = row_length(mean.size), x.dtype.type(floor), x.dtype.type(0)
    center, a, b = tiled(mean, length, x), tiled(scale, length, x), tiled(slope, length, x)
    c = tiled(recentered(offset, mean, center, slope), length, x)
    origin, gate_slope, gate_offset = tiled_gate(gate, length, x)
    for start in range(0, x.size, length):
        row, up = x[start:start + length], dy[start:start + length]
        out, down = v[start:start + length], dx[start:start + length]
        for i in range(row.size):
            g = zero if (out[i] - origin[i]) * gate_slope[i] + gate_offset[i] <= floor else up[i]
            down[i] = g * a[i] + (row[i] - center[i]) * b[i] + c[i]


@jit(fastmath=VECTORIZE)
def normalize_rows(x, weight, bias, eps, y, mean, invstd):
    """Layer norm of the rows of x (rows, D): twice over a row, which stays in the first-level cache."""
    for n in range(len(x)):
        row, out, size = x[n], y[n], x.dtype.type(x.shape[1])
        total = square = rest = x.dtype.type(0)
        for i in range(row.size):
            total += row[i]
        center = total / size
        for i in range(row.size):
            rest += row[i] - center
            square += (row[i] - center) * (row[i] - center)
        rest /= size                                     # what rounding took from the mean
        mean[n] = np.float64(center) + rest
        invstd[n] = 1 / np.sqrt(square / size - rest * rest + eps)
        scale = x.dtype.type(invstd[n])
        for i in range(row.size):
            out[i] = (row[i] - center - rest) * scale * weight[i] + bias[i]


@jit(fastmath=VECTORIZE)
def row_gradients(dy, x, weight, mean, invstd, dx, dweight, dbias):
    """The gradients of the same; dweight and dbias are sums over these rows."""
    for n in range(len(x)):
        row, up, out, size = x[n], dy[n], dx[n], x.dtype.type(x.shape[1])
        center, scale = x.dtype.type(mean[n]), x.dtype.type(invstd[n])
        rest = x.dtype.type(mean[n] - center)
        average = average_x_hat = x.dtype.type(0)
        for i in range(row.size):
            x_hat = out[i] = (row[i] - center - rest) * scale
            average += up[i] * weight[i]
            average_x_hat += up[i] * weight[i] * x_hat
        average, average_x_hat = average / size, average_x_hat / size
        for i in range(row.size):
            dweight[i] += up[i] * out[i]
            dbias[i] += up[i]
        for i in range(row.size):
            out[i] = scale * (up[i] * weight[i] - average - out[i] * average_x_hat)
