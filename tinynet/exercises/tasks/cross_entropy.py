"""cross_entropy: softmax and the logarithm together have a very simple gradient.

    p_nc = e^x_nc / Σ_k e^x_nk          loss = -(1/N) Σ_n log p_n,label(n)

Since log p_nc = x_nc - log Σ_k e^x_nk, the slope of one image's -log p at its label is p - 1 at the label
and p at all other classes: what the network believes, minus the truth.

Shapes: x (N, C), labels (N,) integers below C, loss and dloss () a single number, dx (N, C).

Hints
  1. p (N, C) is saved. Make a copy of it before you subtract.
  2. dx[np.arange(N), labels] are the N elements at the labels.
  3. The loss is a mean over N images; and dloss need not be 1.

Fill the part marked TODO, then: tinynet exercise cross_entropy --check FILE
"""

import numpy as np

from tinynet.autograd import Function


class CrossEntropy(Function):

    @staticmethod
    def forward(ctx, x, labels):
        e = np.exp(x - x.max(1, keepdims=True))                # the same p, and nothing overflows
        p = e / e.sum(1, keepdims=True)                        # (N, C)
        ctx.save(p)
        ctx.labels = labels
        return -np.log(p[np.arange(len(p)), labels]).mean()

    @staticmethod
    def backward(ctx, dloss):
        p, = ctx.saved
        labels = ctx.labels
        # TODO: return dx, of the shape of p
        dx = p.copy()
        dx[np.arange(len(p)), labels] -= 1
        return dx * (dloss / len(p))
        # END


# CHECK

def cases(rng):
    yield rng.standard_normal((4, 3)), np.array([2, 0, 1, 0])
    yield rng.standard_normal((2, 5)), np.array([4, 4])


ONE_HOT = "one_hot = np.eye(p.shape[1], dtype=p.dtype)[labels]\n"
MISTAKES = {
    "the division by N is missing: the loss is a mean over the batch":
        ONE_HOT + "return (p - one_hot) * dloss",
    "it is divided by the number of classes; the loss is a mean over the N images":
        ONE_HOT + "return (p - one_hot) * dloss / p.shape[1]",
    "it is divided by the number of all scores; the loss is a mean over the N images":
        ONE_HOT + "return (p - one_hot) * dloss / p.size",
    "this is p alone; 1 must be subtracted at the label":
        "return p * dloss / len(p)",
    "the sign is wrong: it is what the network believes minus the truth":
        ONE_HOT + "return (one_hot - p) * dloss / len(p)",
    "dloss is missing: the chain rule multiplies by it, and it need not be 1":
        ONE_HOT + "return (p - one_hot) / len(p)",
    "this is the gradient of -log p with respect to p; the softmax must be gone through as well":
        ONE_HOT + "return -one_hot / p * dloss / len(p)",
    "1 is subtracted from all classes; only from the one at the label":
        "return (p - 1) * dloss / len(p)",
}
