"""Learning rates that change during training, as in torch.optim.lr_scheduler.

A schedule takes hold of an optimizer and sets the "lr" of its groups: at once, and at every `step()`.
`last_epoch` counts the steps (0 after construction), whatever the user means by one, an epoch or a batch.
Most schedules derive the next rate from the present one, as PyTorch's do, so several can share an optimizer.
"""

import bisect
import math

from tinynet.optim.optimizer import Optimizer
from tinynet.optim.options import check_count, check_number

__all__ = ["LRScheduler", "LambdaLR", "StepLR", "MultiStepLR", "ExponentialLR", "LinearLR",
           "CosineAnnealingLR", "OneCycleLR", "SequentialLR"]


class LRScheduler:
    """Base class. A subclass defines `get_lr()`: the learning rates, one per group, at `self.last_epoch`.

    `last_epoch` other than -1 resumes after that epoch; `load_state_dict` is the safer way to do so.
    ValueError if the optimizer has no "initial_lr" then. As PyTorch's.
    """

    def __init__(self, optimizer, last_epoch=-1):
        self.optimizer = check_optimizer(self.name, optimizer)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise ValueError(f"{self.name}: resuming after epoch {last_epoch} expects 'initial_lr' in "
                                 f"parameter group {i}; load the optimizer's state first")
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch + 1
        self._set(self.first_lr())

    @property
    def name(self):
        """The class's name, for errors."""
        return type(self).__name__

    def get_lr(self):
        """The learning rates, one per group, at `self.last_epoch`; NotImplementedError in the base class."""
        raise NotImplementedError(f"{self.name}.get_lr")

    def first_lr(self):
        """Like `get_lr`, where the schedule begins or resumes, so that no epoch led to the present rates."""
        return self.get_lr()

    def present_lr(self):
        """The learning rates that the optimizer has now, one per group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def get_last_lr(self):
        """The learning rates that this schedule set last, one per group."""
        return self._last_lr

    def step(self):
        """Go to the next epoch; call it after `optimizer.step()`."""
        self.last_epoch += 1
        self._set(self.get_lr())

    def restart(self, lrs):
        """Go to epoch 0, beginning from the rates `lrs`."""
        self._set(lrs)
        self.last_epoch = 0
        self._set(self.first_lr())

    def _set(self, lrs):
        for group, lr in zip(self.optimizer.param_groups, lrs, strict=True):
            group["lr"] = lr
        self._last_lr = self.present_lr()

    def state_dict(self):
        """Everything but the optimizer, whose own state holds its present learning rates."""
        return {name: value for name, value in vars(self).items() if name != "optimizer"}

    def load_state_dict(self, state_dict):
        """Take over what `state_dict` gave; a ValueError names what is missing."""
        expected = self.state_dict().keys()
        if not expected <= state_dict.keys():
            raise ValueError(f"{self.name}: expected a state of {', '.join(expected)}, "
                             f"got {', '.join(state_dict)}")
        vars(self).update((name, state_dict[name]) for name in expected)


class LambdaLR(LRScheduler):
    """lr = initial lr * lr_lambda(epoch); one function, or a list with one a group; not saved. PyTorch's."""

    def __init__(self, optimizer, lr_lambda, last_epoch=-1):
        self.lr_lambdas = per_group(self.name, "lr_lambda", lr_lambda, optimizer)
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        return [lr * factor(self.last_epoch) for lr, factor in zip(self.base_lrs, self.lr_lambdas)]

    def state_dict(self):
        return {name: value for name, value in super().state_dict().items() if name != "lr_lambdas"}


class StepLR(LRScheduler):
    """Multiply by gamma every step_size epochs. As PyTorch's."""

    def __init__(self, optimizer, step_size, gamma=0.1, last_epoch=-1):
        check_count(self.name, "step_size", step_size)
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        turn = self.last_epoch > 0 and self.last_epoch % self.step_size == 0
        return [lr * self.gamma if turn else lr for lr in self.present_lr()]


class MultiStepLR(LRScheduler):
    """Multiply by gamma at the epochs `milestones`, twice if named twice. He et al. 2015, section 4.2."""

    def __init__(self, optimizer, milestones, gamma=0.1, last_epoch=-1):
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        return [lr * self.gamma ** self.milestones.count(self.last_epoch) for lr in self.present_lr()]

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        if isinstance(self.milestones, dict):      # PyTorch's: epoch -> how often
            self.milestones = sorted(epoch for epoch, times in self.milestones.items() for _ in range(times))


class ExponentialLR(LRScheduler):
    """Multiply by gamma every epoch. As PyTorch's."""

    def __init__(self, optimizer, gamma, last_epoch=-1):
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def first_lr(self):
        return self.present_lr()

    def get_lr(self):
        return [lr * self.gamma for lr in self.present_lr()]


class LinearLR(LRScheduler):
    """lr = initial lr * factor, which goes from start_factor to end_factor in total_iters equal steps.

    A warm-up: Goyal et al. 2017, section 2.2. ValueError unless the factors are from 0 (not the first) to 1.
    """

    def __init__(self, optimizer, start_factor=1.0 / 3, end_factor=1.0, total_iters=5, last_epoch=-1):
        check_number(self.name, "start_factor", start_factor)
        check_number(self.name, "end_factor", end_factor)
        if not (0 < start_factor <= 1 and 0 <= end_factor <= 1):
            raise ValueError(f"{self.name}: expected start_factor in (0, 1] and end_factor in [0, 1], got "
                             f"{start_factor} and {end_factor}")
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def first_lr(self):
        factor = self.start_factor if self.last_epoch == 0 else 1
        return [lr * factor for lr in self.present_lr()]

    def get_lr(self):
        if self.last_epoch > self.total_iters:
            return self.present_lr()
        rise = self.end_factor - self.start_factor     # total_iters times what one step adds to the factor
        before = self.total_iters * self.start_factor + (self.last_epoch - 1) * rise
        return [lr * (1 + rise / before) for lr in self.present_lr()]


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


