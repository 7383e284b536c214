"""Losses. Most are derived from other operators; the others are in `ops/loss.py`."""

import math
import warnings

from tinynet.nn import check
from tinynet.nn.functional.activation import log_softmax
from tinynet.ops.loss import BCEWithLogits, CrossEntropy, NLLLoss


def _reduced(name, loss, reduction, divisor=None):
    """The losses of single elements, their sum, or that sum over `divisor` (by default their number)."""
    if reduction == "none":
        return loss
    if reduction == "sum":
        return loss.sum()
    if reduction != "mean":
        raise ValueError(f'{name}: expected reduction "mean", "sum" or "none", got {reduction!r}')
    if divisor is None:
        return loss.mean()
    return loss.sum() / divisor if divisor else loss.sum() * math.nan        # 0 / 0: every label was ignored


def cross_entropy(input, target, weight=None, size_average=None, ignore_index=-100, reduce=None,
                  reduction="mean", label_smoothing=0.0):
    """-Σ_c q_c log softmax(x)_c, q being the label or a distribution: see `ops.loss.CrossEntropy`.

    input: scores (N, C, d1, ...) or (C,); target: integers (N, d1, ...) or (), or probabilities shaped as the
    input; weight (C,). -> (), in nats, or the labels' shape with reduction="none". The mean is weighted by
    the labels' class weights; for probabilities it is over the number of distributions. A label
    `ignore_index` counts for nothing (ValueError with probabilities).
    Szegedy et al. 2015, "Rethinking the Inception Architecture", section 7 (smoothing).
    """
    name = "cross_entropy"
    check.refuse(name, size_average=size_average, reduce=reduce)
    check.floats(name, input, weight)
    check.probability(name, "label_smoothing", label_smoothing)
    if check.tensor(name, target).is_floating_point():
        if ignore_index >= 0:
            raise ValueError(f"{name}: ignore_index is for labels, not for probabilities, got {ignore_index}")
        return _soft_cross_entropy(name, input, target, weight, reduction, label_smoothing)
    return _labelled(name, CrossEntropy, input, target, weight, ignore_index, reduction, label_smoothing)


def _soft_cross_entropy(name, input, target, weight, reduction, label_smoothing):
    check.floats(name, input, target)
    check.shaped(name, input.shape, target=target)
    axis = 0 if input.ndim == 1 else 1
    classes = input.shape[axis]
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    if weight is not None:
        check.shaped(name, (classes,), weight=weight)
        target = target * weight.reshape(classes, *[1] * (input.ndim - axis - 1))
    loss = -(log_softmax(input, axis) * target).sum(axis)
    return _reduced(name, loss, reduction, input.numel() / classes)


def nll_loss(input, target, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean"):
    """-input at the label. input: log-probabilities (N, C, d1, ...) or (C,); target (N, d1, ...) or ().

    -> (), or the shape of target with reduction="none". As PyTorch's.
    """
    check.refuse("nll_loss", size_average=size_average, reduce=reduce)
    check.floats("nll_loss", input, weight)
    return _labelled("nll_loss", NLLLoss, input, target, weight, ignore_index, reduction)


def _labelled(name, function, input, target, weight, ignore_index, reduction, *options):
    """A loss of integer labels. Its mean is over the weights of those labels that are not ignored."""
    check.integers(name, target)
    if input.ndim == 1 and target.ndim == 0:
        return _labelled(name, function, input.unsqueeze(0), target.unsqueeze(0), weight, ignore_index,
                         reduction, *options).reshape(())
    if input.ndim < 2 or target.shape != input.shape[:1] + input.shape[2:]:
        raise ValueError(f"{name}: expected scores (N, C, ...) and labels (N, ...), or (C,) and (), "
                         f"got {input.shape} and {target.shape}")
    labels, classes = target.array, input.shape[1]
    check.shaped(name, (classes,), weight=weight)
    check.in_range(name, "labels", labels, classes, ignore_index)
    loss = function.apply(input, labels, None if weight is None else weight.array, ignore_index, *options)
    kept = labels[labels != ignore_index]
    return _reduced(name, loss, reduction, kept.size if weight is None else float(weight.array[kept].sum()))


def mse_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """w (x - y)²; the mean is over Σ w. Tensors of one shape -> (), or that shape with reduction="none".

    As PyTorch's; a warning where shapes differ and broadcast.
    """
    check.refuse("mse_loss", size_average=size_average, reduce=reduce)
    return _weighted("mse_loss", _difference("mse_loss", input, target) ** 2, weight, reduction)


def l1_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """w |x - y|; the mean is over Σ w. Tensors of one shape -> (), or that shape with reduction="none".

    As PyTorch's; a warning where shapes differ and broadcast.
    """
    check.refuse("l1_loss", size_average=size_average, reduce=reduce)
    return _weighted("l1_loss", _difference("l1_loss", input, target).abs(), weight, reduction)


def _difference(name, input, target):
    if check.tensor(name, input).shape != check.tensor(name, target).shape:
        warnings.warn(f"{name}: input {input.shape} and target {target.shape} are broadcast; is that meant?",
                      stacklevel=3)
    return input - target


def _weighted(name, loss, weight, reduction):
    if weight is None:
        return _reduced(name, loss, reduction)
    check.shaped(name, loss.shape, weight=weight)
    return _reduced(name, loss * weight, reduction, float(weight.array.sum()))


def binary_cross_entropy_with_logits(input, target, weight=None, size_average=None, reduce=None,
                                     reduction="mean", pos_weight=None):
    """-w (v y log σ(x) + (1 - y) log(1 - σ(x))), v = `pos_weight`, w = `weight`, which broadcast.

    Scores x and answers y (0 to 1) of one shape -> (), or that shape with reduction="none". As PyTorch's.
    """
    name = "binary_cross_entropy_with_logits"
    check.refuse(name, size_average=size_average, reduce=reduce)
    check.floats(name, input, target, weight, pos_weight)
    check.shaped(name, input.shape, target=target)
    loss = BCEWithLogits.apply(input, target, 1 if pos_weight is None else pos_weight.array)
    return _reduced(name, loss if weight is None else loss * weight, reduction)
