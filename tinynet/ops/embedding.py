"""Looking up rows of a table."""

import numpy as np

from tinynet.autograd import Function


class Embedding(Function):
    """y = w[indices]; dw adds up the dy of every place where a row was used, except for row `padding_idx`.

    Saves the indices. Shapes: w (rows, D), indices any, y (*indices.shape, D).
    """

    @staticmethod
    def forward(ctx, w, indices, padding_idx):
        ctx.shape, ctx.indices, ctx.padding_idx = w.shape, indices, padding_idx
        return w[indices]

    @staticmethod
    def backward(ctx, dy):
        dw = np.zeros(ctx.shape, dy.dtype)
        if ctx.indices.size:
            flat, rows = ctx.indices.reshape(-1), dy.reshape(-1, ctx.shape[1])
            order = flat.argsort(kind="stable")                # equal indices side by side: sums of runs
            used, starts = np.unique(flat[order], return_index=True)
            dw[used] = np.add.reduceat(rows[order], starts)
        if ctx.padding_idx is not None:
            dw[ctx.padding_idx] = 0
        return dw
