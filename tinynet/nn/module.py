"""Module: a piece of a network that owns parameters, buffers and further modules.

There are no tables beside the attributes: what is set on a module and is a Parameter is one of its
parameters, what is a Module is one of its children, in the order in which they were set. Only buffers
(tensors that belong to the state but are not learned, such as running statistics) have to be named, by
`register_buffer`.
"""

from collections import OrderedDict, namedtuple

import numpy as np

from tinynet import dtypes
from tinynet.gradients.hooks import RemovableHandle
from tinynet.tensor import Tensor, as_array

DEVICES = ("cpu", "cuda", "mps", "xpu", "meta")        # what PyTorch calls so; here is only the first
IncompatibleKeys = namedtuple("IncompatibleKeys", "missing_keys unexpected_keys")


class Parameter(Tensor):
    """A tensor that is learned: it requires a gradient, and the module it is set on lists it.

    It shares the memory and the shape of `data`, an array or a tensor of floats.
    """

    __slots__ = ()

    def __init__(self, data, requires_grad=True):
        super().__init__(as_array(data))
        if isinstance(data, Tensor):
            self.version = data.version
        self.requires_grad_(requires_grad)

    @staticmethod
    def kind():
        return "Parameter"

    def __deepcopy__(self, memo):
        memo[id(self)] = copied = type(self)(np.array(self.array, order="K"), self.requires_grad)
        return copied


def parameter_dtype(device, dtype):
    """The dtype that a layer's constructor asks for, float32 by default; there is no device but "cpu"."""
    _check_device("layer", device)
    return dtypes.float32 if dtype is None else dtypes.check(dtype, "layer")


