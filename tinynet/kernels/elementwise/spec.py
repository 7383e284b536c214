"""Kernels that see each element once: ReLU, addition, sums over all but the channels, C order, a step of SGD."""

import numpy as np

from tinynet.kernels.machine.backend import kernel


@kernel
def relu(x, out=None):
    """y = max(x, 0); NaN stays NaN. `out` may be x itself."""
    return np.maximum(x, 0, out=out)


@kernel
def relu_backward(dy, y):
    """dx = dy where y > 0, else 0; y is ReLU's output or its input. NaN lets dy pass, as in PyTorch."""
    return np.where(y <= 0, dy.dtype.type(0), dy)


@kernel
def add(x, y, out=None):
    """x + y, of equal shape."""
    return np.add(x, y, out=out)


def plus(x, y, out=None):
    """x + y, broadcast: by `add` where it is worth more than one thread, else by NumPy."""
    large = x.shape == y.shape and x.size > 1 << 15
    return add(x, y, out) if large else np.add(x, y, out=out)


@kernel
def add_relu(x, y, out=None):
    """max(x + y, 0): the end of a residual block. Its gradient, for x and y alike, is `relu_backward`."""
    return np.maximum(np.add(x, y, out=out), 0, out=out)


@kernel
def channel_sum(x):
    """Σ over all but axis 1 of x (N, C, ...): the gradient of a bias (C,)."""
    return x.sum((0, *range(2, x.ndim)), dtype=np.float64).astype(x.dtype)


@kernel
def in_planes(x):
    """x (N, C, ...) in C order, channel by channel: itself, or a copy."""
    return np.ascontiguousarray(x)


@kernel
def sgd_update(p, g, buffer, lr, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False):
    """One step of SGD on parameter p with gradient g, in place on p and buffer.

    g += weight_decay·p;  buffer = momentum·buffer + (1 - dampening)·g;  p -= lr·buffer, or with Nesterov's
    look ahead lr·(g + momentum·buffer). Without momentum, `buffer` is None. PyTorch starts with buffer = g:
    that is a buffer of zeros and no dampening at the first step.
    """
    if weight_decay:
        g = g + weight_decay * p
    if momentum:
        buffer *= momentum
        buffer += (1 - dampening) * g
        g = g + momentum * buffer if nesterov else buffer
    p -= lr * g
