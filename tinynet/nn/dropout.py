"""Dropout as layers."""

from tinynet.nn import check
from tinynet.nn import functional as F
from tinynet.nn.stateless import Stateless


class _Dropout(Stateless):
    def __init__(self, p=0.5, inplace=False):
        check.probability(type(self).__name__, "p", p)
        super().__init__(p=p, inplace=inplace)

    def forward(self, input):
        return self.function(input, self.p, self.training, self.inplace)

    def extra_repr(self):
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """In training zeroes each element with probability p and scales the others by 1 / (1 - p).

    Any shape -> the same; in evaluation y = x. Srivastava et al. 2014. ValueError unless p is from 0 to 1.
    """

    function = staticmethod(F.dropout)


class Dropout1d(_Dropout):
    """`Dropout` of whole channels with probability p: (N, C, L) or (C, L) -> the same. Tompson et al. 2015."""

    function = staticmethod(F.dropout1d)


class Dropout2d(_Dropout):
    """`Dropout` of whole channels with probability p: (N, C, H, W) -> the same. Tompson et al. 2015."""

    function = staticmethod(F.dropout2d)


class Dropout3d(_Dropout):
    """`Dropout` of whole channels with probability p: (N, C, D, H, W) -> the same. Tompson et al. 2015."""

    function = staticmethod(F.dropout3d)


class AlphaDropout(_Dropout):
    """Dropout, with probability p, that keeps the mean and variance of SELU's outputs: any shape -> the same.

    Klambauer et al. 2017.
    """

    function = staticmethod(F.alpha_dropout)
