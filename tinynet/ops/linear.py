"""The affine map y = x Wᵀ + b of a fully connected layer."""

from tinynet.autograd import Function
from tinynet.kernels.elementwise import channel_sum
from tinynet.kernels.matmul import linear, matmul


class Linear(Function):
    """y = x wᵀ + b; dx = dy w, dw = Σ dyᵀ x, db = Σ dy, summed over all rows. Saves x and w.

    Shapes: x (..., C), w (K, C), b (K,) or None, y (..., K).
    """

    @staticmethod
    def forward(ctx, x, w, b):
        ctx.save(x, w)
        ctx.biased = b is not None
        y = linear(x.reshape(-1, x.shape[-1]), w, b)           # (M, K)
        return y.reshape(*x.shape[:-1], len(w))

    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved
        rows = dy.reshape(-1, len(w))                          # (M, K)
        dx = matmul(rows, w).reshape(x.shape) if ctx.needs[0] else None
        dw = matmul(rows.T, x.reshape(-1, x.shape[-1])) if ctx.needs[1] else None
        return (dx, dw, channel_sum(rows)) if ctx.biased else (dx, dw)
