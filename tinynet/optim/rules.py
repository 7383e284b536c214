"""Base of the optimizers of this folder: a rule for one parameter, with named state in the parameter's shape.

A subclass lists `state_names` (PyTorch's) and defines `rule(group, w, g, **state)`, which changes the array w and the
arrays of the state in place. `state["step"]` counts the steps, 1 at the first. Weight decay is added to the gradient
before, unless the subclass says `decays = False`.
"""

import numpy as np

from tinynet.optim.optimizer import Optimizer
from tinynet.optim.options import check_betas, check_number, refuse
from tinynet.tensor import Tensor


class RuleOptimizer(Optimizer):
    """An optimizer whose step is the same formula for every parameter."""

    decays = True

    def __init__(self, params, defaults, unsupported):
        refuse(self.name, unsupported)
        super().__init__(params, defaults)

    def check(self, group):
        """Raise for options that make no sense: negative numbers, betas outside 0 to 1."""
        for option, value in group.items():
            if option == "betas":
                check_betas(self.name, value)
            elif option in self.defaults and not isinstance(value, (bool, tuple, list)):
                check_number(self.name, option, value, low=0)

    def begin(self, group, p):
        """The state of a parameter before its first step: zeros."""
        return {name: np.zeros_like(p.array) for name in self.state_names if name != "step"}

    def rule(self, group, w, g, **state):
        """One step of one parameter."""
        raise NotImplementedError(f"{self.name}.rule")

    def update(self, group):
        """One step of the group's parameters."""
        for p, g in self.with_gradients(group):
            if not self.state.get(p):
                state = {"step": np.zeros((), np.float32), **self.begin(group, p)}
                self.state[p] = {name: Tensor(array) for name, array in state.items()}
            state = {name: tensor.array for name, tensor in self.state[p].items()}
            state["step"] += 1
            if self.decays and group["weight_decay"]:
                g = g + float(group["weight_decay"]) * p.array
            self.rule(group, p.array, g, **state)
            p.bump()


def decay_directly(group, w, g):
    """The gradient with weight decay added; if the group decouples it, w shrunk and the gradient unchanged."""
    if group["decoupled_weight_decay"]:
        w *= 1 - float(group["lr"]) * float(group["weight_decay"])
        return g
    return g + float(group["weight_decay"]) * w if group["weight_decay"] else g


def update_moments(g, beta1, beta2, exp_avg, exp_avg_sq):
    """Move the running means of the gradients and of their squares towards g and g², in place."""
    exp_avg += (1 - beta1) * (g - exp_avg)
    exp_avg_sq *= beta2
    exp_avg_sq += (1 - beta2) * g * g
