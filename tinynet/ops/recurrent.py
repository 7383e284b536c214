"""Recurrent layers: one Function runs a layer through all time steps, and backward through them.

The part of a step that depends on its input alone, x wᵀ + b, is computed for all steps at once before (`F.linear`).
Only the product with the state h of the step before remains at step t. Backward goes from the last step to the
first: `dh` is the gradient that reaches the state of a step, from its output and from the step after it. The gradient
of the weights is one product over all steps.

Shapes: L steps, N sequences, H units; gates (L, N, H), (L, N, 3H) or (L, N, 4H), h and c (N, H), w (…H, H), b (…H,).
"""

import numpy as np

from tinynet.autograd import Function
from tinynet.kernels.matmul import matmul


def _sigmoid(x):
    return np.tanh(x * x.dtype.type(0.5)) * x.dtype.type(0.5) + x.dtype.type(0.5)


def _weight_gradient(dgates, states):
    """Σ over steps and sequences of gate gradient times state before: (…H, H)."""
    return matmul(dgates.reshape(-1, dgates.shape[-1]).T, states.reshape(-1, states.shape[-1]))


class RNN(Function):
    """h_t = f(gates_t + h_(t-1) wᵀ), f tanh or ReLU. Returns all h (L, N, H). Saves them. Elman 1990."""

    @staticmethod
    def forward(ctx, gates, h, w, relu):
        y = np.empty_like(gates, order="C")
        states = np.concatenate([h[None], y])
        for t, gate in enumerate(gates):
            step = gate + matmul(states[t], w.T)
            states[t + 1] = np.maximum(step, 0) if relu else np.tanh(step)
        ctx.save(states, w)
        ctx.relu = relu
        return states[1:]

    @staticmethod
    def backward(ctx, dy):
        states, w = ctx.saved
        dgates, dh = np.empty_like(dy, order="C"), 0
        for t in reversed(range(len(dy))):
            dh, h = dy[t] + dh, states[t + 1]
            dgates[t] = dh * (h > 0) if ctx.relu else dh * (1 - h * h)
            dh = matmul(dgates[t], w)
        return dgates, dh, _weight_gradient(dgates, states[:-1])


class LSTM(Function):
    """Gates i, f, g, o of gates_t + h_(t-1) wᵀ: i, f, o through σ and g through tanh; then

        c_t = f c_(t-1) + i g,    h_t = o tanh(c_t).

    Returns all h (L, N, H) and the last c (N, H). Saves the gates, all h and all c. Hochreiter & Schmidhuber 1997;
    with the forget gate f of Gers et al. 2000.
    """

    @staticmethod
    def forward(ctx, gates, h, c, w):
        steps, _, size = len(gates), None, h.shape[-1]
        acts = np.empty_like(gates, order="C")
        states, cells = (np.concatenate([first[None], np.empty((steps, *first.shape), first.dtype)])
                         for first in (h, c))
        for t in range(steps):
            a = np.add(gates[t], matmul(states[t], w.T), out=acts[t])
            a[:, :2 * size], a[:, 3 * size:] = _sigmoid(a[:, :2 * size]), _sigmoid(a[:, 3 * size:])
            np.tanh(a[:, 2 * size:3 * size], out=a[:, 2 * size:3 * size])
            i, f, g, o = np.split(a, 4, 1)
            cells[t + 1] = f * cells[t] + i * g
            states[t + 1] = o * np.tanh(cells[t + 1])
        ctx.save(acts, states, cells, w)
        return states[1:], cells[-1].copy()

    @staticmethod
    def backward(ctx, dy, dc):
        acts, states, cells, w = ctx.saved
        dgates, dh = np.empty_like(acts), 0
        for t in reversed(range(len(dy))):
            (i, f, g, o), top = np.split(acts[t], 4, 1), np.tanh(cells[t + 1])
            dh = dy[t] + dh
            dc = dc + dh * o * (1 - top * top)
            di, df = dc * g * i * (1 - i), dc * cells[t] * f * (1 - f)
            dg, do = dc * i * (1 - g * g), dh * top * o * (1 - o)
            np.concatenate([di, df, dg, do], 1, out=dgates[t])
            dh, dc = matmul(dgates[t], w), dc * f
        return dgates, dh, dc, _weight_gradient(dgates, states[:-1])


class GRU(Function):
    """With the thirds r, z, n of gates_t and of s = h_(t-1) wᵀ + b:

        r = σ(r + s_r),  z = σ(z + s_z),  n = tanh(n + r s_n),  h_t = (1 - z) n + z h_(t-1).

    Returns all h (L, N, H). Saves r, z, n, s_n and all h. Cho et al. 2014; b stands inside, as in cuDNN and PyTorch.
    """

    @staticmethod
    def forward(ctx, gates, h, w, b):
        steps, size = len(gates), h.shape[-1]
        acts = np.empty_like(gates, order="C")
        inner, states = np.empty((steps, *h.shape), h.dtype), np.empty((steps + 1, *h.shape), h.dtype)
        states[0] = h
        for t in range(steps):
            s = matmul(states[t], w.T) + b
            acts[t, :, :2 * size] = _sigmoid(gates[t, :, :2 * size] + s[:, :2 * size])
            r, z, n = np.split(acts[t], 3, 1)
            inner[t] = s[:, 2 * size:]
            np.tanh(gates[t, :, 2 * size:] + r * inner[t], out=n)
            states[t + 1] = n + z * (states[t] - n)
        ctx.save(acts, inner, states, w)
        return states[1:]

    @staticmethod
    def backward(ctx, dy):
        acts, inner, states, w = ctx.saved
        size = dy.shape[-1]
        dgates, ds, dh = np.empty_like(acts), np.empty_like(acts), 0
        for t in reversed(range(len(dy))):
            r, z, n = np.split(acts[t], 3, 1)
            dh = dy[t] + dh
            dn = dh * (1 - z) * (1 - n * n)
            dr, dz = dn * inner[t] * r * (1 - r), dh * (states[t] - n) * z * (1 - z)
            np.concatenate([dr, dz, dn], 1, out=dgates[t])
            ds[t], ds[t, :, 2 * size:] = dgates[t], dn * r
            dh = matmul(ds[t], w) + dh * z
        return dgates, dh, _weight_gradient(ds, states[:-1]), ds.sum((0, 1))
