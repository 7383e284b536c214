"""Base of all optimizers: groups of parameters with options, a state for each parameter, saving both.

`param_groups` is a list of dicts: "params" and a value for every option, so that parts of a model can differ.
`state` maps a parameter to its own dict of tensors (momentum and the like), filled at its first step.
"""

import collections
import copy

import numpy as np

from tinynet.gradients.modes import enable_grad
from tinynet.optim.options import IMPLEMENTATION, SAME_NUMBERS, as_list
from tinynet.tensor import Tensor


class Optimizer:
    """Base class. `params` is an iterable of tensors, or of dicts {"params": tensors, option: value, ...}.

    The tensors may have any shape. As PyTorch's. ValueError for no parameter, one that comes twice or is a
    result, a gradient of another shape, an option out of its range. TypeError for a set: it has no order.

    A subclass gives `defaults` (option -> value) and defines `step`, as in PyTorch. tinynet's own define, instead of
    `step`: `check(group)`, which raises if an option makes no sense, `update(group)`, which takes one step, and the
    names of the tensors that they keep for a parameter.
    """

    state_names = None                 # any

    def __init__(self, params, defaults):
        if isinstance(params, (Tensor, dict)):
            raise TypeError(f"{self.name}: expected a list of tensors or dicts, got {type(params).__name__}")
        self.defaults, self.param_groups = defaults, []
        self.state = collections.defaultdict(dict)
        groups = as_list(self.name, params)
        if not groups:
            raise ValueError(f"{self.name}: expected at least one parameter, got an empty list")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    @property
    def name(self):
        """The class's name, for errors."""
        return type(self).__name__

    def check(self, group):
        """Raise for options that make no sense."""

    def add_param_group(self, param_group):
        """Train more parameters, with options of their own: {"params": tensors, "lr": 0.01}."""
        if not isinstance(param_group, dict) or "params" not in param_group:
            raise TypeError(f"{self.name}: expected a group as a dict with 'params', got {param_group!r}")
        params = param_group["params"]
        group = {**self.defaults, **param_group}
        group["params"] = [params] if isinstance(params, Tensor) else as_list(self.name, params)
        self._check_params(group["params"])
        self.check(group)
        self.param_groups.append(group)

    def _check_params(self, params):
        seen = {p for group in self.param_groups for p in group["params"]}
        for i, p in enumerate(params):
            if not isinstance(p, Tensor):
                raise TypeError(f"{self.name}: expected tensors as parameters, got {type(p).__name__}")
            if not p.is_leaf:
                raise ValueError(f"{self.name}: expected leaf tensors, but parameter {i} of shape {p.shape} "
                                 f"is the result of {p.grad_fn.name}")
            if p in seen:
                raise ValueError(f"{self.name}: expected every parameter once, but parameter {i} of shape "
                                 f"{p.shape} comes twice, in one group or in two")
            seen.add(p)

    def zero_grad(self, set_to_none=True):
        """Forget the gradients, or set them to zero in place."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p.grad = None
                elif p.grad is not None:
                    p.grad.array[...] = 0
                    p.grad.bump()

    def step(self, closure=None):
        """Change every parameter that has a gradient. A `closure` first computes loss and gradients."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group in self.param_groups:
            self.update(group)
        return loss

    def with_gradients(self, group):
        """The group's parameters that have a gradient, each with the array to descend along."""
        for p in group["params"]:
            if p.grad is None:
                continue
            g = p.grad.array
            if g.shape != p.array.shape or g.dtype != p.array.dtype:
                raise ValueError(f"{self.name}: expected a gradient of {p.dtype} {p.shape}, "
                                 f"got {g.dtype} {g.shape}")
            yield p, (-g if group["maximize"] else g)

    # Saving -------------------------------------------------------------------------------------------------

    def state_dict(self):
        """{"state": {index: {name: tensor}}, "param_groups": [options and indices]}, as PyTorch has it.

        Parameters are numbered through all groups. The tensors are the living ones: save or copy them.
        """
        index = {p: i for i, p in enumerate(p for group in self.param_groups for p in group["params"])}
        groups = [{**group, "params": [index[p] for p in group["params"]]} for group in self.param_groups]
        return {"state": {index[p]: dict(state) for p, state in self.state.items()}, "param_groups": groups}

    def load_state_dict(self, state_dict):
        """Take over (as copies) the state and options of an optimizer with groups of the same sizes.

        Reads PyTorch's too, with its tensors turned into arrays. If anything does not fit, nothing changes:
        ValueError.
        """
        saved_groups = state_dict["param_groups"]
        found, expected = ([len(g["params"]) for g in groups] for groups in (saved_groups, self.param_groups))
        if found != expected:
            raise ValueError(f"{self.name}: expected groups of {expected} parameters, got a state of {found}")
        pairs = list(zip(self.param_groups, saved_groups))
        groups = [{**group, **saved, "params": group["params"]} for group, saved in pairs]
        for group in groups:
            self.check(group)
        owners = {int(i): p for group, saved in pairs for i, p in zip(saved["params"], group["params"])}
        state = {i: self._adopt(owners.get(int(i)), i, saved) for i, saved in state_dict["state"].items()}
        self.state.clear()
        self.state.update((owners[int(i)], tensors) for i, tensors in state.items() if tensors)
        for group, loaded in zip(self.param_groups, groups):
            group.update((option, value) for option, value in loaded.items()
                         if option not in SAME_NUMBERS + IMPLEMENTATION)

    def _adopt(self, p, index, saved):
        """Copies of the saved tensors of parameter `index`, in its dtype and memory order ("step" counts)."""
        known = saved if self.state_names is None else self.state_names
        if p is None or not set(saved) <= set(known):
            raise ValueError(f"{self.name}: expected {', '.join(known)} for the parameters of the "
                             f"groups, got {', '.join(saved)} for parameter {index}")
        adopted = {}
        for name, value in saved.items():
            if value is None:          # older versions of PyTorch wrote an absent buffer so
                continue
            if self.state_names is None:
                adopted[name] = copy.deepcopy(value)
                continue
            like = np.zeros((), np.float32) if name in ("step", "mu_product") else p.array
            if np.shape(value) != like.shape:
                raise ValueError(f"{self.name}: expected {name} of parameter {index} to have shape "
                                 f"{like.shape}, got {np.shape(value)}")
            adopted[name] = Tensor(np.empty_like(like))
            adopted[name].array[...] = value
        return adopted
