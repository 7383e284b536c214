"""The shortcut in compiled loops: each output pixel is one run of channels, copied between zeros."""

from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.layout import empty, nhwc
from tinynet.kernels.machine.threads import images_in_chunk, parallel_for


def subsample_pad(x, stride, channels, before):
    n, _, h, w = x.shape
    y = empty((n, channels, -(-h // stride), -(-w // stride)), x.dtype)
    images, out = nhwc(x), nhwc(y)
    parallel_for(lambda start, stop: take_pixels(images[start:stop], stride, before, out[start:stop]),
                 n, images_in_chunk(x))
    return y


def subsample_pad_backward(dy, shape, stride, before):
    dx = empty(shape, dy.dtype)
    ups, downs = nhwc(dy), nhwc(dx)
    parallel_for(lambda start, stop: put_pixels(ups[start:stop], stride, before, downs[start:stop]),
                 len(dx), images_in_chunk(dx))
    return dx


@jit
def take_pixels(x, stride, before, y):
    after = before + x.shape[3]
    for n in range(y.shape[0]):
        for p in range(y.shape[1]):
            for q in range(y.shape[2]):
                pixel, out = x[n, p * stride, q * stride], y[n, p, q]
                out[:before], out[after:] = 0, 0
                for c in range(pixel.size):
                    out[before + c] = pixel[c]


@jit
def put_pixels(dy, stride, before, dx):
    dx[:] = 0
    for n in range(dy.shape[0]):
        for p in range(dy.shape[1]):
            for q in range(dy.shape[2]):
                up, down = dy[n, p, q], dx[n, p * stride, q * stride]
                for c in range(down.size):
                    down[c] = up[before + c]
