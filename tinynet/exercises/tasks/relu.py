"""relu: let the gradient through where x was positive.

    y = max(x, 0)

Where x > 0, y moves as x moves: the slope is 1. Elsewhere y stays 0 whatever x does: the slope is 0. By the
chain rule dx is dy times that slope.

Shapes: x, y, dy and dx have one shape, any shape.

Hints
  1. x > 0 is an array of True and False, which count as 1 and 0 in a product.
  2. Make a new array; dy may still be needed by others.

Fill the part marked TODO, then: tinynet exercise relu --check FILE
"""

import numpy as np

from tinynet.autograd import Function


class ReLU(Function):

    @staticmethod
    def forward(ctx, x):
        ctx.save(x)
        return np.maximum(x, 0)

    @staticmethod
    def backward(ctx, dy):
        x, = ctx.saved
        # TODO: return dx, of the shape of x
        return dy * (x > 0)
        # END


# CHECK

from tinynet.inspect.gradcheck import distinct


def cases(rng):
    yield distinct((3, 4), rng),
    yield distinct((2, 3, 2, 2), rng),


MISTAKES = {
    "the mask is missing: where x was negative, nothing comes through": "return dy",
    "the mask is the wrong way round: the gradient goes where x was positive": "return dy * (x < 0)",
    "dy is multiplied by y; the slope of max(x, 0) is 1 there, not x": "return dy * np.maximum(x, 0)",
    "dy is multiplied by x; the slope of max(x, 0) is 0 or 1": "return dy * x",
    "this is max(dy, 0); what decides is the sign of x, not that of dy": "return np.maximum(dy, 0)",
}
