"""Stochastic gradient descent."""

import numpy as np

from tinynet.kernels.elementwise import sgd_update
from tinynet.optim.optimizer import Optimizer
from tinynet.optim.options import check_number, refuse
from tinynet.tensor import Tensor


class SGD(Optimizer):
    """Gradient descent with momentum (Polyak 1964; Sutskever et al. 2013), as PyTorch defines it:

        g = grad + weight_decay * w
        v = momentum * v + (1 - dampening) * g        (the first step: v = g)
        w = w - lr * v                                (nesterov: w - lr * (g + momentum * v))

    `maximize` climbs instead. The velocity v, in the shape of w, is `state[p]["momentum_buffer"]`.
    ValueError for `nesterov` without momentum or with dampening.
    """

    state_names = ("momentum_buffer",)

    def __init__(self, params, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False, *,
                 maximize=False, **unsupported):
        refuse(self.name, unsupported)
        super().__init__(params, {"lr": lr, "momentum": momentum, "dampening": dampening,
                                  "weight_decay": weight_decay, "nesterov": nesterov, "maximize": maximize})

    def check(self, group):
        """Raise for options that make no sense."""
        for option in ("lr", "momentum", "weight_decay"):
            check_number(self.name, option, group[option], low=0)
        check_number(self.name, "dampening", group["dampening"])
        if group["nesterov"] and (group["momentum"] == 0 or group["dampening"] != 0):
            raise ValueError(f"{self.name}: nesterov expects momentum > 0 and dampening 0, got momentum "
                             f"{group['momentum']} and dampening {group['dampening']}")

    def update(self, group):
        """One step of the group's parameters."""
        lr, momentum, dampening, weight_decay = (
            float(group[option]) for option in ("lr", "momentum", "dampening", "weight_decay"))
        nesterov = bool(group["nesterov"])
        for p, g in self.with_gradients(group):
            if momentum == 0:
                sgd_update(p.array, g, None, lr, momentum, dampening, weight_decay, nesterov)
            elif p in self.state:
                v = self.state[p]["momentum_buffer"].array
                sgd_update(p.array, g, v, lr, momentum, dampening, weight_decay, nesterov)
            else:                      # from v = 0 and without dampening, the step gives v = g
                v = np.zeros_like(p.array)
                sgd_update(p.array, g, v, lr, momentum, 0.0, weight_decay, nesterov)
                self.state[p] = {"momentum_buffer": Tensor(v)}
            p.bump()
