"""The state of a module, for saving: its parameters and persistent buffers, by path.

The functions are methods of `Module`. Each module saves and loads its own tensors in `_save_to_state_dict` and
`_load_from_state_dict`, which a subclass may override, as in PyTorch.
"""

from collections import OrderedDict, namedtuple

import numpy as np

from tinynet.nn.parameter import Parameter
from tinynet.tensor import Tensor, as_array
from tinynet.weights import unwrap

IncompatibleKeys = namedtuple("IncompatibleKeys", "missing_keys unexpected_keys")


def state_dict(self, *, destination=None, prefix="", keep_vars=False):
    """All parameters and persistent buffers by path, outside the graph, sharing their memory."""
    state = OrderedDict() if destination is None else destination
    self._save_to_state_dict(state, prefix, keep_vars)
    for name, child in self._modules.items():
        if child is not None:
            child.state_dict(destination=state, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
    return state


def save_to_state_dict(self, destination, prefix, keep_vars):
    for name, tensor in _own_state(self).items():
        destination[prefix + name] = tensor if keep_vars else tensor.detach()


def load_state_dict(self, state_dict, strict=True, assign=False):
    """Copy values into parameters and buffers, which keep their memory order and dtype.

    Everything is compared first: one ValueError lists every missing and unexpected key (`strict=False`
    returns them instead) and every wrong shape, and nothing has been changed then. With `assign` the module
    takes over the given tensors themselves, with their dtype.
    """
    if not hasattr(state_dict, "keys"):
        raise TypeError(f"load_state_dict: expected a dict of tensors, got {type(state_dict).__name__}")
    versions = getattr(state_dict, "_metadata", {})            # PyTorch's: path -> {"version": number}
    state, missing, unexpected, misshaped, loads = OrderedDict(state_dict), [], [], [], []
    known = set()
    for path, module in self.named_modules(remove_duplicate=False):
        prefix = f"{path}." if path else ""
        metadata = {**versions.get(path, {}), "loads": loads}
        module._load_from_state_dict(state, prefix, metadata, strict, missing, unexpected, misshaped)
        known |= {prefix + name for name in _own_state(module)}
    unexpected += [key for key in state if key not in known]
    problems = {"missing": missing, "unexpected": unexpected} if strict else {}
    problems["wrong shape"] = misshaped
    problems = [f"{what}: {', '.join(keys)}" for what, keys in problems.items() if keys]
    if problems:
        hint = _hint(known, dict(state_dict))
        raise ValueError(f"{type(self).__name__}.load_state_dict: {'; '.join(problems)}{hint}")
    for module, name, value in loads:
        (_assign if assign else _copy)(module, name, value)
    return IncompatibleKeys(missing, unexpected)


def _hint(known, state):
    """If keys would fit without a prefix, or one level deeper: what says so, and what helps."""
    troubles = []
    inner = unwrap(state, troubles.append)
    if not troubles or not known & inner.keys():
        return ""
    return f" ({', and '.join(troubles)}: give load_state_dict what tinynet.weights.unwrap makes of it)"


def load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys,
                         error_msgs):
    """Compare this module's own tensors with the state, and note which values are to be loaded.

    The parameters are PyTorch's. `local_metadata["loads"]` collects (module, name, value).
    """
    for name, tensor in _own_state(self).items():
        if prefix + name not in state_dict:
            missing_keys.append(prefix + name)
            continue
        value = state_dict[prefix + name]
        if np.shape(as_array(value)) != tensor.shape:
            error_msgs.append(f"{prefix + name} (expected {tensor.shape}, got {np.shape(as_array(value))})")
        local_metadata["loads"].append((self, name, value))


def _own_state(module):
    persistent = {name: buffer for name, buffer in module._buffers.items()
                  if name not in module._non_persistent_buffers_set}
    return {name: tensor for name, tensor in {**module._parameters, **persistent}.items() if tensor is not None}


def _copy(module, name, value):
    tensor = getattr(module, name)
    tensor.array[...] = as_array(value)
    tensor.bump()


def _assign(module, name, value):
    before, value = getattr(module, name), value if isinstance(value, Tensor) else Tensor(np.array(value))
    if isinstance(before, Parameter) and not isinstance(value, Parameter):
        value = Parameter(value, before.requires_grad)
    setattr(module, name, value)
