"""Distances between vectors as layers."""

from tinynet.nn import functional as F
from tinynet.nn.stateless import Stateless


class CosineSimilarity(Stateless):
    """Σ x1 x2 / (max(‖x1‖, eps) max(‖x2‖, eps)) over `dim`; the two broadcast. As PyTorch's."""

    function = staticmethod(F.cosine_similarity)

    def __init__(self, dim=1, eps=1e-8):
        super().__init__(dim=dim, eps=eps)

    def extra_repr(self):
        return ""


class PairwiseDistance(Stateless):
    """‖x1 - x2 + eps‖_p over the last axis: (N, D), (N, D) -> (N,). `p` is the norm's. As PyTorch's."""

    function = staticmethod(F.pairwise_distance)

    def __init__(self, p=2.0, eps=1e-6, keepdim=False):
        super().__init__(p=p, eps=eps, keepdim=keepdim)

    def extra_repr(self):
        return ""