class OneCycleLR(LRScheduler):
    """One rise from max_lr / div_factor to max_lr and one fall to 1 / final_div_factor of the beginning,
    stepped per batch (Smith and Topin 2017, https://arxiv.org/abs/1708.07120).

    The rise takes the fraction pct_start of total_steps (or epochs * steps_per_epoch). `three_phase` mirrors
    the rise before the final fall. With cycle_momentum, momentum (Adam: beta1) goes the opposite way, between
    max_momentum and base_momentum. ValueError for steps beyond total_steps, and for an `anneal_strategy`
    other than "cos" and "linear".
    """

    def __init__(self, optimizer, max_lr, total_steps=None, epochs=None, steps_per_epoch=None, pct_start=0.3,
                 anneal_strategy="cos", cycle_momentum=True, base_momentum=0.85, max_momentum=0.95,
                 div_factor=25.0, final_div_factor=1e4, three_phase=False, last_epoch=-1):
        self.total_steps = self._count_steps(total_steps, epochs, steps_per_epoch)
        check_number(self.name, "pct_start", pct_start)
        if not 0 <= pct_start <= 1:
            raise ValueError(f"{self.name}: expected pct_start in [0, 1], got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"{self.name}: expected anneal_strategy cos or linear, got {anneal_strategy!r}")
        self._anneal_func_type, self.cycle_momentum = anneal_strategy, cycle_momentum
        self._knots = self._place_knots(pct_start, three_phase)
        peaks = per_group(self.name, "max_lr", max_lr, optimizer)
        if last_epoch == -1:
            for group, peak in zip(optimizer.param_groups, peaks):
                group["max_lr"], group["initial_lr"] = peak, peak / div_factor
                group["min_lr"] = group["initial_lr"] / final_div_factor
            if cycle_momentum:
                self._begin_momentum(optimizer, max_momentum, base_momentum)
        super().__init__(optimizer, last_epoch)

    def _count_steps(self, total_steps, epochs, steps_per_epoch):
        if total_steps is None:
            check_count(self.name, "epochs (or else total_steps)", epochs)
            check_count(self.name, "steps_per_epoch (or else total_steps)", steps_per_epoch)
            total_steps = epochs * steps_per_epoch
        check_count(self.name, "total_steps", total_steps)
        return total_steps

    def _place_knots(self, pct_start, three_phase):
        """Where the legs of the cycle meet: (step, learning rate, momentum), values as keys of a group."""
        rise = pct_start * self.total_steps
        bottom_again = [(2 * rise - 2, "initial_lr", "max_momentum")] if three_phase else []
        return [(0, "initial_lr", "max_momentum"), (rise - 1, "max_lr", "base_momentum"), *bottom_again,
                (self.total_steps - 1, "min_lr", "max_momentum")]

    def _begin_momentum(self, optimizer, max_momentum, base_momentum):
        if not {"momentum", "betas"} & optimizer.defaults.keys():
            raise ValueError(f"{self.name}: cycle_momentum expects an optimizer with momentum or betas, "
                             f"got {optimizer.name}")
        highest = per_group(self.name, "max_momentum", max_momentum, optimizer)
        lowest = per_group(self.name, "base_momentum", base_momentum, optimizer)
        for group, high, low in zip(optimizer.param_groups, highest, lowest):
            group["max_momentum"], group["base_momentum"] = high, low

    def _anneal(self, start, end, done):
        """From `start` to `end` as `done` goes from 0 to 1."""
        if self._anneal_func_type == "cos":
            return end + (start - end) / 2 * (1 + math.cos(math.pi * done))
        return start + (end - start) * done

    def _present_leg(self):
        """The knots that `last_epoch` lies between, and the fraction of the way that is done."""
        later = [i for i, (step, *_) in enumerate(self._knots) if i > 0 and self.last_epoch <= step]
        i = later[0] if later else len(self._knots) - 1
        start, end = self._knots[i - 1], self._knots[i]
        length = end[0] - start[0]
        return start, end, (self.last_epoch - start[0]) / length if length else 1

    def get_lr(self):
        if self.last_epoch > self.total_steps:
            raise ValueError(f"{self.name}: expected {self.total_steps} steps at most, got {self.last_epoch}")
        (_, from_lr, from_momentum), (_, to_lr, to_momentum), done = self._present_leg()
        groups = self.optimizer.param_groups
        if self.cycle_momentum:
            for group in groups:
                momentum = self._anneal(group[from_momentum], group[to_momentum], done)
                if "betas" in group:
                    group["betas"] = (momentum, *group["betas"][1:])
                else:
                    group["momentum"] = momentum
        return [self._anneal(group[from_lr], group[to_lr], done) for group in groups]


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


def check_optimizer(name, optimizer):
    """`optimizer` itself; a TypeError in the schedule's name for anything else."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{name}: expected an optimizer, got {type(optimizer).__name__}")
    return optimizer


def per_group(name, option, value, optimizer):
    """`value` for every parameter group of the optimizer; a list must have one for each."""
    groups = len(check_optimizer(name, optimizer).param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * groups
    if len(value) != groups:
        raise ValueError(f"{name}: expected {option} to be one value or {groups}, one per parameter group, "
                         f"got {len(value)}")
    return list(value)
