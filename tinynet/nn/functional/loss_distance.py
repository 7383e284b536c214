"""Losses of distances: between numbers (regression), and between vectors (embeddings)."""

import warnings

from tinynet.nn import check
from tinynet.nn.functional.activation import relu
from tinynet.nn.functional.distance import pairwise_distance
from tinynet.nn.functional.reduction import chosen, reduced
from tinynet.ops.extremes import minimum
from tinynet.ops.choice import where


def mse_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """w (x - y)²; the mean is over Σ w. Tensors of one shape -> (), or that shape with reduction="none".

    As PyTorch's; a warning where shapes differ and broadcast.
    """
    reduction = chosen("mse_loss", reduction, size_average, reduce)
    return _weighted("mse_loss", _difference("mse_loss", input, target) ** 2, weight, reduction)


def l1_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """w |x - y|; the mean is over Σ w. Tensors of one shape -> (), or that shape with reduction="none".

    As PyTorch's; a warning where shapes differ and broadcast.
    """
    reduction = chosen("l1_loss", reduction, size_average, reduce)
    return _weighted("l1_loss", _difference("l1_loss", input, target).abs(), weight, reduction)


def smooth_l1_loss(input, target, size_average=None, reduce=None, reduction="mean", beta=1.0):
    """d² / (2 beta) where d = |x - y| < beta, else d - beta / 2. Tensors of one shape -> (). Girshick 2015.

    reduction="none" keeps the shape; beta 0 is `l1_loss`; ValueError for a negative one.
    """
    reduction = chosen("smooth_l1_loss", reduction, size_average, reduce)
    if beta < 0:
        raise ValueError(f"smooth_l1_loss: expected beta of at least 0, got {beta}")
    d = _difference("smooth_l1_loss", input, target).abs()
    return reduced("smooth_l1_loss", where(d < beta, d * d * (0.5 / beta), d - 0.5 * beta) if beta else d, reduction)


def huber_loss(input, target, reduction="mean", delta=1.0, weight=None):
    """w d² / 2 where d = |x - y| <= delta, else w delta (d - delta / 2); the mean is over Σ w. Huber 1964.

    Tensors of one shape -> (), or that shape with reduction="none". ValueError unless delta > 0.
    """
    if delta <= 0:
        raise ValueError(f"huber_loss: expected delta above 0, got {delta}")
    d = _difference("huber_loss", input, target).abs()
    return _weighted("huber_loss", where(d <= delta, 0.5 * d * d, delta * (d - 0.5 * delta)), weight, reduction)


def _difference(name, input, target):
    if check.tensor(name, input).shape != check.tensor(name, target).shape:
        warnings.warn(f"{name}: input {input.shape} and target {target.shape} are broadcast; is that meant?",
                      stacklevel=3)
    return input - target


def _weighted(name, loss, weight, reduction):
    if weight is None:
        return reduced(name, loss, reduction)
    check.shaped(name, loss.shape, weight=weight)
    return reduced(name, loss * weight, reduction, float(weight.array.sum()))


def cosine_embedding_loss(input1, input2, target, margin=0, size_average=None, reduce=None, reduction="mean"):
    """1 - cos(x1, x2) where the target is 1, max(0, cos - margin) where it is -1. (N, D), (N, D), (N,) -> ().

    `margin` is a cosine. As PyTorch's.
    """
    name = "cosine_embedding_loss"
    reduction = chosen(name, reduction, size_average, reduce)
    check.tensor(name, input1)
    if input1.ndim not in (1, 2) or target.shape != input1.shape[:-1]:
        raise ValueError(f"{name}: expected (N, D), (N, D) and target (N,), got {input1.shape}, {input2.shape} and "
                         f"{target.shape}")
    squares = [(x * x).sum(-1) + 1e-12 for x in (input1, input2)]
    cosine = (input1 * input2).sum(-1) / (squares[0] * squares[1]).sqrt()
    loss = where(target == 1, 1 - cosine, where(target == -1, relu(cosine - margin), 0.0))
    return reduced(name, loss, reduction)


def margin_ranking_loss(input1, input2, target, margin=0, size_average=None, reduce=None, reduction="mean"):
    """max(0, -y (x1 - x2) + margin) for y = 1, x1 should be larger, or -1, smaller. Of one shape -> ().

    `margin` is in the unit of the inputs. As PyTorch's.
    """
    reduction = chosen("margin_ranking_loss", reduction, size_average, reduce)
    check.tensor("margin_ranking_loss", input1)
    return reduced("margin_ranking_loss", (margin - target * (input1 - input2)).clamp(min=0), reduction)


def hinge_embedding_loss(input, target, margin=1.0, size_average=None, reduce=None, reduction="mean"):
    """x where the target is 1, max(0, margin - x) where it is -1. Tensors of one shape -> ().

    `margin` is in the unit of the input. As PyTorch's.
    """
    reduction = chosen("hinge_embedding_loss", reduction, size_average, reduce)
    check.floats("hinge_embedding_loss", input)
    loss = where(target != 1, (margin - input).clamp(min=0), 0.0) + where(target != -1, input, 0.0)
    return reduced("hinge_embedding_loss", loss, reduction)


def triplet_margin_loss(anchor, positive, negative, margin=1.0, p=2, eps=1e-6, swap=False, size_average=None,
                        reduce=None, reduction="mean"):
    """max(0, d(a, p) - d(a, n) + margin), d the `pairwise_distance` of norm `p`. (N, D) three times -> ().

    `margin` is a distance. `swap` takes the smaller of d(a, n) and d(p, n) (Balntas et al. 2016).
    Schroff et al. 2015, "FaceNet". ValueError for a margin that is not above 0.
    """
    reduction = chosen("triplet_margin_loss", reduction, size_average, reduce)

    def distance(x, y):
        return pairwise_distance(x, y, p, eps)

    return triplet_margin_with_distance_loss(anchor, positive, negative, distance_function=distance, margin=margin,
                                             swap=swap, reduction=reduction)


def triplet_margin_with_distance_loss(anchor, positive, negative, *, distance_function=None, margin=1.0, swap=False,
                                      reduction="mean"):
    """`triplet_margin_loss` by any `distance_function`, `pairwise_distance` by default. (N, D) three times -> ().

    `margin` is a distance, above 0 (ValueError). As PyTorch's.
    """
    name = "triplet_margin_loss"
    for x in (anchor, positive, negative):
        check.tensor(name, x)
    if margin <= 0:
        raise ValueError(f"{name}: expected a margin above 0, got {margin}")
    distance = pairwise_distance if distance_function is None else distance_function
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = minimum(far, distance(positive, negative))
    return reduced(name, (margin + near - far).clamp(min=0), reduction)
