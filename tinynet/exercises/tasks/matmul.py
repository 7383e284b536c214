"""matmul: the gradient of a product of matrices is a product of matrices.

    y = a b,  y_mn = Σ_k a_mk b_kn

Moving a_mk moves the whole row m of y, each y_mn by b_kn. So da_mk = Σ_n dy_mn b_kn: a product again, of dy
with b turned so that its axis n meets that of dy. The same for b.

Shapes: a (M, K), b (K, N), y and dy (M, N); da as a, db as b.

Hints
  1. da (M, K) is made of dy (M, N) and b (K, N after turning): only one order and one transpose fit.
  2. b.T is the transpose, @ the product of matrices.

Fill the part marked TODO, then: tinynet exercise matmul --check FILE
"""

import numpy as np

from tinynet.autograd import Function


class Matmul(Function):

    @staticmethod
    def forward(ctx, a, b):
        ctx.save(a, b)
        return a @ b

    @staticmethod
    def backward(ctx, dy):
        a, b = ctx.saved
        # TODO: return da, db
        da = dy @ b.T
        db = a.T @ dy
        return da, db
        # END


# CHECK

from tinynet.inspect.gradcheck import distinct


def cases(rng):
    yield distinct((3, 3), rng), distinct((3, 3), rng)         # square: what does not fit still multiplies
    yield distinct((2, 3), rng), distinct((3, 4), rng)


MISTAKES = {
    "the other matrix must be transposed": "return dy @ b, a @ dy",
    "the factors are in the wrong order": "return b.T @ dy, dy @ a.T",
    "the factors are in the wrong order, and a transpose is missing": "return b @ dy, dy @ a",
    "the other matrix must be transposed, not dy": "return dy.T @ b, a @ dy.T",
    "this is an element-wise product; the product of matrices is @": "return dy * b.T, a.T * dy",
}
