"""batch_norm: when the mean and the variance depend on x, so does every other pixel's output.

    x̂ = (x - mean) · invstd,   invstd = 1 / sqrt(var + eps)          y = x̂ · weight + bias

mean and var are those of each channel, over the batch and all positions. Moving one x moves its own x̂, but
also the mean and var, and with them the x̂ of all others in its channel. With g = dy · weight, and averages
over a channel:

    dx = invstd · (g - avg(g) - x̂ · avg(g · x̂))

The first average is what went through the mean, the second what went through the variance. A step of all x
together changes nothing, and neither does a stretch of them: that is what the two subtractions take out.

Shapes: x, y, dy, dx (N, C, H, W); weight, bias and their gradients (C,); invstd (1, C, 1, 1).

Hints
  1. .mean(AXES, keepdims=True) is an average over a channel that broadcasts against x.
  2. weight and bias were repeated along AXES: their gradients are sums over AXES.

Fill the part marked TODO, then: tinynet exercise batch_norm --check FILE
"""

import numpy as np

from tinynet.autograd import Function

AXES = (0, 2, 3)                       # all but the channel


class BatchNorm(Function):

    @staticmethod
    def forward(ctx, x, weight, bias, eps):
        mean, var = x.mean(AXES, keepdims=True), x.var(AXES, keepdims=True)               # (1, C, 1, 1)
        invstd = 1 / np.sqrt(var + eps)
        x_hat = (x - mean) * invstd
        ctx.save(x_hat, invstd, weight)
        return x_hat * weight[:, None, None] + bias[:, None, None]

    @staticmethod
    def backward(ctx, dy):
        x_hat, invstd, weight = ctx.saved
        # TODO: return dx, dweight, dbias
        g = dy * weight[:, None, None]
        mean = lambda a: a.mean(AXES, keepdims=True)
        dx = invstd * (g - mean(g) - x_hat * mean(g * x_hat))
        return dx, (dy * x_hat).sum(AXES), dy.sum(AXES)
        # END


# CHECK

from tinynet.inspect.gradcheck import distinct


def cases(rng):
    yield distinct((3, 2, 2, 2), rng), 0.5 + rng.random(2), rng.standard_normal(2), 1e-5
    yield distinct((4, 3, 1, 1), rng), 0.5 + rng.random(3), rng.standard_normal(3), 0.1


GIVEN = """
g = dy * weight[:, None, None]
mean = lambda a: a.mean(AXES, keepdims=True)
total = lambda a: a.sum(AXES, keepdims=True)
return {dx}, {dweight}, {dbias}
"""
RIGHT = {"dx": "invstd * (g - mean(g) - x_hat * mean(g * x_hat))", "dweight": "(dy * x_hat).sum(AXES)",
         "dbias": "dy.sum(AXES)"}
WRONG = {
    "the mean and the variance are treated as constants, as in evaluation; in training they depend on x":
        {"dx": "invstd * g"},
    "avg(g) is missing: what went through the mean":
        {"dx": "invstd * (g - x_hat * mean(g * x_hat))"},
    "x̂ · avg(g · x̂) is missing: what went through the variance":
        {"dx": "invstd * (g - mean(g))"},
    "the two averages are sums; divide them by the number of elements of a channel":
        {"dx": "invstd * (g - total(g) - x_hat * total(g * x_hat))"},
    "the weight is missing: y = x̂ · weight, so g = dy · weight":
        {"dx": "invstd * (dy - mean(dy) - x_hat * mean(dy * x_hat))"},
    "invstd is missing: x̂ = (x - mean) · invstd":
        {"dx": "g - mean(g) - x_hat * mean(g * x_hat)"},
    "this is a mean; the same weight was used all over the channel, so its gradient is the sum":
        {"dweight": "(dy * x_hat).mean(AXES)"},
    "this is a mean; the same bias was used all over the channel, so its gradient is the sum":
        {"dbias": "dy.mean(AXES)"},
}
MISTAKES = {words: GIVEN.format(**{**RIGHT, **wrong}) for words, wrong in WRONG.items()}
