"""The shortcut in compiled loops: each output pixel is one run of channels, copied between zeros."""

from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.flat import over_chunks
from tinynet.kernels.machine.layout import empty, nhwc
from tinynet.kernels.machine.threads import images_in_chunk


def subsample_pad(x, stride, channels, before):
    n, _, h, w = x.shape
    y = empty((n, channels, -(-h // stride), -(-w // stride)), x.dtype)
    over_chunks(take_pixels, (nhwc(x), nhwc(y)), stride, before, grain=images_in_chunk(x))
    return y


def subsample_pad_backward(dy, shape, stride, before):
    dx = empty(shape, dy.dtype)
    over_chunks(put_pixels, (nhwc(dy), nhwc(dx)), stride, before, grain=images_in_chunk(dx))
    return dx


@jit
def take_pixels(x, y, stride, before):
    after = before + x.shape[3]
    for n in range(y.shape[0]):
        for p in range(y.shape[1]):
            for q in range(y.shape[2]):
                pixel, out = x[n, p * stride, q * stride], y[n, p, q]
                out[:before], out[after:] = 0, 0
                for c in range(pixel.size):
                    out[before + c] = pixel[c]


@jit
def put_pixels(dy, dx, stride, before):
    dx[:] = 0
    for n in range(dy.shape[0]):
        for p in range(dy.shape[1]):
            for q in range(dy.shape[2]):
                up, down = dy[n, p, q], dx[n, p * stride, q * stride]
                for c in range(down.size):
                    down[c] = up[before + c]
