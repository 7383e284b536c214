"""Variants of Adam: Adamax, NAdam, RAdam."""

import math

import numpy as np

from tinynet.optim.rules import RuleOptimizer, decay_directly, update_moments


class Adamax(RuleOptimizer):
    """Adam with the largest gradient in the place of the root of the mean square (Kingma & Ba 2015, section 7.1):

        m = beta1 * m + (1 - beta1) * g
        u = max(beta2 * u, abs(g) + eps)
        w = w - lr / (1 - beta1**t) * m / u

    Shapes are those of w. ValueError for negative options, and unless the betas are from 0 to below 1.
    """

    state_names = ("step", "exp_avg", "exp_inf")

    def __init__(self, params, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, foreach=None, *,
                 maximize=False, differentiable=False, capturable=False):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  "maximize": maximize},
                         {"foreach": foreach, "differentiable": differentiable, "capturable": capturable})

    def rule(self, group, w, g, step, exp_avg, exp_inf):
        beta1, beta2 = map(float, group["betas"])
        exp_avg += (1 - beta1) * (g - exp_avg)
        np.maximum(beta2 * exp_inf, np.abs(g) + float(group["eps"]), out=exp_inf)
        w -= float(group["lr"]) / (1 - beta1**int(step)) * exp_avg / exp_inf


class NAdam(RuleOptimizer):
    """Adam with Nesterov's momentum (Dozat 2016). At step t, with m and v as in `Adam`:

        mu_t = beta1 * (1 - 0.96**(t * momentum_decay) / 2)
        m' = mu_(t+1) * m / (1 - product of mu_1 to mu_(t+1)) + (1 - mu_t) * g / (1 - product of mu_1 to mu_t)
        w = w - lr * m' / (sqrt(v / (1 - beta2**t)) + eps)

    Shapes are those of w. `momentum_decay` makes mu rise more or less quickly. ValueError for negative options, and
    unless the betas are from 0 to below 1.
    """

    state_names, decays = ("step", "mu_product", "exp_avg", "exp_avg_sq"), False

    def __init__(self, params, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, momentum_decay=4e-3,
                 decoupled_weight_decay=False, *, foreach=None, maximize=False, capturable=False,
                 differentiable=False):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  "momentum_decay": momentum_decay, "maximize": maximize,
                                  "decoupled_weight_decay": decoupled_weight_decay},
                         {"foreach": foreach, "capturable": capturable, "differentiable": differentiable})

    def begin(self, group, p):
        """Both moments, and the product of all mu so far."""
        return {**super().begin(group, p), "mu_product": np.ones((), np.float32)}

    def rule(self, group, w, g, step, mu_product, exp_avg, exp_avg_sq):
        beta1, beta2 = map(float, group["betas"])
        lr, t, decay = float(group["lr"]), int(step), float(group["momentum_decay"])
        g = decay_directly(group, w, g)
        mu, mu_next = (beta1 * (1 - 0.5 * 0.96 ** (s * decay)) for s in (t, t + 1))
        mu_product *= mu
        update_moments(g, beta1, beta2, exp_avg, exp_avg_sq)
        denominator = np.sqrt(exp_avg_sq / (1 - beta2**t)) + float(group["eps"])
        product = float(mu_product)
        w -= lr * (1 - mu) / (1 - product) * g / denominator
        w -= lr * mu_next / (1 - product * mu_next) * exp_avg / denominator


class RAdam(RuleOptimizer):
    """Adam whose first steps, when the variance is not known yet, are those of momentum (Liu et al. 2020).

    With r = 2 / (1 - beta2) - 1 and r_t = r - 2 t beta2**t / (1 - beta2**t), steps with r_t > 5 are Adam's times
    sqrt((r_t - 4) (r_t - 2) r / ((r - 4) (r - 2) r_t)), the others are lr * m / (1 - beta1**t).

    Shapes are those of w. ValueError for negative options, and unless the betas are from 0 to below 1.
    """

    state_names, decays = ("step", "exp_avg", "exp_avg_sq"), False

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, decoupled_weight_decay=False,
                 *, foreach=None, maximize=False, capturable=False, differentiable=False):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  "maximize": maximize, "decoupled_weight_decay": decoupled_weight_decay},
                         {"foreach": foreach, "capturable": capturable, "differentiable": differentiable})

    def rule(self, group, w, g, step, exp_avg, exp_avg_sq):
        beta1, beta2 = map(float, group["betas"])
        lr, t = float(group["lr"]), int(step)
        g = decay_directly(group, w, g)
        update_moments(g, beta1, beta2, exp_avg, exp_avg_sq)
        move = exp_avg / (1 - beta1**t)
        longest = 2 / (1 - beta2) - 1
        length = longest - 2 * t * beta2**t / (1 - beta2**t)
        if length > 5:
            rectified = math.sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length))
            move *= rectified * math.sqrt(1 - beta2**t) / (np.sqrt(exp_avg_sq) + float(group["eps"]))
        w -= lr * move
