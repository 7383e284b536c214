"""The softmax of attention's scores, and its gradient, in place: compiled loops over rows."""

from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.vector_math import decay, full_width
from tinynet.kernels.softmax.fast import ANY_ORDER, top_of


@jit(fastmath=ANY_ORDER)
def softmax_rows(p, tops, factors):
    """Scores become weights, in place; `tops` and `factors` (rows,) are the `sums` of `spec.attention`."""
    full_width()
    zero, one = p.dtype.type(0), p.dtype.type(1)
    for n in range(len(p)):
        top, total = top_of(p[n]), zero
        for i in range(p.shape[1]):
            p[n, i] = decay(p[n, i] - top)
            total += p[n, i]
        factor = zero if total == zero else one / total
        for i in range(p.shape[1]):
            p[n, i] *= factor
        tops[n], factors[n] = top, factor


@jit(fastmath=ANY_ORDER)
def gradient_rows(p, ds, tops, factors):
    """Scores become weights, and the gradients of the weights those of the scores, in place."""
    full_width()
    for n in range(len(p)):
        top, factor, average = tops[n], factors[n], p.dtype.type(0)
        for i in range(p.shape[1]):
            p[n, i] = decay(p[n, i] - top) * factor
            average += p[n, i] * ds[n, i]
        for i in range(p.shape[1]):
            ds[n, i] = p[n, i] * (ds[n, i] - average)
