"""BatchNorm in training, from its definition to the kernel that tinynet runs.

    python examples/norm_ladder.py [--channels 16] [--size 32] [--batch 128]

BatchNorm does little arithmetic. Its time depends on the number of passes over memory, their order, and the threads.
"""

import math

import numba
import numpy as np
from ladder import Rung, arguments, climb, on_threads

from tinynet.kernels import norm

EPS = 1e-5


def definition(x, weight, bias):
    """Word for word: a mean and a variance for each channel, over all images and pixels."""
    y = np.empty_like(x)
    n, channels, height, width = x.shape
    for c in range(channels):
        values = [float(x[i, c, p, q]) for i in range(n) for p in range(height) for q in range(width)]
        mean = sum(values) / len(values)
        var = sum((v - mean) ** 2 for v in values) / len(values)
        for i in range(n):
            for p in range(height):
                for q in range(width):
                    y[i, c, p, q] = (x[i, c, p, q] - mean) / math.sqrt(var + EPS) * weight[c] + bias[c]
    return y


def by_numpy(x, weight, bias):
    """The reference implementation: mean, variance (which passes twice), difference, product, sum."""
    return norm.batch_norm_train.numpy(x, weight, bias, EPS)[0]


@numba.njit(nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz", "arcp"})
def normalized(rows, weight, bias):
    """Two passes over memory as it lies: a row is a pixel with all its channels."""
    channels = rows.shape[1]
    mean, square, out = np.zeros(channels), np.zeros(channels), np.empty_like(rows)
    for row in range(len(rows)):
        for c in range(channels):
            mean[c] += rows[row, c]
    mean /= len(rows)
    for row in range(len(rows)):
        for c in range(channels):
            square[c] += (rows[row, c] - mean[c]) ** 2
    scale = (weight / np.sqrt(square / len(rows) + EPS)).astype(np.float32)
    shift = (bias - mean * scale).astype(np.float32)
    for row in range(len(rows)):
        for c in range(channels):
            out[row, c] = rows[row, c] * scale[c] + shift[c]
    return out


def in_one_loop(x, weight, bias):
    pixels = x.transpose(0, 2, 3, 1)                                           # (N, H, W, C), as it lies in memory
    return normalized(pixels.reshape(-1, x.shape[1]), weight, bias).reshape(pixels.shape).transpose(0, 3, 1, 2)


def by_tinynet(x, weight, bias):
    return norm.batch_norm_train(x, weight, bias, EPS)[0]


RUNGS = (
    Rung("Python loops, word for word", definition, 1 / 128),
    Rung("NumPy", by_numpy),
    Rung("compiled loops in the order of memory", in_one_loop),
    Rung("whole rows of SIMD, exact sums (tinynet)", on_threads(1, by_tinynet)),
    Rung("the same on two threads", on_threads(2, by_tinynet)),
)


if __name__ == "__main__":
    sizes = arguments(__doc__, channels=16, size=32, batch=128)
    rng = np.random.default_rng(0)
    images = rng.standard_normal((sizes.batch, sizes.size, sizes.size, sizes.channels), np.float32)
    images = images.transpose(0, 3, 1, 2)
    weight, bias = rng.standard_normal((2, sizes.channels)).astype(np.float32)
    climb(RUNGS, images, weight, bias, item="image", work=8 * sizes.channels * sizes.size ** 2, unit="GB/s")
