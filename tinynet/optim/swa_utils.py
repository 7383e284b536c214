"""Averages of a model's weights over training, as in torch.optim.swa_utils."""

import copy
import itertools
import math

import numpy as np

from tinynet.gradients.modes import no_grad
from tinynet.nn.module import Module
from tinynet.nn.norm import _BatchNorm
from tinynet.optim.lr_scheduler import LRScheduler
from tinynet.optim.lr_scheduler.base import per_group
from tinynet.optim.options import check_count
from tinynet.tensor import Tensor

__all__ = ["AveragedModel", "SWALR", "update_bn", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn",
           "get_swa_multi_avg_fn"]


def get_ema_avg_fn(decay=0.999):
    """The rule average <- decay · average + (1 - decay) · weight, for tensors of one shape. Polyak & Juditsky 1992.

    ValueError unless the decay, a share, is from 0 to 1.
    """
    if not 0 <= decay <= 1:
        raise ValueError(f"get_ema_avg_fn: expected decay in [0, 1], got {decay}")
    return lambda averaged, current, count: averaged * decay + current * (1 - decay)


def get_swa_avg_fn():
    """The rule average <- average + (weight - average) / (count + 1), for tensors of one shape: the plain mean.

    Izmailov et al. 2018.
    """
    return lambda averaged, current, count: averaged + (current - averaged) * (1 / (float(count) + 1))


def _of_lists(rule):
    """A rule for one tensor as one that changes a list of averages in place."""
    def update(averaged, current, count):
        for old, new in zip(averaged, current):
            old.copy_(rule(old, new, count))
    return update


def get_ema_multi_avg_fn(decay=0.999):
    """`get_ema_avg_fn` for lists of tensors, changed in place; `decay` is a share. Shapes as there. PyTorch's."""
    return _of_lists(get_ema_avg_fn(decay))


def get_swa_multi_avg_fn():
    """`get_swa_avg_fn` for lists of tensors, changed in place. Shapes as there. PyTorch's."""
    return _of_lists(get_swa_avg_fn())


class AveragedModel(Module):
    """A copy of a model whose weights are the average of the original's: call `update_parameters(model)` to count it.

    The first call copies. `avg_fn(average, weight, count)` gives a new average, `multi_avg_fn` takes lists and changes
    them in place; without either it is the plain mean. `use_buffers` averages floating-point buffers, too; else they
    are copied. It is called as the model is: (N, ...) -> the model's result. ValueError for both rules.
    Izmailov et al. 2018.
    """

    def __init__(self, model, device=None, avg_fn=None, multi_avg_fn=None, use_buffers=False):
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise ValueError("AveragedModel: expected avg_fn or multi_avg_fn, got both")
        self.module = copy.deepcopy(model).to(device=device)
        self.register_buffer("n_averaged", Tensor(np.zeros((), np.int64)))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args, **kwargs):
        return self.module(*args, **kwargs)

    def update_parameters(self, model):
        """Take the model's present weights into the average."""
        averaged, current = self._tensors(self.module), self._tensors(model)
        with no_grad():
            if self.n_averaged.item() == 0:
                for old, new in zip(averaged, current):
                    old.copy_(new)
            else:
                update = self.multi_avg_fn or _of_lists(self.avg_fn or get_swa_avg_fn())
                floats = [i for i, tensor in enumerate(averaged) if tensor.is_floating_point()]
                update([averaged[i] for i in floats], [current[i] for i in floats], self.n_averaged)
            for old, new in () if self.use_buffers else zip(self.module.buffers(), model.buffers()):
                old.copy_(new)
            self.n_averaged += 1

    def _tensors(self, model):
        chosen = itertools.chain(model.parameters(), model.buffers()) if self.use_buffers else model.parameters()
        return [tensor.detach() for tensor in chosen]


@no_grad()
def update_bn(loader, model, device=None):
    """Compute the running statistics of a model's BatchNorm layers again, in one pass over a data loader.

    A batch is the model's input, or a tuple whose first entry is: (images, labels). Izmailov et al. 2018.
    """
    layers = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    momenta, training = [layer.momentum for layer in layers], model.training
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None          # the plain average over all batches
    model.train()
    try:
        for batch in loader if layers else ():
            batch = batch[0] if isinstance(batch, (tuple, list)) else batch
            model(batch.to(device) if device is not None else batch)
    finally:
        for layer, momentum in zip(layers, momenta):
            layer.momentum = momentum
        model.train(training)


class SWALR(LRScheduler):
    """From the present rate to `swa_lr` within anneal_epochs, along a cosine or a line, and then constant.

    ValueError for an `anneal_strategy` other than "cos" and "linear". Izmailov et al. 2018.
    """

    def __init__(self, optimizer, swa_lr, anneal_epochs=10, anneal_strategy="cos", last_epoch=-1):
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"{self.name}: expected anneal_strategy cos or linear, got {anneal_strategy!r}")
        if anneal_epochs:
            check_count(self.name, "anneal_epochs", anneal_epochs)
        for group, lr in zip(optimizer.param_groups, per_group(self.name, "swa_lr", swa_lr, optimizer)):
            group["swa_lr"] = lr
        self.anneal_epochs, self._anneal_strategy = anneal_epochs, anneal_strategy
        super().__init__(optimizer, last_epoch)

    def _share(self, epoch):
        """The fraction of the way to `swa_lr` that is done."""
        t = min(1.0, max(0.0, epoch / max(1, self.anneal_epochs)))
        return (1 - math.cos(math.pi * t)) / 2 if self._anneal_strategy == "cos" else t

    def first_lr(self):
        return self.present_lr() if self.anneal_epochs else [group["swa_lr"] for group in self.optimizer.param_groups]

    def get_lr(self):
        step = self.last_epoch if self.anneal_epochs else 1
        before, now = self._share(max(0, step - 1)), self._share(max(0, step))
        groups = self.optimizer.param_groups
        if before >= 1:
            return [group["swa_lr"] for group in groups]
        starts = [(group["lr"] - before * group["swa_lr"]) / (1 - before) for group in groups]
        return [now * group["swa_lr"] + (1 - now) * start for group, start in zip(groups, starts)]
