"""One 3x3 convolution, from seven nested loops to the kernel that tinynet runs: the ladder of docs/performance.md.

    python examples/conv_ladder.py [--channels 16] [--size 32] [--batch 128]
"""

import numba
import numpy as np
from ladder import Rung, arguments, climb, keep, on_threads

import tinynet
from tinynet.kernels import conv


def loops(padded, w, y):
    """The definition, word for word: seven loops around one multiply-add."""
    n, k, p, q = y.shape
    _, c, r, s = w.shape
    for i in range(n):
        for o in range(k):
            for row in range(p):
                for column in range(q):
                    total = np.float32(0)
                    for a in range(c):
                        for u in range(r):
                            for v in range(s):
                                total += padded[i, a, row + u, column + v] * w[o, a, u, v]
                    y[i, o, row, column] = total


def by_loops(run):
    def rung(x, w):
        y = np.empty((len(x), len(w), *x.shape[2:]), x.dtype)
        run(np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))), w, y)
        return y
    return rung


def by_tinynet(backend, method):
    def rung(x, w):
        conv.use_method(method)
        with tinynet.kernels.use(backend):
            return conv.conv2d(x, w, conv.Geometry(padding=(1, 1)))
    return rung


RUNGS = (                              # the slow ones get fewer images
    Rung("seven Python loops", by_loops(loops), 1 / 128),
    Rung("the same loops, compiled", by_loops(numba.njit(loops))),
    Rung("im2col and matmul in NumPy", on_threads(1, by_tinynet("numpy", "auto"))),
    Rung("im2col in the cache, BLAS per image", on_threads(1, by_tinynet("numba", "im2col"))),
    Rung("register tiles, explicit SIMD", on_threads(1, by_tinynet("numba", "auto"))),
    Rung("the same on two threads", on_threads(2, by_tinynet("numba", "auto"))),
)


if __name__ == "__main__":
    sizes = arguments(__doc__, channels=16, size=32, batch=128)
    rng, c = np.random.default_rng(0), sizes.channels
    images = rng.standard_normal((sizes.batch, sizes.size, sizes.size, c), np.float32).transpose(0, 3, 1, 2)
    weights = rng.standard_normal((3, 3, c, c), np.float32).transpose(3, 2, 0, 1)
    times = climb(RUNGS, images, weights, item="image", work=2 * 9 * c * c * sizes.size ** 2)
    if sizes.json:
        keep(sizes.json, {"channels": c, "size": sizes.size, "batch": sizes.batch}, times)
