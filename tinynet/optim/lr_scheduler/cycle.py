"""Rates that rise and fall, while the momentum goes the opposite way."""

import math

from tinynet.optim.lr_scheduler.base import LRScheduler, per_group
from tinynet.optim.options import check_count, check_number


def begin_momentum(name, optimizer, max_momentum, base_momentum):
    """Note both ends of the momentum's way in each group; ValueError for an optimizer without momentum or betas."""
    if not {"momentum", "betas"} & optimizer.defaults.keys():
        raise ValueError(f"{name}: cycle_momentum expects an optimizer with momentum or betas, got {optimizer.name}")
    highest = per_group(name, "max_momentum", max_momentum, optimizer)
    lowest = per_group(name, "base_momentum", base_momentum, optimizer)
    for group, high, low in zip(optimizer.param_groups, highest, lowest):
        group["max_momentum"], group["base_momentum"] = high, low


def set_momentum(group, momentum):
    """Set the momentum of a group, or beta1 for Adam and its variants."""
    if "betas" in group:
        group["betas"] = (momentum, *group["betas"][1:])
    else:
        group["momentum"] = momentum


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
                begin_momentum(self.name, optimizer, max_momentum, base_momentum)
        super().__init__(optimizer, last_epoch)

    def _count_steps(self, total_steps, epochs, steps_per_epoch):
        if total_steps is None:
            check_count(self.name, "epochs (or else total_steps)", epochs)
            check_count(self.name, "steps_per_epoch (or else total_steps)", steps_per_epoch)
            total_steps = epochs * steps_per_epoch
        check_count(self.name, "total_steps", total_steps)
        return total_steps

    def _place_knots(self, pct_start, three_phase):
        """The points between the legs of the cycle: (step, learning rate, momentum), values as keys of a group."""
        rise = pct_start * self.total_steps
        bottom_again = [(2 * rise - 2, "initial_lr", "max_momentum")] if three_phase else []
        return [(0, "initial_lr", "max_momentum"), (rise - 1, "max_lr", "base_momentum"), *bottom_again,
                (self.total_steps - 1, "min_lr", "max_momentum")]

    def _anneal(self, start, end, done):
        """From `start` to `end` as `done` goes from 0 to 1."""
        if self._anneal_func_type == "cos":
            return end + (start - end) / 2 * (1 + math.cos(math.pi * done))
        return start + (end - start) * done

    def _present_leg(self):
        """The knots before and after `last_epoch`, and its fraction of the distance between them."""
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
                set_momentum(group, self._anneal(group[from_momentum], group[to_momentum], done))
        return [self._anneal(group[from_lr], group[to_lr], done) for group in groups]


class CyclicLR(LRScheduler):
    """From base_lr up to max_lr in step_size_up steps and down again in step_size_down, again and again.

    Stepped per batch (Smith 2017, https://arxiv.org/abs/1506.01186). `mode`: the height of a cycle stays
    ("triangular"), halves with each ("triangular2"), or is multiplied by gamma with each step ("exp_range").
    `scale_fn` gives the height instead, for the number of the cycle or of the step (`scale_mode` "cycle" or
    "iterations"); it is not saved. With cycle_momentum, momentum (Adam: beta1) goes the opposite way, between
    max_momentum and base_momentum. ValueError for another mode.
    """

    MODES = {"triangular": (lambda cycle, gamma: 1.0, "cycle"), "exp_range": (lambda step, gamma: gamma**step, "steps"),
             "triangular2": (lambda cycle, gamma: 1 / 2 ** (cycle - 1), "cycle")}

    def __init__(self, optimizer, base_lr, max_lr, step_size_up=2000, step_size_down=None, mode="triangular",
                 gamma=1.0, scale_fn=None, scale_mode="cycle", cycle_momentum=True, base_momentum=0.8,
                 max_momentum=0.9, last_epoch=-1):
        if scale_fn is None and mode not in self.MODES:
            raise ValueError(f"{self.name}: expected mode {', '.join(self.MODES)}, got {mode!r}")
        check_number(self.name, "step_size_up", step_size_up, low=1)
        lowest = per_group(self.name, "base_lr", base_lr, optimizer)
        self.max_lrs = per_group(self.name, "max_lr", max_lr, optimizer)
        self.step_size_up = step_size_up
        self.step_size_down = step_size_up if step_size_down is None else step_size_down
        self.mode, self.gamma, self._scale_fn, self.scale_mode = mode, gamma, scale_fn, scale_mode
        self.cycle_momentum = cycle_momentum
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, lowest):
                group["lr"] = group["initial_lr"] = lr
            if cycle_momentum:
                begin_momentum(self.name, optimizer, max_momentum, base_momentum)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = lowest

    def _height(self):
        """The position of the step in the present cycle, 0 to 1, times the height of the cycle."""
        whole = self.step_size_up + self.step_size_down
        cycle, place = math.floor(1 + self.last_epoch / whole), self.last_epoch / whole % 1
        rise = self.step_size_up / whole
        up = place / rise if place <= rise else (place - 1) / (rise - 1)
        if self._scale_fn is not None:
            return up, self._scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        scale, counted = self.MODES[self.mode]
        return up, scale(cycle if counted == "cycle" else self.last_epoch, self.gamma)

    def get_lr(self):
        up, scale = self._height()
        if self.cycle_momentum:
            for group in self.optimizer.param_groups:
                fall = (group["max_momentum"] - group["base_momentum"]) * up * scale
                set_momentum(group, group["max_momentum"] - fall)
        return [low + (high - low) * up * scale for low, high in zip(self.base_lrs, self.max_lrs)]

    def state_dict(self):
        return {name: value for name, value in super().state_dict().items() if name != "_scale_fn"}
