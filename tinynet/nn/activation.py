"""Activation functions as layers."""

from tinynet.nn import functional as F
from tinynet.nn.module import Module


class ReLU(Module):
    """max(x, 0), element by element: any shape. Nair & Hinton 2010."""

    def __init__(self, inplace=False):
        super().__init__()
        self.inplace = inplace

    def forward(self, input):
        return F.relu(input, self.inplace)

    def extra_repr(self):
        return "inplace=True" if self.inplace else ""


class LeakyReLU(Module):
    """x where x > 0, else negative_slope · x, element by element: any shape. Maas et al. 2013."""

    def __init__(self, negative_slope=0.01, inplace=False):
        super().__init__()
        self.negative_slope, self.inplace = negative_slope, inplace

    def forward(self, input):
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self):
        return f"negative_slope={self.negative_slope}" + (", inplace=True" if self.inplace else "")


class GELU(Module):
    """x Φ(x), Φ the normal distribution function, element by element: any shape. Hendrycks & Gimpel 2016.

    `approximate` is "none" or "tanh".
    """

    def __init__(self, approximate="none"):
        super().__init__()
        self.approximate = approximate

    def forward(self, input):
        return F.gelu(input, self.approximate)

    def extra_repr(self):
        return f"approximate={self.approximate!r}"


class SiLU(Module):
    """x σ(x), element by element: any shape. Elfwing, Uchibe & Doya 2018."""

    def __init__(self, inplace=False):
        super().__init__()
        self.inplace = inplace

    def forward(self, input):
        return F.silu(input, self.inplace)

    def extra_repr(self):
        return "inplace=True" if self.inplace else ""


class Sigmoid(Module):
    """1 / (1 + e⁻ˣ), element by element: any shape."""

    def forward(self, input):
        return F.sigmoid(input)


class Tanh(Module):
    """tanh x, element by element: any shape."""

    def forward(self, input):
        return F.tanh(input)


class Softmax(Module):
    """eˣ / Σ eˣ along `dim`, which must be given: any shape -> the same. Bridle 1990."""

    def __init__(self, dim=None):
        super().__init__()
        self.dim = dim

    def forward(self, input):
        return F.softmax(input, self.dim)

    def extra_repr(self):
        return f"dim={self.dim}"


class LogSoftmax(Module):
    """log(softmax(x)) along `dim`, which must be given: any shape -> the same. Bridle 1990."""

    def __init__(self, dim=None):
        super().__init__()
        self.dim = dim

    def forward(self, input):
        return F.log_softmax(input, self.dim)

    def extra_repr(self):
        return f"dim={self.dim}"
