"""L-BFGS: steps along the gradient times an estimate of the inverse Hessian, made of the last steps."""

import numpy as np

from tinynet.gradients.modes import enable_grad
from tinynet.optim.optimizer import Optimizer
from tinynet.optim.options import check_count, check_number


class LBFGS(Optimizer):
    """Limited-memory BFGS (Liu & Nocedal 1989), for small problems with an exact gradient: `step(closure)`.

    The closure clears the gradients, computes the loss, calls `backward` and returns the loss; a step calls it up to
    max_iter (default max_eval: 1.25 max_iter) times. It stops early where no gradient is above `tolerance_grad`, or
    the loss and the parameters change by less than `tolerance_change`. The last `history_size` steps estimate the
    curvature. All parameters, of any shape, are one group; ValueError for several groups and for `line_search_fn`,
    which tinynet does not have.
    """

    def __init__(self, params, lr=1, max_iter=20, max_eval=None, tolerance_grad=1e-7, tolerance_change=1e-9,
                 history_size=100, line_search_fn=None):
        if line_search_fn is not None:
            raise ValueError(f"LBFGS: line_search_fn is not supported, got {line_search_fn!r}")
        max_eval = max_iter * 5 // 4 if max_eval is None else max_eval
        super().__init__(params, {"lr": lr, "max_iter": max_iter, "max_eval": max_eval,
                                  "tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change,
                                  "history_size": history_size, "line_search_fn": line_search_fn})
        if len(self.param_groups) != 1:
            raise ValueError(f"LBFGS: expected one parameter group, got {len(self.param_groups)}")

    def check(self, group):
        """Raise for options that make no sense."""
        check_number(self.name, "lr", group["lr"], low=0)
        for option in ("max_iter", "max_eval", "history_size"):
            check_count(self.name, option, group[option])

    def step(self, closure):
        """Take up to max_iter steps; returns the loss before the first."""
        group, = self.param_groups
        state = self.state[group["params"][0]]
        state.setdefault("n_iter", 0)
        first = self._evaluated(closure)
        loss, g, evaluations = float(first), self._gradient(), 1
        for iteration in range(1, group["max_iter"] + 1):
            if not g.size or np.abs(g).max() <= group["tolerance_grad"]:
                break
            state["n_iter"] += 1
            direction = self._direction(state, g, group["history_size"])
            rate = float(group["lr"]) * (min(1.0, 1 / np.abs(g).sum()) if state["n_iter"] == 1 else 1)
            state["d"], state["t"], state["prev_flat_grad"], before = direction, rate, g.copy(), loss
            if g @ direction > -group["tolerance_change"]:
                break
            self._move(rate * direction)
            if iteration == group["max_iter"] or evaluations >= group["max_eval"]:
                break
            loss, g, evaluations = float(self._evaluated(closure)), self._gradient(), evaluations + 1
            moved = np.abs(rate * direction).max()
            if min(moved, abs(loss - before)) < group["tolerance_change"] or evaluations >= group["max_eval"]:
                break
        return first

    @staticmethod
    def _evaluated(closure):
        with enable_grad():
            return closure()

    def _gradient(self):
        """The gradients of all parameters as one vector, zeros where there is none."""
        parts = [np.zeros(p.numel(), p.dtype) if p.grad is None else p.grad.array.reshape(-1)
                 for p in self.param_groups[0]["params"]]
        return np.concatenate(parts)

    def _move(self, change):
        start = 0
        for p in self.param_groups[0]["params"]:
            end = start + p.numel()
            p.array += change[start:end].reshape(p.shape)
            p.bump()
            start = end

    @staticmethod
    def _direction(state, g, history_size):
        """-H g, H the estimate of the inverse Hessian: the two loops of Nocedal 1980."""
        if state["n_iter"] == 1:
            state["old_dirs"], state["old_stps"], state["H_diag"] = [], [], 1.0
            return -g
        y, s = g - state["prev_flat_grad"], state["d"] * state["t"]
        if y @ s > 1e-10:              # else the curvature is not positive
            state["old_dirs"] = [*state["old_dirs"], y][-history_size:]
            state["old_stps"] = [*state["old_stps"], s][-history_size:]
            state["H_diag"] = (y @ s) / (y @ y)
        q, pairs, shares = -g, list(zip(state["old_dirs"], state["old_stps"])), []
        for y, s in reversed(pairs):
            shares.append((s @ q) / (y @ s))
            q = q - shares[-1] * y
        q = q * state["H_diag"]
        for (y, s), share in zip(pairs, reversed(shares)):
            q = q + s * (share - (y @ q) / (y @ s))
        return q
