"""Adam, and AdamW, its variant with decoupled weight decay."""

import math

import numpy as np

from tinynet.optim.rules import RuleOptimizer, decay_directly, update_moments
from tinynet.tensor import Tensor


class Adam(RuleOptimizer):
    """Adaptive moments (Kingma and Ba 2015, https://arxiv.org/abs/1412.6980). At step t:

        g = grad + weight_decay * w                   (decoupled: w = (1 - lr * weight_decay) * w instead)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        w = w - lr * m / (1 - beta1**t) / (sqrt(v / (1 - beta2**t)) + eps)

    `amsgrad` takes the largest v so far for v (Reddi et al. 2018); `maximize` climbs instead. `state[p]`
    holds t, () and the others in the shape of w: "step", "exp_avg", "exp_avg_sq" and "max_exp_avg_sq".
    ValueError unless the betas are from 0 to below 1.
    """

    state_names, decays = ("step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"), False

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False, *,
                 maximize=False, decoupled_weight_decay=False, **unsupported):
        if unsupported.get("foreach") and isinstance(lr, Tensor):
            raise ValueError(f"{self.name}: a tensor as lr does not go with foreach=True")
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  "amsgrad": amsgrad, "maximize": maximize,
                                  "decoupled_weight_decay": decoupled_weight_decay}, unsupported)

    def begin(self, group, p):
        """Both moments, and for `amsgrad` the largest second moment."""
        names = self.state_names[1:] if group["amsgrad"] else self.state_names[1:3]
        return {name: np.zeros_like(p.array) for name in names}

    def update(self, group):
        """One step of the group's parameters."""
        for p in group["params"] if group["amsgrad"] else ():
            if self.state.get(p):      # begun without amsgrad
                self.state[p].setdefault("max_exp_avg_sq", Tensor(np.zeros_like(p.array)))
        super().update(group)

    def rule(self, group, w, g, step, exp_avg, exp_avg_sq, max_exp_avg_sq=None):
        beta1, beta2 = map(float, group["betas"])
        t, v = int(step), exp_avg_sq
        g = decay_directly(group, w, g)
        update_moments(g, beta1, beta2, exp_avg, exp_avg_sq)
        if group["amsgrad"]:
            v = np.maximum(max_exp_avg_sq, v, out=max_exp_avg_sq)
        denominator = np.sqrt(v)
        denominator *= 1 / math.sqrt(1 - beta2**t)
        denominator += float(group["eps"])
        w -= float(group["lr"]) / (1 - beta1**t) * exp_avg / denominator


class AdamW(Adam):
    """Adam whose weight decay shrinks the weights directly (Loshchilov and Hutter 2019,
    https://arxiv.org/abs/1711.05101), so that large gradients do not weaken it. Options, state and shapes
    are Adam's."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, amsgrad=False, *,
                 maximize=False, **unsupported):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize,
                         decoupled_weight_decay=True, **unsupported)

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for group in self.param_groups:            # also from Adam's state, as in PyTorch
            group["decoupled_weight_decay"] = True
