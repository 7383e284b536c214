"""Activation functions beyond sigmoid and tanh, and dropout. dx = dy · slope.

`out` is the array of an in-place call; what its slope needs of the overwritten input is copied first.
"""

import numpy as np

from tinynet import random
from tinynet.autograd import Function
from tinynet.kernels import activation, elementwise
from tinynet.ops.common import before, operand, tensor_of
from tinynet.tensor import attach


class ReLU(Function):
    """y = max(x, 0); dx = dy where y > 0. Saves y, whose sign gives the same mask as the sign of x.

    Nair & Hinton 2010, "Rectified Linear Units Improve Restricted Boltzmann Machines".
    """

    @staticmethod
    def forward(ctx, x, out=None):
        y = elementwise.relu(x, out)
        ctx.save(y)
        return y

    @staticmethod
    def backward(ctx, dy):
        y, = ctx.saved
        return elementwise.relu_backward(dy, y)


class AddReLU(Function):
    """z = max(x + y, 0) in one pass; dx = dy = dz where z > 0. Saves z. x and y have the same shape."""

    @staticmethod
    def forward(ctx, x, y):
        z = elementwise.add_relu(x, y)
        ctx.save(z)
        return z

    @staticmethod
    def backward(ctx, dz):
        z, = ctx.saved
        dx = elementwise.relu_backward(dz, z)
        return dx, dx


class LeakyReLU(Function):
    """y = x where x > 0, else slope · x; dx = dy or slope · dy. Saves y, for its sign (x if slope < 0).

    Maas, Hannun & Ng 2013, "Rectifier Nonlinearities Improve Neural Network Acoustic Models".
    """

    @staticmethod
    def forward(ctx, x, slope, out=None):
        sign = before(x, out) if slope < 0 else None
        y = np.multiply(x, np.where(x > 0, x.dtype.type(1), x.dtype.type(slope)), out=out)
        ctx.save(y if sign is None else sign)
        ctx.slope = slope
        return y

    @staticmethod
    def backward(ctx, dy):
        sign, = ctx.saved
        return dy * np.where(sign > 0, dy.dtype.type(1), dy.dtype.type(ctx.slope))


class GELU(Function):
    """y = x Φ(x), Φ the normal distribution function; dx = dy (Φ(x) + x φ(x)). Saves x.

    `tanh` takes Φ(x) ≈ (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2. Hendrycks & Gimpel 2016, section 2.
    """

    @staticmethod
    def forward(ctx, x, tanh):
        ctx.save(x)
        ctx.tanh = tanh
        return activation.gelu(x, tanh)

    @staticmethod
    def backward(ctx, dy):
        x, = ctx.saved
        return activation.gelu_backward(dy, x, ctx.tanh)


class SiLU(Function):
    """y = x σ(x); dx = dy σ (1 + x (1 - σ)). Saves x; σ(x) is made again.

    Elfwing, Uchibe & Doya 2017, "Sigmoid-Weighted Linear Units"; also known as swish.
    """

    @staticmethod
    def forward(ctx, x, out=None):
        ctx.save(before(x, out))
        return activation.silu(x, out)

    @staticmethod
    def backward(ctx, dy):
        x, = ctx.saved
        return activation.silu_backward(dy, x)


class Dropout(Function):
    """y = x · keep / (1 - p), dx = dy · keep / (1 - p); each element is kept with probability 1 - p.

    Dividing now leaves evaluation nothing to do. Saves the mask, a byte an element, and not x. The mask may have
    another `shape`, which broadcasts: (N, C, 1, 1) keeps or drops whole channels.
    Srivastava et al. 2014, "Dropout: A Simple Way to Prevent Neural Networks from Overfitting".
    """

    @staticmethod
    def forward(ctx, x, p, shape, out=None):
        ctx.keep = random.stream("dropout").random(shape, np.float32) >= p
        ctx.scale = x.dtype.type(0 if p == 1 else 1 / (1 - p))
        return _masked(x, ctx.keep, ctx.scale, np.empty_like(x) if out is None else out)

    @staticmethod
    def backward(ctx, dy):
        return _masked(dy, ctx.keep, ctx.scale, np.empty_like(dy))


def _masked(x, keep, scale, out):
    np.multiply(x, keep, out=out)
    return np.multiply(out, scale, out=out)


@attach("relu")
def relu(x):
    """max(x, 0) for each element; dx = dy where x > 0. The method `Tensor.relu`. Nair & Hinton 2010."""
    return ReLU.apply(tensor_of(operand("relu", x)))

