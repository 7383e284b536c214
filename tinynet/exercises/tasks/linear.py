"""linear: the three gradients of a fully connected layer.

    y = x wᵀ + b

A product of matrices with w turned, and a bias that is repeated for every row of x. So dx and dw are
products of matrices, and db is a sum over what was repeated.

Shapes: x (N, C), w (K, C), b (K,), y and dy (N, K); each gradient as its input.

Hints
  1. Write the shapes beside each other: dx (N, C) is made of dy (N, K) and w (K, C).
  2. dw (K, C) sums over the N rows of the batch: the axis of size N is the one that the product sums over.
  3. The exercises matmul and unbroadcast are the two halves of this one.

Fill the part marked TODO, then: tinynet exercise linear --check FILE
"""

import numpy as np

from tinynet.autograd import Function


class Linear(Function):

    @staticmethod
    def forward(ctx, x, w, b):
        ctx.save(x, w)
        return x @ w.T + b

    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved
        # TODO: return dx, dw, db
        return dy @ w, dy.T @ x, dy.sum(0)
        # END


# CHECK

from tinynet.inspect.gradcheck import distinct


def cases(rng):
    yield distinct((3, 3), rng), distinct((3, 3), rng), distinct((3,), rng)
    yield distinct((5, 3), rng), distinct((2, 3), rng), distinct((2,), rng)


MISTAKES = {
    "w is already the right way round: y = x wᵀ, so dx = dy w":
        "return dy @ w.T, dy.T @ x, dy.sum(0)",
    "this is dy x, without a transpose: dw sums over the batch, so the batch axes must meet":
        "return dy @ w, dy @ x, dy.sum(0)",
    "this is the mean over the batch; the bias was used in every row, so its gradient is the sum":
        "return dy @ w, dy.T @ x, dy.mean(0)",
    "this is the sum over axis 1; the bias was repeated along axis 0, the batch":
        "return dy @ w, dy.T @ x, dy.sum(1)",
}
