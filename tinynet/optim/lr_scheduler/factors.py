"""Rates that are multiplied by a factor: at every epoch, or at some."""

from tinynet.optim.lr_scheduler.base import LRScheduler, per_group
from tinynet.optim.options import check_count, check_number


class LambdaLR(LRScheduler):
    """lr = initial lr * lr_lambda(epoch); one function, or a list with one a group; not saved. PyTorch's."""

    def __init__(self, optimizer, lr_lambda, last_epoch=-1):
        self.lr_lambdas = per_group(self.name, "lr_lambda", lr_lambda, optimizer)
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        return [lr * factor(self.last_epoch) for lr, factor in zip(self.base_lrs, self.lr_lambdas)]

    def state_dict(self):
        return {name: value for name, value in super().state_dict().items() if name != "lr_lambdas"}


class MultiplicativeLR(LambdaLR):
    """Multiply by lr_lambda(epoch) every epoch; one function, or a list with one a group; not saved. PyTorch's."""

    def first_lr(self):
        return self.present_lr()

    def get_lr(self):
        return [lr * factor(self.last_epoch) for lr, factor in zip(self.present_lr(), self.lr_lambdas)]


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
    """Multiply by gamma at the epochs `milestones`, twice if named twice.

    He et al. 2015, "Deep Residual Learning", section 4.2.
    """

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


class ConstantLR(LRScheduler):
    """lr = initial lr * factor for total_iters epochs, then the initial lr. As PyTorch's.

    ValueError unless the factor is from 0 to 1.
    """

    def __init__(self, optimizer, factor=1.0 / 3, total_iters=5, last_epoch=-1):
        check_number(self.name, "factor", factor)
        if not 0 <= factor <= 1:
            raise ValueError(f"{self.name}: expected factor in [0, 1], got {factor}")
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def first_lr(self):
        return [lr * (self.factor if self.last_epoch == 0 else 1) for lr in self.present_lr()]

    def get_lr(self):
        if self.last_epoch != self.total_iters:
            return self.present_lr()
        return [lr / self.factor if self.factor else base for lr, base in zip(self.present_lr(), self.base_lrs)]


class PolynomialLR(LRScheduler):
    """lr = initial lr * (1 - epoch / total_iters)^power, 0 after total_iters epochs. As PyTorch's."""

    def __init__(self, optimizer, total_iters=5, power=1.0, last_epoch=-1):
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def first_lr(self):
        return self.present_lr()

    def get_lr(self):
        if self.last_epoch > self.total_iters:
            return self.present_lr()
        left = self.total_iters - self.last_epoch
        return [lr * (left / (left + 1)) ** self.power for lr in self.present_lr()]
