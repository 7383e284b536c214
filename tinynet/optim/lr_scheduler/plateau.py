"""Rates that fall when a measure stops improving."""

import math

from tinynet.optim.lr_scheduler.base import LRScheduler, check_optimizer, per_group


class ReduceLROnPlateau(LRScheduler):
    """Multiply by `factor` after more than `patience` epochs in which `step(metrics)` did not improve. As PyTorch's.

    `mode` "min": lower is better, "max": higher. An improvement is one by more than `threshold`, a share of the best
    value (`threshold_mode` "rel") or a difference ("abs"). For `cooldown` epochs after a change nothing is counted.
    Rates stay at `min_lr` or above, and change by more than `eps` or not at all. ValueError for a factor of 1 or more
    and for other modes.
    """

    def __init__(self, optimizer, mode="min", factor=0.1, patience=10, threshold=1e-4, threshold_mode="rel",
                 cooldown=0, min_lr=0, eps=1e-8):
        self.optimizer = check_optimizer(self.name, optimizer)
        if factor >= 1 or mode not in ("min", "max") or threshold_mode not in ("rel", "abs"):
            raise ValueError(f'{self.name}: expected factor below 1, mode "min" or "max" and threshold_mode "rel" or '
                             f'"abs", got {factor}, {mode!r} and {threshold_mode!r}')
        self.mode, self.factor, self.patience, self.cooldown = mode, factor, patience, cooldown
        self.threshold, self.threshold_mode, self.eps = threshold, threshold_mode, eps
        self.default_min_lr, self.min_lrs = min_lr, per_group(self.name, "min_lr", min_lr, optimizer)
        self.best = self.mode_worse = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = self.last_epoch = 0
        self._last_lr = self.present_lr()

    @property
    def in_cooldown(self):
        """Whether the last change is so recent that nothing is counted."""
        return self.cooldown_counter > 0

    def step(self, metrics, epoch=None):
        """Go to the next epoch, whose measure is `metrics`, a number or a tensor of one element."""
        value = float(metrics)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self.is_better(value, self.best):
            self.best, self.num_bad_epochs = value, 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._set([lowered if lr - lowered > self.eps else lr for lr, lowered in (
                (lr, max(lr * self.factor, least)) for lr, least in zip(self.present_lr(), self.min_lrs))])
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._last_lr = self.present_lr()

    def is_better(self, a, best):
        """Whether `a` is an improvement on `best`."""
        sign = 1 if self.mode == "min" else -1
        relative = self.threshold_mode == "rel"
        limit = best * (1 - sign * self.threshold) if relative else best - sign * self.threshold
        return sign * a < sign * limit
