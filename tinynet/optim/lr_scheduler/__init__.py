"""Learning rates that change during training, as in torch.optim.lr_scheduler.

A schedule takes hold of an optimizer and sets the "lr" of its groups: at once, and at every `step()`.
`last_epoch` counts the steps (0 after construction), whatever the user means by one, an epoch or a batch.
Most schedules derive the next rate from the present one, as PyTorch's do, so several can share an optimizer.
"""

from tinynet.optim.lr_scheduler.base import LRScheduler
from tinynet.optim.lr_scheduler.chain import ChainedScheduler, SequentialLR
from tinynet.optim.lr_scheduler.cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from tinynet.optim.lr_scheduler.cycle import CyclicLR, OneCycleLR
from tinynet.optim.lr_scheduler.factors import (
    ConstantLR, ExponentialLR, LambdaLR, LinearLR, MultiplicativeLR, MultiStepLR, PolynomialLR, StepLR)
from tinynet.optim.lr_scheduler.plateau import ReduceLROnPlateau

_LRScheduler = LRScheduler             # the name of the base class in older code

__all__ = ["LRScheduler", "LambdaLR", "MultiplicativeLR", "StepLR", "MultiStepLR", "ExponentialLR", "LinearLR",
           "ConstantLR", "PolynomialLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "OneCycleLR", "CyclicLR",
           "ReduceLROnPlateau", "SequentialLR", "ChainedScheduler"]
