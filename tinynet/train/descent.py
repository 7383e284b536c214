"""The rules by which a run's weights move: its optimizer, and the course of its learning rate."""

import math

from tinynet.nn.norm import GroupNorm, LayerNorm, _NormBase
from tinynet.optim import SGD, AdamW
from tinynet.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LinearLR, MultiStepLR, OneCycleLR, SequentialLR


def make_optimizer(settings, model):
    groups = parameter_groups(settings, model)
    if settings.optimizer == "adamw":
        return AdamW(groups, settings.lr, weight_decay=settings.weight_decay)
    return SGD(groups, settings.lr, settings.momentum, weight_decay=settings.weight_decay,
               nesterov=settings.nesterov and settings.momentum > 0)


def parameter_groups(settings, model):
    """All parameters; or two groups, if the biases of norms have a learning rate of their own.

    A step takes lr · weight_decay · w from each weight w, so where lr is larger, weight_decay is smaller by as much.
    """
    factor = settings.bias_lr
    if factor == 1:
        return list(model.parameters())
    biases = [module.bias for module in model.modules()
              if isinstance(module, (_NormBase, GroupNorm, LayerNorm)) and module.bias is not None]
    if not biases:
        raise ValueError("bias_lr: expected a network with norms that have biases, got one without")
    known = set(map(id, biases))
    return [{"params": [p for p in model.parameters() if id(p) not in known]},
            {"params": biases, "lr": settings.lr * factor, "weight_decay": settings.weight_decay / factor}]


def total_steps(settings, steps_per_epoch):
    """The steps of the run. A part of an epoch is rounded up to whole steps."""
    return math.ceil(round(settings.epochs * steps_per_epoch, 6))          # 0.1 · 30 is a little more than 3


def make_schedule(settings, optimizer, steps_per_epoch):
    """The learning rate's course, in steps."""
    total = total_steps(settings, steps_per_epoch)
    warmup = min(round(settings.warmup * steps_per_epoch), total - 1)
    if settings.schedule == "onecycle":
        peaks = [group["lr"] for group in optimizer.param_groups]
        return OneCycleLR(optimizer, peaks, total_steps=total, cycle_momentum=False)
    if settings.schedule == "triangle":
        return LambdaLR(optimizer, triangle(total, warmup, settings.start_lr, settings.end_lr))
    if settings.schedule == "multistep":
        return MultiStepLR(optimizer, [total // 2, total * 3 // 4])
    if settings.schedule == "constant":
        return MultiStepLR(optimizer, [])
    if warmup == 0:
        return CosineAnnealingLR(optimizer, total)
    return SequentialLR(optimizer, [LinearLR(optimizer, 1 / (warmup + 1), 1, warmup),
                                    CosineAnnealingLR(optimizer, total - warmup)], [warmup])


def triangle(total, peak, start, end):
    """The share of the peak rate at a step: from `start` up to 1 at step `peak`, then down to `end` at step `total`."""
    def share(step):
        if step < peak:
            return start + (1 - start) * step / peak
        return 1 + (end - 1) * (step - peak) / (total - peak)

    return share
