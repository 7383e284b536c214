"""Adam, and AdamW, its variant with decoupled weight decay."""

import numpy as np

from tinynet.kernels.elementwise import adam_update
from tinynet.optim.optimizer import Optimizer
from tinynet.optim.options import check_number, refuse
from tinynet.tensor import Tensor


class Adam(Optimizer):
    """Adaptive moments (Kingma and Ba 2015, https://arxiv.org/abs/1412.6980). At step t:

        g = grad + weight_decay * w                   (decoupled: w = (1 - lr * weight_decay) * w instead)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        w = w - lr * m / (1 - beta1**t) / (sqrt(v / (1 - beta2**t)) + eps)

    `maximize` climbs instead. `state[p]` holds t, m and v as "step", "exp_avg" and "exp_avg_sq".
    """

    state_names = ("step", "exp_avg", "exp_avg_sq")

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False, *,
                 maximize=False, decoupled_weight_decay=False, **unsupported):
        refuse(self.name, unsupported)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  "amsgrad": amsgrad, "maximize": maximize,
                                  "decoupled_weight_decay": decoupled_weight_decay})

    def check(self, group):
        for option in ("lr", "eps", "weight_decay"):
            check_number(self.name, option, group[option], low=0)
        if group["amsgrad"]:
            raise ValueError(f"{self.name}: amsgrad=True is not supported")
        betas = group["betas"]
        if not isinstance(betas, (tuple, list)) or len(betas) != 2:
            raise TypeError(f"{self.name}: expected betas to be a pair of numbers, got {betas!r}")
        for i, beta in enumerate(betas):
            check_number(self.name, f"betas[{i}]", beta, low=0, high=1)

    def update(self, group):
        lr, eps, weight_decay = (float(group[option]) for option in ("lr", "eps", "weight_decay"))
        beta1, beta2 = map(float, group["betas"])
        decoupled = bool(group["decoupled_weight_decay"])
        for p, g in self.with_gradients(group):
            state = self.state.get(p) or self.state.setdefault(p, self._first_state(p))
            state["step"].data += 1
            adam_update(p.data, g, state["exp_avg"].data, state["exp_avg_sq"].data, state["step"].item(),
                        lr, beta1, beta2, eps, weight_decay, decoupled)
            p.bump()

    @staticmethod
    def _first_state(p):
        return {"step": Tensor(np.zeros((), np.float32)), "exp_avg": Tensor(np.zeros_like(p.data)),
                "exp_avg_sq": Tensor(np.zeros_like(p.data))}


class AdamW(Adam):
    """Adam whose weight decay shrinks the weights directly (Loshchilov and Hutter 2019,
    https://arxiv.org/abs/1711.05101), so that large gradients do not weaken it."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, amsgrad=False, *,
                 maximize=False, **unsupported):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize,
                         decoupled_weight_decay=True, **unsupported)

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for group in self.param_groups:            # also from Adam's state, as in PyTorch
            group["decoupled_weight_decay"] = True
