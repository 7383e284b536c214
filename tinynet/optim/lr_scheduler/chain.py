"""Schedules made of schedules: one after another, or all at once."""

import bisect

from tinynet.optim.lr_scheduler.base import LRScheduler, check_optimizer


class SequentialLR(LRScheduler):
    """One schedule after another: schedulers[i + 1] begins, from the initial rates, at epoch milestones[i].

    As PyTorch's. ValueError for schedules of another optimizer, and unless rising milestones are one fewer.
    """

    def __init__(self, optimizer, schedulers, milestones, last_epoch=-1):
        self.optimizer = check_optimizer(self.name, optimizer)
        for scheduler in schedulers:
            if not isinstance(scheduler, LRScheduler) or scheduler.optimizer is not optimizer:
                raise ValueError(f"{self.name}: expected schedules of the same optimizer, got {scheduler!r}")
        if len(milestones) != len(schedulers) - 1 or list(milestones) != sorted(milestones):
            raise ValueError(f"{self.name}: expected one schedule more than rising milestones, got "
                             f"{len(schedulers)} schedules and milestones {milestones}")
        if last_epoch != -1:
            raise ValueError(f"{self.name}: last_epoch={last_epoch} is not supported; use load_state_dict")
        self._schedulers, self._milestones = list(schedulers), list(milestones)
        self.restart([group["initial_lr"] for group in optimizer.param_groups])

    @property
    def base_lrs(self):
        """The rates that the schedules begin with, one per group."""
        return self._schedulers[0].base_lrs

    def restart(self, lrs):
        for scheduler in self._schedulers:
            scheduler.last_epoch = -1              # not begun
        self.last_epoch = 0
        first = self._schedulers[bisect.bisect_right(self._milestones, 0)]
        first.restart(lrs)
        self._last_lr = first.get_last_lr()

    def step(self):
        """Go to the next epoch, and to the next schedule at a milestone."""
        self.last_epoch += 1
        present = bisect.bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[present]
        if self.last_epoch in self._milestones:
            scheduler.restart(scheduler.base_lrs)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()

    def state_dict(self):
        return {**super().state_dict(), "_schedulers": [s.state_dict() for s in self._schedulers]}

    def load_state_dict(self, state_dict):
        schedulers = self._schedulers
        super().load_state_dict(state_dict)
        self._schedulers = schedulers
        for scheduler, state in zip(schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(state)


class ChainedScheduler(LRScheduler):
    """Several schedules of one optimizer, each stepped in turn, so that their factors multiply. As PyTorch's.

    ValueError for no schedule, and for schedules of different optimizers.
    """

    def __init__(self, schedulers, optimizer=None):
        schedulers = list(schedulers)
        optimizer = schedulers[0].optimizer if optimizer is None and schedulers else optimizer
        if not schedulers or any(scheduler.optimizer is not optimizer for scheduler in schedulers):
            raise ValueError(f"{self.name}: expected schedules of one optimizer, got {schedulers}")
        self.optimizer, self._schedulers = check_optimizer(self.name, optimizer), schedulers
        self._last_lr = self.present_lr()

    def step(self):
        """Go to the next epoch in every schedule."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = self.present_lr()

    def state_dict(self):
        """The states of all schedules, and the rates set last."""
        return {"_schedulers": [s.state_dict() for s in self._schedulers], "_last_lr": self._last_lr}

    def load_state_dict(self, state_dict):
        """Take over what `state_dict` gave."""
        for scheduler, state in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(state)
        self._last_lr = state_dict["_last_lr"]
