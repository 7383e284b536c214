"""attention: backward through two products and the softmax between them.

    s = q kᵀ · scale,   scale = 1 / sqrt(E)          p = softmax(s), over each row          y = p v

Each query takes an average of the values, weighted by how well their keys match it. Go back step by step:

    y = p v          dv and dp as in any product of matrices
    p = softmax(s)   ds = p · (dp - Σ_j dp_j p_j), row by row: raising one score lowers all other weights
    s = q kᵀ scale   dq and dk as in any product of matrices, times scale

Shapes: q (L, E), k (S, E), v (S, D), p (L, S), y and dy (L, D); each gradient as its input.

Hints
  1. The row sum needs keepdims=True to broadcast against dp (L, S).
  2. k stands transposed in the product, so dk = dsᵀ q.

Fill the part marked TODO, then: tinynet exercise attention --check FILE
"""

import numpy as np

from tinynet.autograd import Function


class Attention(Function):

    @staticmethod
    def forward(ctx, q, k, v):
        scale = q.shape[-1] ** -0.5
        s = q @ k.T * scale                                    # (L, S)
        e = np.exp(s - s.max(1, keepdims=True))
        p = e / e.sum(1, keepdims=True)                        # (L, S), rows that sum to 1
        ctx.save(q, k, v, p)
        ctx.scale = scale
        return p @ v                                           # (L, D)

    @staticmethod
    def backward(ctx, dy):
        q, k, v, p = ctx.saved
        scale = ctx.scale
        # TODO: return dq, dk, dv
        dv = p.T @ dy
        dp = dy @ v.T
        ds = p * (dp - (dp * p).sum(1, keepdims=True))
        return ds @ k * scale, ds.T @ q * scale, dv
        # END


# CHECK

def cases(rng):
    yield rng.standard_normal((3, 4)), rng.standard_normal((3, 4)), rng.standard_normal((3, 4))
    yield rng.standard_normal((2, 3)), rng.standard_normal((4, 3)), rng.standard_normal((4, 5))


GIVEN = """
dp = dy @ v.T
ds = {ds}
return ds @ k{scale}, ds.T @ q{scale}, {dv}
"""
DS, SCALE, DV = "p * (dp - (dp * p).sum(1, keepdims=True))", " * scale", "p.T @ dy"
MISTAKES = {
    "the softmax is left out: dp must be turned into ds":
        GIVEN.format(ds="dp", scale=SCALE, dv=DV),
    "the row sum of the softmax is missing: raising one score lowers all other weights":
        GIVEN.format(ds="p * dp", scale=SCALE, dv=DV),
    "this is p (1 - p) dp, the sigmoid's; in a softmax each weight depends on all scores of its row":
        GIVEN.format(ds="p * (1 - p) * dp", scale=SCALE, dv=DV),
    "the sum of the softmax runs over axis 0; it must run over each row, axis 1":
        GIVEN.format(ds="p * (dp - (dp * p).sum(0, keepdims=True))", scale=SCALE, dv=DV),
    "the scale 1 / sqrt(E) is missing":
        GIVEN.format(ds=DS, scale="", dv=DV),
    "ds must be transposed: dk = dsᵀ q":
        GIVEN.format(ds=DS, scale=SCALE, dv=DV).replace("ds.T @ q", "ds @ q"),
    "p must be transposed: dv = pᵀ dy":
        GIVEN.format(ds=DS, scale=SCALE, dv="p @ dy"),
}
