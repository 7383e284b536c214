"""Rates that fall along half a cosine wave."""

import math

from tinynet.optim.lr_scheduler.base import LRScheduler
from tinynet.optim.options import check_count


class CosineAnnealingLR(LRScheduler):
    """lr = eta_min + (initial lr - eta_min) * (1 + cos(pi * epoch / T_max)) / 2: half a wave down in T_max
    epochs, then up again (Loshchilov and Hutter 2017, https://arxiv.org/abs/1608.03983, without restarts)."""

    def __init__(self, optimizer, T_max, eta_min=0.0, last_epoch=-1):
        check_count(self.name, "T_max", T_max)
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def first_lr(self):
        return self.present_lr()

    def _height(self, epoch):
        return 1 + math.cos(math.pi * epoch / self.T_max)

    def get_lr(self):
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:     # from the bottom no ratio leads up
            return [lr + (base - self.eta_min) * (1 - math.cos(math.pi / self.T_max)) / 2
                    for lr, base in zip(self.present_lr(), self.base_lrs)]
        ratio = self._height(self.last_epoch) / self._height(self.last_epoch - 1)
        return [self.eta_min + (lr - self.eta_min) * ratio for lr in self.present_lr()]


class CosineAnnealingWarmRestarts(LRScheduler):
    """lr = eta_min + (initial lr - eta_min) * (1 + cos(pi * T_cur / T_i)) / 2, T_cur epochs after the last restart.

    The first fall takes T_0 epochs, each further one T_mult times as many. `step(epoch)` takes fractions of an epoch,
    so that the rate can change with every batch. Loshchilov and Hutter 2017, https://arxiv.org/abs/1608.03983.
    """

    def __init__(self, optimizer, T_0, T_mult=1, eta_min=0.0, last_epoch=-1):
        check_count(self.name, "T_0", T_0)
        check_count(self.name, "T_mult", T_mult)
        self.T_0, self.T_mult, self.eta_min = T_0, T_mult, eta_min
        self.T_i, self.T_cur = T_0, last_epoch
        super().__init__(optimizer, last_epoch)

    def step(self, epoch=None):
        """Go to the next epoch, or to any, also to a fraction of one; ValueError for a negative one."""
        epoch = self.last_epoch + 1 if epoch is None else epoch
        if epoch < 0:
            raise ValueError(f"{self.name}: expected an epoch of at least 0, got {epoch}")
        self._set(self._rates(epoch))
        self.last_epoch = math.floor(epoch)

    def get_lr(self):
        return self._rates(self.last_epoch)

    def _rates(self, epoch):
        self.T_i, self.T_cur = self.T_0, epoch
        while self.T_cur >= self.T_i:
            self.T_cur -= self.T_i
            self.T_i *= self.T_mult
        height = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (lr - self.eta_min) * height for lr in self.base_lrs]
