"""Arrays and broadcasting: the gradient of a repeated value is the sum over its copies.

With arrays, one formula computes many numbers at once. NumPy repeats operands that are too small: a bias () or a row
(4,) is added to every row of a matrix (100, 4). Each copy takes part in the result, so the gradient of the operand is
the sum over all copies. With this single rule, every element-wise gradient has the right shape.
"""

import common
import numpy as np

import tinynet
from tinynet import plots

args = common.arguments(__doc__)


def unbroadcast(gradient, shape):
    """Sum over the axes along which an array of `shape` was repeated."""
    gradient = gradient.sum(axis=tuple(range(gradient.ndim - len(shape))))         # axes put in front
    repeated = tuple(axis for axis, size in enumerate(shape) if size == 1)
    return gradient.sum(axis=repeated, keepdims=True)                              # axes of length 1


# The rule at work: a column times a row is a matrix.
column = tinynet.randn(3, 1, requires_grad=True)
row = tinynet.randn(4, requires_grad=True)
weight = tinynet.randn(3, 4)                                   # some gradient of the product
(column * row * weight).sum().backward()
by_rule = unbroadcast((weight * row).numpy(), column.shape)    # d (column · row) / d column = row
print(f"column {column.shape} * row {row.shape} -> (3, 4); "
      f"gradients {column.grad.shape} and {row.grad.shape}")
print("the column's gradient is the sum over what was repeated:", np.allclose(column.grad, by_rule))

# Its use: 100 points on a curve, four powers of x, and one weight for each power, all in one line.
rng = np.random.default_rng(0)
x = np.linspace(-1, 1, 100, dtype=np.float32)[:, None]         # (100, 1)
y = tinynet.tensor(np.sin(3 * x[:, 0]) + 0.1 * rng.standard_normal(100, np.float32))
powers = tinynet.tensor(x ** np.arange(4, dtype=np.float32))   # (100, 1) ** (4,) -> (100, 4)
w = tinynet.zeros(4, requires_grad=True)

fig = plots.figure(6, 3.6)
axes = fig.add_subplot(xlabel="x", ylabel="y")
axes.plot(x[:, 0], y, ".", color="lightgray")
for step in range(301):
    w.grad = None
    prediction = (powers * w).sum(1)                           # (100, 4) * (4,) -> (100, 4) -> (100,)
    loss = ((prediction - y) ** 2).mean()
    loss.backward()                                            # w.grad: (4,), summed over 100 points
    if step in (0, 3, 30, 300):
        axes.plot(x[:, 0], prediction, label=f"step {step}, loss {loss.item():.3f}")
    with tinynet.no_grad():
        w -= 0.4 * w.grad

axes.legend()
plots.write(fig, args.picture)
print(f"loss after 300 steps: {loss.item():.4f} (the noise alone is 0.01); picture: {args.picture}")
