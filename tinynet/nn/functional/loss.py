"""Losses of labels and of probabilities. Most are derived from other operators; the others are in `ops/loss.py`."""

import math

import numpy as np

from tinynet.nn import check
from tinynet.nn.functional.activation import logsigmoid
from tinynet.nn.functional.probabilities import log_softmax
from tinynet.nn.functional.reduction import chosen, divisor_for, reduced
from tinynet.ops.choice import where
from tinynet.ops.loss import BCE, BCEWithLogits, CrossEntropy, NLLLoss


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
    reduction = chosen(name, reduction, size_average, reduce)
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
    return reduced(name, loss, reduction, input.numel() / classes)


def nll_loss(input, target, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean"):
    """-input at the label. input: log-probabilities (N, C, d1, ...) or (C,); target (N, d1, ...) or ().

    -> (), or the shape of target with reduction="none". As PyTorch's.
    """
    reduction = chosen("nll_loss", reduction, size_average, reduce)
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
    divisor = divisor_for(name, reduction, lambda: _mass(labels, weight, ignore_index))
    return function.apply(input, labels, None if weight is None else weight.array, ignore_index, divisor, *options)


def _mass(labels, weight, ignore_index):
    """The sum of the weights of those labels that are not ignored."""
    kept = labels != ignore_index
    return np.count_nonzero(kept) if weight is None else float(weight.array[labels[kept]].sum())


def binary_cross_entropy_with_logits(input, target, weight=None, size_average=None, reduce=None,
                                     reduction="mean", pos_weight=None):
    """-w (v y log σ(x) + (1 - y) log(1 - σ(x))), v = `pos_weight`, w = `weight`, which broadcast.

    Scores x and answers y (0 to 1) of one shape -> (), or that shape with reduction="none". As PyTorch's.
    """
    name = "binary_cross_entropy_with_logits"
    reduction = chosen(name, reduction, size_average, reduce)
    check.floats(name, input, target, weight, pos_weight)
    check.shaped(name, input.shape, target=target)
    loss = BCEWithLogits.apply(input, target, 1 if pos_weight is None else pos_weight.array)
    return reduced(name, loss if weight is None else loss * weight, reduction)


def binary_cross_entropy(input, target, weight=None, size_average=None, reduce=None, reduction="mean"):
    """-w (y log x + (1 - y) log(1 - x)), each logarithm at least -100; w = `weight` broadcasts.

    Probabilities x (ValueError outside 0 to 1) and answers y of one shape -> (), or that shape with
    reduction="none". As PyTorch's.
    """
    name = "binary_cross_entropy"
    reduction = chosen(name, reduction, size_average, reduce)
    check.floats(name, input, target, weight)
    check.shaped(name, input.shape, target=target)
    if ((input.array < 0) | (input.array > 1)).any():
        raise ValueError(f"{name}: expected probabilities in [0, 1]; for scores there is {name}_with_logits")
    loss = BCE.apply(input, target)
    return reduced(name, loss if weight is None else loss * weight, reduction)


def kl_div(input, target, size_average=None, reduce=None, reduction="mean", log_target=False):
    """y (log y - x) for log-probabilities x and probabilities y (their logarithms, if `log_target`).

    Two tensors of one shape -> (), in nats, or that shape with reduction="none". "batchmean" divides the sum by N,
    which is the divergence; "mean" divides by the number of elements. Kullback & Leibler 1951.
    """
    reduction = chosen("kl_div", reduction, size_average, reduce)
    check.floats("kl_div", input, target)
    if log_target:
        loss = target.exp() * (target - input)
    else:
        loss = target * (where(target == 0, 1.0, target).log() - input)     # 0 log 0 = 0
    if reduction == "batchmean":
        return loss.sum() / (input.shape[0] if input.ndim else 1)
    return reduced("kl_div", loss, reduction)


def poisson_nll_loss(input, target, log_input=True, full=False, size_average=None, eps=1e-8, reduce=None,
                     reduction="mean"):
    """eˣ - y x for counts y and x the logarithm of the expected count; x - y log(x + eps) unless `log_input`.

    `full` adds Stirling's approximation of log y! where y > 1. Two tensors of one shape -> (), or that shape with
    reduction="none". As PyTorch's.
    """
    reduction = chosen("poisson_nll_loss", reduction, size_average, reduce)
    check.tensor("poisson_nll_loss", input)
    loss = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        y = where(target > 1, target, 1.0)
        loss = loss + where(target > 1, y * y.log() - y + 0.5 * (2 * math.pi * y).log(), 0.0)
    return reduced("poisson_nll_loss", loss, reduction)


def gaussian_nll_loss(input, target, var, full=False, eps=1e-6, reduction="mean"):
    """(log v + (x - y)² / v) / 2 with the variance v = max(var, eps); `full` adds log(2 π) / 2.

    Tensors of one shape (var broadcasts) -> (), or that shape with reduction="none". ValueError for a negative
    variance. Nix & Weigend 1994.
    """
    check.floats("gaussian_nll_loss", input, target)
    var = var if hasattr(var, "array") else input.detach() * 0 + var
    if (var.array < 0).any():
        raise ValueError("gaussian_nll_loss: expected variances of at least 0")
    if var.ndim == input.ndim - 1 and var.shape == input.shape[:-1]:
        var = var.unsqueeze(-1)
    var = var + (var.detach().clamp(min=eps) - var.detach())                # the gradient passes the limit
    loss = 0.5 * (var.log() + (input - target) ** 2 / var)
    return reduced("gaussian_nll_loss", loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


def soft_margin_loss(input, target, size_average=None, reduce=None, reduction="mean"):
    """log(1 + e^(-y x)) for scores x and answers y, 1 or -1, of one shape -> (). As PyTorch's."""
    reduction = chosen("soft_margin_loss", reduction, size_average, reduce)
    check.floats("soft_margin_loss", input)
    return reduced("soft_margin_loss", -logsigmoid(input * target), reduction)


def multilabel_soft_margin_loss(input, target, weight=None, size_average=None, reduce=None, reduction="mean"):
    """Binary cross-entropy of σ(x), averaged over C classes. (N, C), (N, C), weight (C,) -> (). As PyTorch's."""
    reduction = chosen("multilabel_soft_margin_loss", reduction, size_average, reduce)
    check.floats("multilabel_soft_margin_loss", input)
    loss = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    return reduced("multilabel_soft_margin_loss", (loss if weight is None else loss * weight).mean(-1), reduction)


def multi_margin_loss(input, target, p=1, margin=1.0, weight=None, size_average=None, reduce=None,
                      reduction="mean"):
    """Σ_c≠y max(0, margin - x_y + x_c)^p / C, p 1 or 2, for scores (N, C) and labels (N,) -> ().

    The weight (C,) is that of the label. Crammer & Singer 2001. ValueError for another `p`.
    """
    name = "multi_margin_loss"
    reduction = chosen(name, reduction, size_average, reduce)
    check.floats(name, input, weight)
    check.integers(name, target)
    if input.ndim < 2 and target.numel() == 1:
        loss = multi_margin_loss(input.reshape(1, -1), target.reshape(1), p, margin, weight, reduction=reduction)
        return loss.reshape(target.shape) if reduction == "none" else loss
    if p not in (1, 2) or input.ndim != 2 or target.shape != input.shape[:1]:
        raise ValueError(f"{name}: expected p of 1 or 2, scores (N, C) and labels (N,), got {p}, {input.shape} and "
                         f"{target.shape}")
    own = input.gather(1, target.unsqueeze(1))
    terms = (margin - own + input).clamp(min=0) ** p
    if weight is not None:
        terms = terms * weight[target].unsqueeze(1)
    others = terms.sum(1) - terms.gather(1, target.unsqueeze(1)).squeeze(1)
    return reduced(name, others / input.shape[1], reduction)
