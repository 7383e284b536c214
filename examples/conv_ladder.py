"""One 3x3 convolution, from seven nested loops to the kernel that tinynet runs: the ladder of docs/performance.md.

    python examples/conv_ladder.py [--channels 16] [--size 32] [--batch 128]
"""

import argparse
import time

import numba
import numpy as np

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


def by_tinynet(backend, method, threads):
    def rung(x, w):
        tinynet.set_num_threads(threads)
        conv.use_method(method)
        with tinynet.kernels.use(backend):
            return conv.conv2d(x, w, (1, 1), (1, 1), (1, 1), 1)
    return rung


RUNGS = (                              # name, function, images that it is given (the slow ones get fewer)
    ("seven Python loops", by_loops(loops), 1 / 128),
    ("the same loops, compiled", by_loops(numba.njit(loops)), 1),
    ("im2col and matmul in NumPy", by_tinynet("numpy", "auto", 1), 1),
    ("im2col in the cache, BLAS per image", by_tinynet("numba", "im2col", 1), 1),
    ("register tiles, explicit SIMD", by_tinynet("numba", "auto", 1), 1),
    ("the same on two threads", by_tinynet("numba", "auto", 2), 1),
)


def seconds(run, x, w, repeats=7):
    """The median time of a call, after one on a single image that compiles what is to be compiled."""
    run(x[:1], w)
    times = []
    while len(times) < repeats and sum(times) < 10:
        start = time.perf_counter()
        run(x, w)
        times.append(time.perf_counter() - start)
    return np.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("channels", 16), ("size", 32), ("batch", 128)):
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args()
    rng, c = np.random.default_rng(0), args.channels
    x = rng.standard_normal((args.batch, args.size, args.size, c), np.float32).transpose(0, 3, 1, 2)
    w = rng.standard_normal((3, 3, c, c), np.float32).transpose(3, 2, 0, 1)
    print(f"{'rung':38} {'ms / image':>10} {'GFLOP/s':>9} {'times the rung below':>21}")
    before = None
    for name, run, share in RUNGS:
        images = x[:max(1, round(share * len(x)))]
        per_image = seconds(run, images, w) / len(images)
        rate = 2 * 9 * c * c * args.size ** 2 / per_image / 1e9
        print(f"{name:38} {1000 * per_image:10.4f} {rate:9.3f} {before / per_image if before else 1:21.1f}", flush=True)
        before = per_image


if __name__ == "__main__":
    main()
