"""A scalar and its gradient: the whole of learning, with one number to learn.

The model is y = w·x. It should give 12 for x = 3, so w should become 4. Its error is measured by one number, the
loss (w·x - 12)². The gradient of the loss says how much the loss grows when w grows by a little:

    d loss / d w = 2 (w·x - 12) · x        the chain rule: slope of the square, times slope of w·x

Small steps against the gradient make the loss smaller: that is gradient descent.
"""

import common
import numpy as np

import tinynet
from tinynet import plots

args = common.arguments(__doc__)
x, target = 3.0, 12.0


def loss_of(w):
    return (w * x - target) ** 2


# Three ways to compute the same number. The last one works for any formula, and is the purpose of tinynet.
by_hand = 2 * (2.0 * x - target) * x
by_moving_w = (loss_of(2.0 + 1e-4) - loss_of(2.0 - 1e-4)) / 2e-4

w = tinynet.tensor(2.0, requires_grad=True)
loss = loss_of(w)
loss.backward()                        # from here on w.grad holds d loss / d w
print(f"gradient at w = 2: {by_hand:.2f} by hand, {by_moving_w:.2f} by moving w, "
      f"{w.grad.item():.2f} by backward")

# Gradient descent: ten steps against the gradient.
path = []
for step in range(10):
    w.grad = None                      # backward adds to .grad: start from nothing
    loss = loss_of(w)
    loss.backward()
    path.append((w.item(), loss.item()))
    with tinynet.no_grad():            # the step itself is not part of the formula
        w -= 0.02 * w.grad

path.append((w.item(), loss_of(w).item()))             # where the last step led

# The picture: the valley, and the way down.
fig = plots.figure(6, 3.6)
axes = fig.add_subplot(xlabel="w", ylabel="loss")
valley = np.linspace(1.5, 6, 100)
axes.plot(valley, loss_of(valley), color="gray")
axes.plot(*zip(*path), "o-", color="tab:red", label="gradient descent")
axes.legend()
plots.write(fig, args.picture)
print(f"after 10 steps w = {w.item():.3f}, loss {loss_of(w).item():.4f}; picture: {args.picture}")
