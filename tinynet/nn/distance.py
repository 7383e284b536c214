"""Distances between vectors as layers."""

from tinynet.nn import functional as F
from tinynet.nn.stateless import Stateless


class CosineSimilarity(Stateless):
    """Σ x1 x2 / (max(‖x1‖, eps) max(‖x2‖, eps)) over `dim`; the two broadcast. As PyTorch's."""

    function, inputs, hidden = staticmethod(F.cosine_similarity), 2, ("dim", "eps")


class PairwiseDistance(Stateless):
    """‖x1 - x2 + eps‖_p over the last axis: (N, D), (N, D) -> (N,). `p` is the norm's. As PyTorch's."""

    function, inputs, hidden = staticmethod(F.pairwise_distance), 2, ("p", "eps", "keepdim")
