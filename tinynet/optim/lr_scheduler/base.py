"""Base of all schedules: the optimizer, the count of epochs, the rates set last."""

from tinynet.optim.optimizer import Optimizer


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

    def step(self, epoch=None):
        """Go to the next epoch; call it after `optimizer.step()`.

        `epoch`, deprecated in PyTorch, goes to that epoch instead, from the beginning if it is in the past.
        """
        if epoch is None:
            self.last_epoch += 1
            self._set(self.get_lr())
            return
        if epoch < self.last_epoch:
            self.restart(self.base_lrs)
        while self.last_epoch < epoch:
            self.step()

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
        """Take over the result of `state_dict`; a ValueError names the entries that are missing."""
        expected = self.state_dict().keys()
        if not expected <= state_dict.keys():
            raise ValueError(f"{self.name}: expected a state of {', '.join(expected)}, "
                             f"got {', '.join(state_dict)}")
        vars(self).update((name, state_dict[name]) for name in expected)


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
