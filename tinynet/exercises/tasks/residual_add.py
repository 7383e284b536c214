"""residual_add: a gradient that splits at the addition and reaches the input unharmed.

    y = max(f + shortcut(x), 0)

f is what a residual block's convolutions have made of x. Where they change the shape, the shortcut of He et
al. 2015 ("option A") takes every stride-th pixel of x and gives the missing channels zeros:

    shortcut(x)[:, :C] = x[:, :, ::stride, ::stride],  0 in the channels from C on

An addition hands its gradient to both sides. ReLU stops it, for both, where y is 0.

Shapes: f, y, dy (N, K, P, Q), x (N, C, H, W) with C <= K, P = H / stride, Q = W / stride; df as f, dx as x.

Hints
  1. First through the ReLU: y > 0 tells where anything comes through.
  2. dx is 0 where the shortcut did not look. A strided slice can stand on the left of `=`.
  3. Of the K channels, only the first C came from x.

Fill the part marked TODO, then: tinynet exercise residual_add --check FILE
"""

import numpy as np

from tinynet.autograd import Function


class ResidualAdd(Function):

    @staticmethod
    def forward(ctx, f, x, stride):
        y = f.copy()
        y[:, :x.shape[1]] += x[:, :, ::stride, ::stride]
        y = np.maximum(y, 0)
        ctx.save(y)
        ctx.shape, ctx.stride = x.shape, stride
        return y

    @staticmethod
    def backward(ctx, dy):
        y, = ctx.saved
        shape, stride = ctx.shape, ctx.stride                  # of x
        # TODO: return df, dx
        df = dy * (y > 0)
        dx = np.zeros(shape, dy.dtype)
        dx[:, :, ::stride, ::stride] = df[:, :shape[1]]
        return df, dx
        # END


# CHECK

from tinynet.inspect.gradcheck import distinct


def cases(rng):
    yield distinct((2, 2, 3, 3), rng), distinct((2, 2, 3, 3), rng) + 0.01, 1             # same shape
    yield distinct((1, 4, 2, 2), rng), distinct((1, 2, 4, 4), rng) + 0.01, 2             # option A


GIVEN = """
mask = y > 0
df = {df}
dx = np.zeros(shape, dy.dtype)
{dx}
return df, dx
"""
DF, DX = "dy * mask", "dx[:, :, ::stride, ::stride] = df[:, :shape[1]]"
MISTAKES = {
    "ReLU's mask is missing: where y is 0, nothing comes through":
        GIVEN.format(df="dy", dx="dx[:, :, ::stride, ::stride] = (dy * mask)[:, :shape[1]]"),
    "ReLU's mask is missing: it stops the gradient on both sides of the addition":
        GIVEN.format(df=DF, dx="dx[:, :, ::stride, ::stride] = dy[:, :shape[1]]"),
    "it is 0: the shortcut must carry the gradient to x":
        GIVEN.format(df=DF, dx=""),
    "the gradient is halved; an addition hands all of it to both sides":
        GIVEN.format(df="dy * mask / 2", dx=DX),
    "this is from the last channels; those that came from x are the first":
        GIVEN.format(df=DF, dx="dx[:, :, ::stride, ::stride] = df[:, -shape[1]:]"),
    "each gradient is spread over stride x stride pixels; the shortcut looked at one of them only":
        GIVEN.format(df=DF, dx="dx[:] = df[:, :shape[1]].repeat(stride, 2).repeat(stride, 3)"),
    "the gradient is in the top left corner; it belongs to every stride-th pixel":
        GIVEN.format(df=DF, dx="dx[:, :, :y.shape[2], :y.shape[3]] = df[:, :shape[1]]"),
}
