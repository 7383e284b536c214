"""Optimizers, as in torch.optim: they change parameters in place along the gradients that `backward` left."""

from tinynet.optim import lr_scheduler, swa_utils
from tinynet.optim.adam import Adam, AdamW
from tinynet.optim.adam_kin import Adamax, NAdam, RAdam
from tinynet.optim.adaptive import Adadelta, Adagrad, RMSprop, Rprop
from tinynet.optim.lbfgs import LBFGS
from tinynet.optim.optimizer import Optimizer
from tinynet.optim.sgd import SGD

__all__ = ["SGD", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "Adagrad", "Adadelta", "Rprop", "LBFGS",
           "Optimizer", "lr_scheduler", "swa_utils"]
