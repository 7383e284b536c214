"""Adam, and AdamW, its variant with decoupled weight decay."""

import math

import numpy as np

from tinynet.optim.optimizer import Optimizer
from tinynet.optim.options import check_betas, check_number, refuse
from tinynet.tensor import Tensor


class Adam(Optimizer):
    """Adaptive moments (Kingma and Ba 2015, https://arxiv.org/abs/1412.6980). At step t:

        g = grad + weight_decay * w                   (decoupled: w = (1 - lr * weight_decay) * w instead)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        w = w - lr * m / (1 - beta1**t) / (sqrt(v / (1 - beta2**t)) + eps)

    `amsgrad` takes the largest v so far for v (Reddi et al. 2018); `maximize` climbs instead. `state[p]`
    holds t, () and the others in the shape of w: "step", "exp_avg", "exp_avg_sq" and "max_exp_avg_sq".
    ValueError unless the betas are from 0 to below 1.
    """

    state_names = ("step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq")

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False, *,
                 maximize=False, decoupled_weight_decay=False, **unsupported):
        refuse(self.name, unsupported)
        if unsupported.get("foreach") and isinstance(lr, Tensor):
            raise ValueError(f"{self.name}: a tensor as lr does not go with foreach=True")
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  "amsgrad": amsgrad, "maximize": maximize,
                                  "decoupled_weight_decay": decoupled_weight_decay})

    def check(self, group):
        """Raise for options that make no sense."""
        for option in ("lr", "eps", "weight_decay"):
            check_number(self.name, option, group[option], low=0)
        check_betas(self.name, group["betas"])

    def update(self, group):
        """One step of the group's parameters."""
        for p, g in self.with_gradients(group):
            state = self.state.get(p) or self.state.setdefault(p, self._first_state(p))
            if group["amsgrad"] and "max_exp_avg_sq" not in state:
                state["max_exp_avg_sq"] = Tensor(np.zeros_like(p.array))
            self._update_one(group, p.array, g, **{name: tensor.array for name, tensor in state.items()})
            p.bump()

    @staticmethod
    def _first_state(p):
        return {"step": Tensor(np.zeros((), np.float32)), "exp_avg": Tensor(np.zeros_like(p.array)),
                "exp_avg_sq": Tensor(np.zeros_like(p.array))}

    @staticmethod
    def _update_one(group, w, g, step, exp_avg, exp_avg_sq, max_exp_avg_sq=None):
        lr, eps, weight_decay = float(group["lr"]), float(group["eps"]), float(group["weight_decay"])
        beta1, beta2 = map(float, group["betas"])
        step += 1
        t = int(step)
        if group["decoupled_weight_decay"]:
            w *= 1 - lr * weight_decay
        elif weight_decay:
            g = g + weight_decay * w
        exp_avg += (1 - beta1) * (g - exp_avg)
        exp_avg_sq *= beta2
        exp_avg_sq += (1 - beta2) * g * g
        v = exp_avg_sq
        if group["amsgrad"]:
            v = np.maximum(max_exp_avg_sq, v, out=max_exp_avg_sq)
        denominator = np.sqrt(v)
        denominator *= 1 / math.sqrt(1 - beta2**t)
        denominator += eps
        w -= lr / (1 - beta1**t) * exp_avg / denominator


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
