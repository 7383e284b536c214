"""Dropout as a layer."""

from tinynet.nn import functional as F
from tinynet.nn.module import Module


class Dropout(Module):
    """In training zeroes each element with probability p and scales the others by 1 / (1 - p).

    Any shape -> the same; in evaluation y = x. Srivastava et al. 2014. ValueError unless p is from 0 to 1.
    """

    def __init__(self, p=0.5, inplace=False):
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"Dropout: expected a probability p in [0, 1], got {p}")
        self.p, self.inplace = p, inplace

    def forward(self, input):
        return F.dropout(input, self.p, self.training, self.inplace)

    def extra_repr(self):
        return f"p={self.p}, inplace={self.inplace}"