class Module:
    """Base of layers and networks: set parameters and modules as attributes, define `forward`, call it.

    Errors of the layers inside get the layer's path, `layer2.0.conv1: ...`. AttributeError for what is set
    before `super().__init__()`, TypeError for setting anything else where a parameter or a module was.
    """

    def __init__(self):
        self.training = True
        self._buffers = {}             # name -> whether it belongs to the state_dict
        self._forward_pre_hooks = {}
        self._forward_hooks = {}

    # Calling --------------------------------------------------------------------------------------------

    def forward(self, *args, **kwargs):
        """What the module computes: subclasses define it (or NotImplementedError), users call the module."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward()")

    def __call__(self, *args, **kwargs):
        try:
            if self._forward_hooks or self._forward_pre_hooks:
                return self._call_with_hooks(args, kwargs)
            return self.forward(*args, **kwargs)
        except (ValueError, TypeError, IndexError) as error:
            self._locate(error)
            raise

    def _call_with_hooks(self, args, kwargs):
        for hook in tuple(self._forward_pre_hooks.values()):
            changed = hook(self, args)
            if changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
        result = self.forward(*args, **kwargs)
        for hook in tuple(self._forward_hooks.values()):
            changed = hook(self, args, result)
            if changed is not None:
                result = changed
        return result

    def register_forward_pre_hook(self, hook):
        """Call `hook(module, args)` before `forward`; what it returns (not None) replaces the arguments."""
        return RemovableHandle(self._forward_pre_hooks, hook)

    def register_forward_hook(self, hook):
        """Call `hook(module, args, output)` after `forward`; what it returns, if not None, is the output."""
        return RemovableHandle(self._forward_hooks, hook)

    def title(self):
        """How a layer calls itself in errors, `Conv2d(64 -> 128)`; empty where errors are only passed on."""
        return ""

    def _locate(self, error):
        """Put into an error's message which layer failed and where it is, as seen from here.

        Every module on the way out says it anew, so that the outermost one, whose path is the longest, has
        the last word: `layer2.0.shortcut: Conv2d(64 -> 128): expected input ...`.
        """
        if len(error.args) != 1:       # no message of ours
            return
        if not hasattr(error, "failed_module"):
            function, _, rest = str(error).partition(": ")
            named = self.title() and function.isidentifier()
            error.failed_module = self
            error.message = f"{self.title()}: {rest}" if named else str(error)
        path = next((name for name, module in self.named_modules() if module is error.failed_module), "")
        error.args = (f"{path}: {error.message}" if path else error.message,)

    # Attributes -----------------------------------------------------------------------------------------

    def __setattr__(self, name, value):
        before = self.__dict__.get(name)
        if isinstance(value, (Parameter, Module)):
            if "_buffers" not in self.__dict__:
                raise AttributeError(f"{type(self).__name__}: call super().__init__() before setting "
                                     f"{name!r}")
            if not isinstance(before, (Parameter, Module)):
                self.__dict__.pop(name, None)      # it takes its place in the order now
                self._buffers.pop(name, None)
        elif isinstance(before, (Parameter, Module)) and value is not None:
            raise TypeError(f"{type(self).__name__}.{name}: expected a {_kind(before)} or None, "
                            f"got {_kind(value)}")
        elif name in self.__dict__.get("_buffers", ()) and not isinstance(value, (Tensor, type(None))):
            raise TypeError(f"{type(self).__name__}.{name}: expected a Tensor or None, got {_kind(value)}")
        super().__setattr__(name, value)

    def __delattr__(self, name):
        super().__delattr__(name)
        self._buffers.pop(name, None)

    def register_parameter(self, name, parameter):
        """The same as setting the attribute; None stands for a parameter that this module does without.

        ValueError for a name with dots, or one that is taken.
        """
        setattr(self, _checked(self, name), parameter)

    def register_buffer(self, name, tensor, persistent=True):
        """Set a tensor (or None) that is not learned, but part of the module (`persistent`: of its state).

        ValueError for a name with dots, or one that is taken.
        """
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"register_buffer: expected a Tensor or None for {name!r}, got {_kind(tensor)}")
        setattr(self, _checked(self, name), tensor)
        self._buffers[name] = persistent

    def add_module(self, name, module):
        """The same as setting the attribute, for names made up at run time; ValueError for dots in them."""
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"add_module: expected a Module or None for {name!r}, got {_kind(module)}")
        setattr(self, _checked(self, name), module)

    register_module = add_module

    # What is inside -------------------------------------------------------------------------------------

    @property
    def _modules(self):
        return {name: value for name, value in self.__dict__.items() if isinstance(value, Module)}

    @property
    def _parameters(self):
        return {name: value for name, value in self.__dict__.items() if isinstance(value, Parameter)}

    def _own_buffers(self):
        return {name: self.__dict__[name] for name in self._buffers if self.__dict__[name] is not None}

    def _own_state(self):
        persistent = {name: t for name, t in self._own_buffers().items() if self._buffers[name]}
        return {**self._parameters, **persistent}

    def named_modules(self, memo=None, prefix="", remove_duplicate=True):
        """This module and all below it with their paths, depth first; shared ones under their first path."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, child in self._modules.items():
            yield from child.named_modules(memo, _join(prefix, name), remove_duplicate)

    def modules(self):
        """This module and all below it, each once."""
        return (module for _, module in self.named_modules())

    def named_children(self):
        """The modules directly below, each once."""
        seen = set()
        for name, child in self._modules.items():
            if child not in seen:
                seen.add(child)
                yield name, child

    def children(self):
        """The modules directly below, each once."""
        return (child for _, child in self.named_children())

    def named_parameters(self, prefix="", recurse=True, remove_duplicate=True):
        """All parameters with their paths, `layer1.0.conv1.weight`; a shared one once."""
        return self._named_tensors(lambda module: module._parameters, prefix, recurse, remove_duplicate)

    def parameters(self, recurse=True):
        """All parameters, each once; without `recurse` only the module's own."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(self, prefix="", recurse=True, remove_duplicate=True):
        """All buffers with their paths, `bn1.running_mean`; a shared one once."""
        return self._named_tensors(Module._own_buffers, prefix, recurse, remove_duplicate)

    def buffers(self, recurse=True):
        """All buffers, each once; without `recurse` only the module's own."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def _named_tensors(self, tensors_of, prefix, recurse, remove_duplicate):
        seen = set()
        modules = self.named_modules(None, prefix, remove_duplicate) if recurse else [(prefix, self)]
        for path, module in modules:
            for name, tensor in tensors_of(module).items():
                if tensor not in seen:
                    if remove_duplicate:
                        seen.add(tensor)
                    yield _join(path, name), tensor

    def get_submodule(self, target):
        """The module at a path such as `layer1.0`, itself for ""; AttributeError if there is none."""
        module = self
        for name in target.split(".") if target else ():
            child = getattr(module, name, None)
            if not isinstance(child, Module):
                known = ", ".join(module._modules) or "none"
                raise AttributeError(f"get_submodule: {target!r}: {type(module).__name__} has no module "
                                     f"{name!r}, only {known}")
            module = child
        return module

    def get_parameter(self, target):
        """The parameter at a path such as `layer1.0.conv1.weight`; AttributeError if there is none."""
        return self._get_tensor(target, "parameter", lambda module: module._parameters)

    def get_buffer(self, target):
        """The buffer at a path such as `bn1.running_mean`; AttributeError if there is none."""
        return self._get_tensor(target, "buffer", Module._own_buffers)

    def _get_tensor(self, target, kind, tensors_of):
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        tensors = tensors_of(module)
        if name not in tensors:
            known = ", ".join(tensors) or "none"
            raise AttributeError(f"{target!r}: {type(module).__name__} has no {kind} {name!r}, only {known}")
        return tensors[name]

    # Changing all of it ---------------------------------------------------------------------------------

    def train(self, mode=True):
        """Set this module and all below it to training (or not): it changes Dropout and BatchNorm."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self):
        """Set this module and all below it to evaluation, as `train(False)`."""
        return self.train(False)

    def apply(self, function):
        """Call `function(module)` for every module below, and at last for this one."""
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    def zero_grad(self, set_to_none=True):
        """Forget the gradients of all parameters, or set them to zero in place."""
        for parameter in self.parameters():
            if set_to_none or parameter.grad is None:
                parameter.grad = None
            else:
                parameter.grad.array[...] = 0

    def requires_grad_(self, requires_grad=True):
        """Ask for (or stop) the gradients of all parameters, in place."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def to(self, *args, device=None, dtype=None):
        """Convert floating-point parameters and buffers, in place: `to(tinynet.float64)`, `to("cpu")`."""
        for given in args:
            if isinstance(given, str) and given.partition(":")[0] in DEVICES:
                device = given
            else:
                dtype = given
        _check_device("Module.to", device)
        if dtype is not None:
            dtype = dtypes.check(dtype, "Module.to")
            if not dtypes.is_floating(dtype):
                raise TypeError(f"Module.to: expected a floating-point dtype, got {dtype}")
            for tensor in (*self.parameters(), *self.buffers()):
                _convert(tensor, dtype)
        return self

    def float(self):
        """Convert to float32, in place."""
        return self.to(dtypes.float32)

    def double(self):
        """Convert to float64, in place."""
        return self.to(dtypes.float64)

    def cpu(self):
        """The module itself: there is no other device."""
        return self

    # State ----------------------------------------------------------------------------------------------

    def state_dict(self, destination=None, prefix="", keep_vars=False):
        """All parameters and persistent buffers by path, outside the graph, sharing their memory."""
        state = OrderedDict() if destination is None else destination
        for path, module in self.named_modules(remove_duplicate=False):
            for name, tensor in module._own_state().items():
                state[prefix + _join(path, name)] = tensor if keep_vars else tensor.detach()
        return state

    def load_state_dict(self, state_dict, strict=True):
        """Copy values into parameters and buffers, which keep their memory order and dtype.

        Everything is compared first: one ValueError lists every missing and unexpected key (`strict=False`
        returns them instead) and every wrong shape, and nothing has been changed then.
        """
        own = self.state_dict(keep_vars=True)
        missing = [key for key in own if key not in state_dict]
        unexpected = [key for key in state_dict if key not in own]
        misshaped = [f"{key} (expected {own[key].shape}, got {np.shape(as_array(value))})"
                     for key, value in state_dict.items()
                     if key in own and np.shape(as_array(value)) != own[key].shape]
        problems = {"missing": missing, "unexpected": unexpected} if strict else {}
        problems["wrong shape"] = misshaped
        problems = [f"{what}: {', '.join(keys)}" for what, keys in problems.items() if keys]
        if problems:
            raise ValueError(f"{type(self).__name__}.load_state_dict: " + "; ".join(problems))
        for key, value in state_dict.items():
            if key in own:
                own[key].array[...] = as_array(value)
                own[key].bump()
        return IncompatibleKeys(missing, unexpected)

    # Looks ----------------------------------------------------------------------------------------------

    def extra_repr(self):
        """What stands between the parentheses of the repr, before the children."""
        return ""

    def __repr__(self):
        lines = self.extra_repr().split("\n") if self.extra_repr() else []
        children = [f"({name}): {child!r}".replace("\n", "\n  ") for name, child in self._modules.items()]
        if not children and len(lines) <= 1:
            return f"{type(self).__name__}({''.join(lines)})"
        return "\n  ".join([f"{type(self).__name__}(", *lines, *children]) + "\n)"


def _check_device(where, device):
    if device not in (None, "cpu"):
        raise ValueError(f"{where}: expected the device 'cpu', there is no other, got {str(device)!r}")


def _kind(value):
    return type(value).__name__ if not isinstance(value, Module) else "Module"


def _join(path, name):
    return f"{path}.{name}" if path else name


def _checked(module, name):
    if not isinstance(name, str) or not name or "." in name:
        raise ValueError(f"{type(module).__name__}: expected a name without dots, got {name!r}")
    if hasattr(type(module), name) or not isinstance(module.__dict__.get(name), (Tensor, Module, type(None))):
        raise ValueError(f"{type(module).__name__}: the name {name!r} is taken by another attribute")
    return name


def _convert(tensor, dtype):
    if tensor.is_floating_point() and tensor.dtype != dtype:
        tensor.array, tensor._accumulator = tensor.array.astype(dtype), None     # astype keeps the memory order
        tensor.bump()
        if tensor.grad is not None:
            tensor.grad = Tensor(tensor.grad.array.astype(dtype))
