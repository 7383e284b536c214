"""BatchNorm over the batches of all processes: local sums, added up by MPI, between the passes over memory.

Of its n values of a channel, a process knows the mean μ and M = Σ(x - μ)². Of all N values together
(Chan, Golub & LeVeque 1979),

    mean = Σ n·μ / N        var = Σ (M + n·(μ - mean)²) / N

In the backward pass, the two averages of `kernels/norm/spec.py` run over all processes:

    dx = w·invstd·(g - Σ g / N - x̂ · Σ g·x̂ / N)

The gradients of weight and bias are those of the process's own part, which DistributedDataParallel averages with the
others' as those of any parameter.
"""

import numpy as np

from tinynet.autograd import Function
from tinynet.distributed.collectives import sum_array
from tinynet.distributed.process_group import several
from tinynet.kernels import norm
from tinynet.ops.norm import _move, _of_given


class SyncBatchNorm(Function):
    """As `BatchNorm` in training, with the mean and variance of the batches of all processes; a part may be empty.

    Saved: x and the statistics; y, where ReLU masks by it. Shapes: x (N, C, ...), weight and bias (C,) or None.
    Zhang et al. 2018, "Context Encoding for Semantic Segmentation", which calls it synchronized.
    """

    @staticmethod
    def forward(ctx, x, weight, bias, residual, running, momentum, eps, relu):
        mean, var, count = moments_of_all(x)
        if running is not None:
            _move(running, momentum, mean, var, count)
        y = norm.batch_norm_eval(x, weight, bias, mean, var, eps, relu, residual) if x.size else np.empty_like(x)
        if any(ctx.needs):
            ctx.save(x, y if relu else None, weight, bias)
            ctx.mean, ctx.invstd, ctx.relu, ctx.count = mean, 1 / np.sqrt(var + eps), relu, count
            ctx.given = True, weight is not None, bias is not None, residual is not None
        return y

    @staticmethod
    def backward(ctx, dy):
        x, y, weight, bias = ctx.saved
        sums = np.zeros((2, x.shape[1]))
        dx = dresidual = np.empty_like(x)
        if x.size:
            dx, *sums[:], dresidual = norm.batch_norm_backward(
                dy, x, y, (weight, bias), (ctx.mean, ctx.invstd), ctx.relu, ctx.given[3], training=False)
        dweight, dbias = sums.astype(x.dtype)
        if several():
            sum_array(sums)
        if x.size:
            dx = _without_averages(dx, x, weight, ctx, sums / ctx.count)
        return _of_given(ctx, dx, dweight, dbias, dresidual)


def _without_averages(dx, x, weight, ctx, averages):
    """dx - w·invstd·(average of g + x̂ · average of g·x̂), in one pass: x scaled and shifted, plus dx as a residual."""
    of_g_x_hat, of_g = averages * ctx.invstd * (1 if weight is None else weight)
    slope, offset = (-v.astype(x.dtype) for v in (of_g_x_hat * ctx.invstd, of_g))
    return norm.batch_norm_eval(x, slope, offset, ctx.mean, np.ones_like(ctx.mean), 0.0, False, dx)


def moments_of_all(x):
    """Mean and biased variance (C,) of each channel over all processes, and of how many values; float64."""
    mean, var = norm.batch_moments(x) if x.size else np.zeros((2, x.shape[1]))
    count = x.size // x.shape[1]
    if not several():
        return mean, var, count
    first = sum_array(np.append(mean * count, count))
    total, together = first[-1], first[:-1] / first[-1]
    m2 = sum_array(count * (var + (mean - together) ** 2))
    return together, m2 / total, int(total)
