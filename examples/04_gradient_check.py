"""A gradient check, and a wrong gradient caught.

A new operator is a `Function`: forward, and under it backward, written by hand. It is easy to make mistakes, and a
network with a slightly wrong gradient still learns, only worse. So check every gradient: move the input
by a small h, and measure how much the output really changes. The error of (f(x + h) - f(x - h)) / 2h is only about
h².
"""

import common
import numpy as np

import tinynet
from tinynet import plots
from tinynet.autograd import Function
from tinynet.inspect.gradcheck import GradientError

args = common.arguments(__doc__)


class Swish(Function):
    """y = x · s with s = 1 / (1 + e⁻ˣ); dy/dx = s + x · s · (1 - s)."""

    @staticmethod
    def forward(ctx, x):               # arrays come in, and an array goes out: no tensors here
        s = 1 / (1 + np.exp(-x))
        ctx.save(x, s)                 # in PyTorch: ctx.save_for_backward(x, s)
        return x * s

    @staticmethod
    def backward(ctx, dy):
        x, s = ctx.saved               # in PyTorch: ctx.saved_tensors
        return dy * (s + x * s * (1 - s))


class WrongSwish(Swish):
    """The same, but its backward forgets that s depends on x, too."""

    @staticmethod
    def backward(ctx, dy):
        x, s = ctx.saved
        return dy * s


def error(function, h):
    """The largest difference between backward and what really happens, in float64."""
    x = tinynet.tensor(np.linspace(-2, 2, 21), requires_grad=True)
    function(x).sum().backward()
    with tinynet.no_grad():
        moved = (function(x + h) - function(x - h)) / (2 * h)
    return np.abs(x.grad.numpy() - moved.numpy()).max()


for function in (Swish, WrongSwish):
    print(f"{function.__name__:10} differs by {error(function.apply, 1e-5):.1e}")

# The same check, ready-made: for any function, any number of inputs, with random weights for the outputs.
inputs = [np.random.default_rng(0).standard_normal((3, 4))]
tinynet.gradcheck(Swish.apply, inputs)
try:
    tinynet.gradcheck(WrongSwish.apply, inputs)
except GradientError as problem:
    print("caught:", str(problem).partition(":")[0])

# The picture: a smaller h makes the difference shrink as h², until rounding takes over; a mistake stays.
steps = np.logspace(-10, 0, 41)
fig = plots.figure(6, 3.6)
axes = fig.add_subplot(xscale="log", yscale="log", xlabel="h", ylabel="largest difference")
for function in (Swish, WrongSwish):
    axes.plot(steps, [error(function.apply, h) for h in steps], ".-", label=function.__name__)
axes.legend()
plots.write(fig, args.picture)
print(f"smallest differences: {min(error(Swish.apply, h) for h in steps):.0e} right, "
      f"{min(error(WrongSwish.apply, h) for h in steps):.2f} wrong; picture: {args.picture}")
