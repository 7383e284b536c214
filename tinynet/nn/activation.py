"""Activation functions as layers. The formulas and the sources are those of `nn.functional`."""

import numpy as np

from tinynet.nn import functional as F
from tinynet.nn.module import Module
from tinynet.nn.parameter import Parameter, parameter_dtype
from tinynet.nn.stateless import Stateless



class ReLU(Stateless):
    """max(x, 0), element by element: any shape. Nair & Hinton 2010."""

    function = staticmethod(F.relu)


class ReLU6(Stateless):
    """min(max(x, 0), 6), element by element: any shape. Krizhevsky 2010."""

    function = staticmethod(F.relu6)


class SiLU(Stateless):
    """x σ(x), element by element: any shape. Elfwing, Uchibe & Doya 2018."""

    function = staticmethod(F.silu)


class Mish(Stateless):
    """x tanh(log(1 + eˣ)), element by element: any shape. Misra 2019."""

    function = staticmethod(F.mish)


class SELU(Stateless):
    """1.0507 · x where x > 0, else 1.7581 · (eˣ - 1), element by element: any shape. Klambauer et al. 2017."""

    function = staticmethod(F.selu)


class Hardsigmoid(Stateless):
    """relu6(x + 3) / 6, element by element: any shape. Howard et al. 2019."""

    function = staticmethod(F.hardsigmoid)


class Hardswish(Stateless):
    """x · relu6(x + 3) / 6, element by element: any shape. Howard et al. 2019."""

    function = staticmethod(F.hardswish)


class LeakyReLU(Stateless):
    """x where x > 0, else negative_slope · x, element by element: any shape. Maas et al. 2013."""

    function = staticmethod(F.leaky_relu)


class ELU(Stateless):
    """x where x > 0, else alpha · (eˣ - 1), element by element: any shape. Clevert et al. 2016."""

    function = staticmethod(F.elu)


class CELU(Stateless):
    """x where x > 0, else alpha · (e^(x / alpha) - 1), element by element: any shape. Barron 2017."""

    function = staticmethod(F.celu)


class Hardtanh(Stateless):
    """x limited to [min_val, max_val], element by element: any shape. Collobert 2004.

    `min_value` and `max_value` are the old spellings of the limits.
    """

    function = staticmethod(F.hardtanh)

    def __init__(self, min_val=-1.0, max_val=1.0, inplace=False, min_value=None, max_value=None):
        min_val = min_val if min_value is None else min_value
        max_val = max_val if max_value is None else max_value
        super().__init__(min_val=min_val, max_val=max_val, inplace=inplace)


class GELU(Stateless):
    """x Φ(x), Φ the normal distribution function, element by element: any shape. Hendrycks & Gimpel 2016.

    `approximate` is "none" or "tanh".
    """

    function = staticmethod(F.gelu)


class Softplus(Stateless):
    """log(1 + e^(beta x)) / beta, or x where beta x > threshold, element by element: any shape. Dugas et al. 2001."""

    function = staticmethod(F.softplus)


class Threshold(Stateless):
    """x where x > threshold, else `value`, element by element: any shape. As PyTorch's."""

    function = staticmethod(F.threshold)


class Softshrink(Stateless):
    """x moved by `lambd` towards 0, and 0 within lambd of it, element by element: any shape. Donoho 1995."""

    function, bare = staticmethod(F.softshrink), ("lambd",)


class Hardshrink(Stateless):
    """x, and 0 within `lambd` of it, element by element: any shape. Donoho 1995."""

    function, bare = staticmethod(F.hardshrink), ("lambd",)


class Sigmoid(Stateless):
    """1 / (1 + e⁻ˣ), element by element: any shape."""

    function = staticmethod(F.sigmoid)


class Tanh(Stateless):
    """tanh x, element by element: any shape."""

    function = staticmethod(F.tanh)


class LogSigmoid(Stateless):
    """log σ(x), element by element: any shape. As PyTorch's."""

    function = staticmethod(F.logsigmoid)


class Softsign(Stateless):
    """x / (1 + |x|), element by element: any shape. Bergstra et al. 2009."""

    function = staticmethod(F.softsign)


class Tanhshrink(Stateless):
    """x - tanh x, element by element: any shape. As PyTorch's."""

    function = staticmethod(F.tanhshrink)


class PReLU(Module):
    """x where x > 0, else w · x with a learned w, (1,) or one for each channel, (C,): (N, C, ...) -> the same.

    `num_parameters` is 1 or C; w begins as `init`. He et al. 2015, "Delving Deep into Rectifiers", section 2.1.
    """

    def __init__(self, num_parameters=1, init=0.25, device=None, dtype=None):
        super().__init__()
        self.num_parameters, self.init = num_parameters, init
        self.weight = Parameter(np.full(num_parameters, init, parameter_dtype(device, dtype)))

    def reset_parameters(self):
        """Start again with w = init."""
        self.weight.array[...] = self.init
        self.weight.bump()

    def forward(self, input):
        return F.prelu(input, self.weight)

    def extra_repr(self):
        return f"num_parameters={self.num_parameters}"


class RReLU(Stateless):
    """x where x >= 0, else r · x, r from U(lower, upper), in evaluation their mean: any shape. Xu et al. 2015."""

    function = staticmethod(F.rrelu)

    def __init__(self, lower=1.0 / 8, upper=1.0 / 3, inplace=False):
        super().__init__(lower=lower, upper=upper, inplace=inplace)

    def forward(self, input):
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self):
        return f"lower={self.lower}, upper={self.upper}" + (", inplace=True" if self.inplace else "")


class _AlongDim(Stateless):
    def __init__(self, dim=None):
        super().__init__(dim=dim)


class Softmax(_AlongDim):
    """eˣ / Σ eˣ along `dim`, which should be given (see `F.softmax`): any shape -> the same. Bridle 1990."""

    function = staticmethod(F.softmax)


class Softmin(_AlongDim):
    """softmax(-x) along `dim`, which should be given (see `F.softmax`): any shape -> the same. As PyTorch's."""

    function = staticmethod(F.softmin)


class LogSoftmax(_AlongDim):
    """log(softmax(x)) along `dim`, which should be given (see `F.softmax`): any shape -> the same. Bridle 1990."""

    function = staticmethod(F.log_softmax)


class Softmax2d(Module):
    """Softmax over the channels of each pixel: (N, C, H, W) or (C, H, W) -> the same. As PyTorch's."""

    def forward(self, input):
        if input.ndim not in (3, 4):
            raise ValueError(f"Softmax2d: expected input (N, C, H, W) or (C, H, W), got {input.shape}")
        return F.softmax(input, -3)


class GLU(Stateless):
    """a σ(b), a and b the halves of the input along `dim`: (N, C) -> (N, C / 2), for one. Dauphin et al. 2017."""

    function = staticmethod(F.glu)
