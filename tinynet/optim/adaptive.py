"""Optimizers that scale each element's step by the size of its past gradients: RMSprop, Adagrad, Adadelta, Rprop."""

import numpy as np

from tinynet.optim.options import check_number
from tinynet.optim.rules import RuleOptimizer


class RMSprop(RuleOptimizer):
    """Gradients divided by the root of their mean square (Tieleman & Hinton 2012, lecture 6.5):

        v = alpha * v + (1 - alpha) * g**2             (centered: minus the square of the mean gradient)
        b = momentum * b + g / (sqrt(v) + eps)
        w = w - lr * b

    Shapes are those of w. `alpha` is the share of the past that is kept. Options beyond are those of `SGD`; ValueError
    for negative ones.
    """

    state_names = ("step", "square_avg", "momentum_buffer", "grad_avg")

    def __init__(self, params, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, centered=False,
                 capturable=False, foreach=None, maximize=False, differentiable=False):
        super().__init__(params, {"lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
                                  "weight_decay": weight_decay, "maximize": maximize},
                         {"capturable": capturable, "foreach": foreach, "differentiable": differentiable})

    def begin(self, group, p):
        """The mean square, and what momentum and centering need."""
        state = super().begin(group, p)
        kept = ["square_avg"] + ["momentum_buffer"] * (group["momentum"] > 0) + ["grad_avg"] * bool(group["centered"])
        return {name: state[name] for name in kept}

    def rule(self, group, w, g, step, square_avg, momentum_buffer=None, grad_avg=None):
        lr, alpha, momentum = (float(group[option]) for option in ("lr", "alpha", "momentum"))
        square_avg *= alpha
        square_avg += (1 - alpha) * g * g
        v = square_avg
        if grad_avg is not None:
            grad_avg += (1 - alpha) * (g - grad_avg)
            v = square_avg - grad_avg * grad_avg
        scaled = g / (np.sqrt(v) + float(group["eps"]))
        if momentum_buffer is not None:
            momentum_buffer *= momentum
            momentum_buffer += scaled
            scaled = momentum_buffer
        w -= lr * scaled


class Adagrad(RuleOptimizer):
    """Gradients divided by the root of the sum of their squares (Duchi, Hazan & Singer 2011). At step t:

        v = v + g**2                                   (v begins as initial_accumulator_value)
        w = w - lr / (1 + (t - 1) * lr_decay) * g / (sqrt(v) + eps)

    Shapes are those of w. `lr_decay` is the share of the rate that each step takes away. ValueError for negative
    options.
    """

    state_names = ("step", "sum")

    def __init__(self, params, lr=1e-2, lr_decay=0, weight_decay=0, initial_accumulator_value=0, eps=1e-10,
                 foreach=None, *, maximize=False, differentiable=False, fused=None):
        super().__init__(params, {"lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
                                  "initial_accumulator_value": initial_accumulator_value, "maximize": maximize},
                         {"foreach": foreach, "differentiable": differentiable, "fused": fused})

    def begin(self, group, p):
        """The sum of squares so far."""
        return {"sum": np.full_like(p.array, group["initial_accumulator_value"])}

    def rule(self, group, w, g, step, sum):
        sum += g * g
        rate = float(group["lr"]) / (1 + (int(step) - 1) * float(group["lr_decay"]))
        w -= rate * g / (np.sqrt(sum) + float(group["eps"]))


class Adadelta(RuleOptimizer):
    """Steps as large as the past ones, whatever the unit of the gradient (Zeiler 2012):

        v = rho * v + (1 - rho) * g**2
        d = g * sqrt(u + eps) / sqrt(v + eps)
        u = rho * u + (1 - rho) * d**2
        w = w - lr * d

    Shapes are those of w. `rho`, from 0 to 1, is the share of the past that is kept. ValueError for negative options.
    """

    state_names = ("step", "square_avg", "acc_delta")

    def __init__(self, params, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0, foreach=None, *, capturable=False,
                 maximize=False, differentiable=False):
        super().__init__(params, {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay,
                                  "maximize": maximize},
                         {"foreach": foreach, "capturable": capturable, "differentiable": differentiable})

    def check(self, group):
        """Raise for options that make no sense."""
        super().check(group)
        if group["rho"] > 1:
            raise ValueError(f"{self.name}: expected rho in [0, 1], got {group['rho']}")

    def rule(self, group, w, g, step, square_avg, acc_delta):
        rho, eps = float(group["rho"]), float(group["eps"])
        square_avg *= rho
        square_avg += (1 - rho) * g * g
        delta = g * (np.sqrt(acc_delta + eps) / np.sqrt(square_avg + eps))
        acc_delta *= rho
        acc_delta += (1 - rho) * delta * delta
        w -= float(group["lr"]) * delta


class Rprop(RuleOptimizer):
    """Each element goes a step of its own, by the sign of its gradient alone (Riedmiller & Braun 1993).

    The step begins as lr, grows by etas[1] while the sign stays and shrinks by etas[0] where it turns (and the
    element stays then), within `step_sizes`, in the unit of w. Shapes are those of w. ValueError unless
    etas[0] < 1 < etas[1].
    """

    state_names, decays = ("step", "prev", "step_size"), False

    def __init__(self, params, lr=1e-2, etas=(0.5, 1.2), step_sizes=(1e-6, 50), *, capturable=False, foreach=None,
                 maximize=False, differentiable=False):
        super().__init__(params, {"lr": lr, "etas": etas, "step_sizes": step_sizes, "maximize": maximize},
                         {"capturable": capturable, "foreach": foreach, "differentiable": differentiable})

    def check(self, group):
        """Raise for factors that make no sense."""
        super().check(group)
        check_number(self.name, "etas[0]", group["etas"][0], low=0, high=1)
        check_number(self.name, "etas[1]", group["etas"][1], low=1)

    def begin(self, group, p):
        """No gradient before, and steps of lr."""
        return {"prev": np.zeros_like(p.array), "step_size": np.full_like(p.array, group["lr"])}

    def rule(self, group, w, g, step, prev, step_size):
        turned = np.sign(g * prev)
        shrink, grow = map(float, group["etas"])
        factor = np.where(turned > 0, grow, np.where(turned < 0, shrink, 1))
        np.clip(step_size * factor, *map(float, group["step_sizes"]), out=step_size)
        g = np.where(turned < 0, 0, g).astype(g.dtype)
        w -= np.sign(g) * step_size
        prev[...] = g
