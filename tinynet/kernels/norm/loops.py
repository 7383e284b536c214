"""The compiled loops of normalisation: each works on a chunk of channels-last memory, `batch_...` on all chunks.

The loops take rows of some 256 values (see `machine/flat.py`). What belongs to a channel (mean, scale, shift) is
repeated to the length of a row, and sums are kept for each place of a row by itself. All of that stays in the
first-level cache while the activations stream past.

Two rules keep such a loop fast: cut the slices of a row outside the inner loop, and call nothing from the outer one (to
pass slices to a function costs more, in reference counts, than the arithmetic on 256 values).
"""

import numpy as np

from tinynet.kernels.elementwise.fast import masked
from tinynet.kernels.machine.buffers import items
from tinynet.kernels.machine.chunks import chunks
from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.flat import VECTORIZE, row_length
from tinynet.kernels.machine.share import shared
from tinynet.kernels.machine.vector_math import full_width

NO_RELU = np.nan                       # as a floor: neither v < NaN nor y <= NaN ever holds, so nothing is cut off
GIVEN_STATISTICS = np.inf              # as the count of values that a mean is of: the terms it divides vanish


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
    one_of = x.dtype.type(1 / ((x.size // length - 1) // 16 + 1))
    for start in range(0, x.size - length + 1, 16 * length):
        row = x[start:start + length]
        for i in range(length):
            origin[i] += row[i] * one_of
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
    """y = max(floor, (x - mean) · scale + shift + extra). NaN passes; `extra` is like x, or a row of zeros."""
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
    """The rows of a gate: the (mean, scale, shift) with which `affine` makes its result, before the floor, of x."""
    mean, scale, shift = gate
    center = tiled(mean, length, like)
    return center, tiled(scale, length, like), tiled(recentered(shift, mean, center, scale), length, like)


@jit(fastmath=VECTORIZE)
def gradient_sums(dy, x, mask, mean, sums):
    """Σ g and Σ g·(x - mean) of each channel, the rows of `sums`.

    `mask` = (gate, floor). g is dy where (x - mean of the gate) · its scale + its shift > floor, else 0. With the gate
    that made the result y of x, this is ReLU's mask. It costs no memory traffic, because x has to be read anyway.
    """
    gate, floor = mask
    length, floor, zero = row_length(mean.size), x.dtype.type(floor), x.dtype.type(0)
    center, first, second = tiled(mean, length, x), np.zeros(length, x.dtype), np.zeros(length, x.dtype)
    origin, slope, offset = tiled_gate(gate, length, x)
    for start in range(0, x.size, length):
        row, up = x[start:start + length], dy[start:start + length]
        for i in range(row.size):
            g = zero if (row[i] - origin[i]) * slope[i] + offset[i] <= floor else up[i]
            first[i] += g
            second[i] += g * (row[i] - center[i])
    for i in range(length):
        c = i % mean.size
        sums[0, c] += first[i]
        sums[1, c] += second[i] + (center[i] - mean[c]) * first[i]


@jit(fastmath=VECTORIZE)
def gradient(dy, x, dx, mask, mean, coefficients):
    """dx = scale · g + slope · (x - mean) + offset, where g is dy masked as in `gradient_sums`."""
    (gate, floor), (scale, slope, offset) = mask, coefficients
    length, floor, zero = row_length(mean.size), x.dtype.type(floor), x.dtype.type(0)
    center, a, b = tiled(mean, length, x), tiled(scale, length, x), tiled(slope, length, x)
    c = tiled(recentered(offset, mean, center, slope), length, x)
    origin, gate_slope, gate_offset = tiled_gate(gate, length, x)
    for start in range(0, x.size, length):
        row, up, down = x[start:start + length], dy[start:start + length], dx[start:start + length]
        for i in range(row.size):
            g = zero if (row[i] - origin[i]) * gate_slope[i] + gate_offset[i] <= floor else up[i]
            down[i] = g * a[i] + (row[i] - center[i]) * b[i] + c[i]


# What runs on all threads at once. The second pass over the same memory goes backwards, because what was read last is
# still in the cache. Every thread recomputes the totals of the chunks' sums: waiting for another thread costs more.

@jit(cache=False)                      # it is part of two loops
def statistics_chunks(team, x, parts, statistics):
    """Mean, variance and 1/√(var + eps) of each channel, the rows of `statistics`.

    `parts` = (grain, means, m2s, eps). means and m2s have a row for each chunk of `grain` values.
    """
    grain, means, m2s, eps = parts
    for i in chunks(team, 1, len(means)):
        moments(x[i * grain:(i + 1) * grain], means[i], m2s[i])
    channels, count = means.shape[1], np.empty(len(means))
    for i in range(len(means)):
        count[i] = min(grain, x.size - i * grain) / channels
    mean, m2 = np.empty(channels), np.empty(channels)
    merge(count, means, m2s, mean, m2)
    for c in range(channels):
        var = m2[c] / (x.size // channels)                                             # the same bits from every thread
        statistics[0, c], statistics[1, c], statistics[2, c] = mean[c], var, 1 / np.sqrt(var + eps)


batch_statistics = shared(statistics_chunks)


@shared
def batch_train(team, arrays, parts, weight, shift, floor, statistics):
    """The `statistics` of x, then y; `arrays` = (x, extra, y), `parts` see `statistics_chunks`."""
    statistics_chunks(team, arrays[0], parts, statistics)
    scale = np.empty(weight.size)
    for c in range(weight.size):
        scale[c] = weight[c] * statistics[2, c]
    affine_chunks(team, arrays, parts[0], statistics[0], scale, shift, floor)


@jit(cache=False)                      # it is part of two loops
def affine_chunks(team, arrays, grain, mean, scale, shift, floor):
    """`affine` for all chunks; `arrays` = (x, extra, y)."""
    x, extra, y = arrays
    count = -(-x.size // grain)
    for i in chunks(team, 0, count):
        start, stop = (count - 1 - i) * grain, (count - i) * grain
        more = extra[start:stop] if extra.size == x.size else extra
        affine(x[start:stop], more, y[start:stop], mean, scale, shift, floor)


batch_affine = shared(affine_chunks)


@shared
def batch_gradient(team, arrays, mask, statistics, parts, totals):
    """Σ g and Σ g·x̂ of each channel, the rows of `totals`, then dx.

    `arrays` = (dy, y, x, g, dx). `mask` = (gate, floor, by_y): with `by_y`, g becomes dy masked by y, and is used from
    there on; else the gate makes the mask of x. `statistics` = (mean, invstd, scale, how many values a mean is of).
    `parts` = (grain, sums), a row of sums for each chunk.
    """
    (dy, y, x, g, dx), (gate, floor, by_y), (mean, invstd, scale, m), (grain, sums) = arrays, mask, statistics, parts
    for i in chunks(team, 1, len(sums)):
        part = slice(i * grain, (i + 1) * grain)
        if by_y:
            masked(dy[part], y[part], g[part])
            gradient_sums(g[part], x[part], (gate, NO_RELU), mean, sums[i])
        else:
            gradient_sums(dy[part], x[part], (gate, floor), mean, sums[i])
    slope, offset = np.empty(mean.size), np.empty(mean.size)
    for c in range(mean.size):
        sum_g = sum_g_x_hat = 0.0
        for i in range(len(sums)):
            sum_g += sums[i, 0, c]
            sum_g_x_hat += sums[i, 1, c]
        sum_g_x_hat *= invstd[c]
        slope[c], offset[c] = -scale[c] * invstd[c] * sum_g_x_hat / m, -scale[c] * sum_g / m
        totals[0, c], totals[1, c] = sum_g, sum_g_x_hat                                # the same bits from every thread
    source, floor = (g, NO_RELU) if by_y else (dy, floor)
    for i in chunks(team, 0, len(sums)):
        part = slice((len(sums) - 1 - i) * grain, (len(sums) - i) * grain)
        gradient(source[part], x[part], dx[part], (gate, floor), mean, (scale, slope, offset))


# Of one image after the other: x is (N, values), mean, scale and the like (N, C).

@jit
def moments_of_images(x, mean, m2):
    for n in range(len(x)):
        moments(x[n], mean[n], m2[n])


@jit
def affine_of_images(x, y, mean, scale, extra, shift, floor):
    for n in range(len(x)):
        affine(x[n], extra, y[n], mean[n], scale[n], shift, floor)


@jit
def gradient_sums_of_images(dy, x, mean, sums, mask):
    for n in range(len(x)):
        gradient_sums(dy[n], x[n], mask, mean[n], sums[n])


@jit
def gradient_of_images(dy, x, dx, mean, scale, slope, offset, mask):
    for n in range(len(x)):
        gradient(dy[n], x[n], dx[n], mask, mean[n], (scale[n], slope[n], offset[n]))


@jit(fastmath=VECTORIZE)
def normalize_rows(x, y, mean, invstd, weight, bias, eps):
    """Layer norm of the rows of x (rows, D). Each row is read three times, but from the first-level cache."""
    full_width()
    length, size = x.shape[1], x.dtype.type(x.shape[1])
    for n in range(len(x)):
        total = square = rest = x.dtype.type(0)
        for i in range(length):
            total += x[n, i]
        center = total / size
        for i in range(length):
            rest += x[n, i] - center
            square += (x[n, i] - center) * (x[n, i] - center)
        rest /= size                                     # what rounding took from the mean
        mean[n] = np.float64(center) + rest
        invstd[n] = 1 / np.sqrt(square / size - rest * rest + eps)
        scale = x.dtype.type(invstd[n])
        for i in range(length):
            y[n, i] = (x[n, i] - center - rest) * scale * weight[i] + bias[i]


@shared
def row_gradient_chunks(team, grain, arrays, weight, sums):
    """`row_gradients` for chunks of `grain` rows of the arrays; `sums` (2, chunks, D) has dweight and dbias of each."""
    for i in chunks(team, 0, sums.shape[1]):
        dy, x, mean, invstd, dx = items(arrays, slice(i * grain, (i + 1) * grain))
        row_gradients(dy, x, weight, mean, invstd, dx, sums[0, i], sums[1, i])


@jit(fastmath=VECTORIZE)
def row_gradients(dy, x, weight, mean, invstd, dx, dweight, dbias):
    """The gradients of `normalize_rows`; dweight and dbias are sums over these rows."""
    full_width()
    length, size = x.shape[1], x.dtype.type(x.shape[1])
    for n in range(len(x)):
        center, scale = x.dtype.type(mean[n]), x.dtype.type(invstd[n])
        rest = x.dtype.type(mean[n] - center)
        average = average_x_hat = x.dtype.type(0)
        for i in range(length):
            x_hat = dx[n, i] = (x[n, i] - center - rest) * scale
            average += dy[n, i] * weight[i]
            average_x_hat += dy[n, i] * weight[i] * x_hat
        average, average_x_hat = average / size, average_x_hat / size
        for i in range(length):
            dweight[i] += dy[n, i] * dx[n, i]
            dbias[i] += dy[n, i]
        for i in range(length):
            dx[n, i] = scale * (dy[n, i] * weight[i] - average - dx[n, i] * average_x_hat)
