"""Module: a piece of a network that owns parameters, buffers and further modules.

Attributes of a module are sorted by their kind: a Parameter goes into `_parameters`, a Module into `_modules`.
Both keep the order in which attributes were set. Buffers are tensors that belong to the state but are not learned,
such as running statistics; `register_buffer` puts them into `_buffers`. Everything else is a plain attribute.
"""

from collections import OrderedDict

from tinynet.gradients.hooks import RemovableHandle
from tinynet.nn import conversion, state
from tinynet.nn.hooks import call_with_hooks, has_hooks
from tinynet.nn.parameter import Parameter
from tinynet.nn.tree import html_tree
from tinynet.tensor import Tensor


class Module:
    """Base of layers and networks: set parameters and modules as attributes, define `forward`, call it.

    Errors of the layers inside get the layer's path, `layer2.0.conv1: ...`. AttributeError for a parameter or module
    that is set before `super().__init__()`. TypeError for another kind of value under the name of one of them.
    """

    def __init__(self):
        self.training = True
        self._parameters, self._buffers, self._modules = {}, {}, {}
        self._non_persistent_buffers_set = set()
        self._forward_pre_hooks, self._forward_hooks = OrderedDict(), OrderedDict()
        self._backward_pre_hooks, self._backward_hooks = OrderedDict(), OrderedDict()

    # Calling --------------------------------------------------------------------------------------------

    def forward(self, *args, **kwargs):
        """The computation of the module: subclasses define it (or NotImplementedError), users call the module."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward()")

    def __call__(self, *args, **kwargs):
        try:
            if has_hooks(self):
                return call_with_hooks(self, args, kwargs)
            return self.forward(*args, **kwargs)
        except (ValueError, TypeError, IndexError) as error:
            self._locate(error)
            raise

    def register_forward_pre_hook(self, hook, *, prepend=False, with_kwargs=False):
        """Call `hook(module, args)` before `forward`; what it returns (not None) replaces the arguments.

        `with_kwargs`: call `hook(module, args, kwargs)`, which returns None or a pair (args, kwargs).
        """
        return _registered(self._forward_pre_hooks, (hook, with_kwargs), prepend)

    def register_forward_hook(self, hook, *, prepend=False, with_kwargs=False):
        """Call `hook(module, args, output)` after `forward`; what it returns, if not None, is the output.

        `with_kwargs`: call `hook(module, args, kwargs, output)`.
        """
        return _registered(self._forward_hooks, (hook, with_kwargs), prepend)

    def register_full_backward_hook(self, hook, prepend=False):
        """Call `hook(module, grad_input, grad_output)` when the gradients of the inputs are known.

        Both are tuples of tensors, None where an input has no gradient. A tuple that the hook returns
        replaces `grad_input`. Without an input that requires a gradient, the hook is called as soon as the
        gradients of the outputs are known.
        """
        return _registered(self._backward_hooks, hook, prepend)

    register_backward_hook = register_full_backward_hook       # the old spelling

    def register_full_backward_pre_hook(self, hook, prepend=False):
        """Call `hook(module, grad_output)` when the gradients of the outputs are known; it may replace them."""
        return _registered(self._backward_pre_hooks, hook, prepend)

    def title(self):
        """The name of a layer in errors, `Conv2d(64 -> 128)`; empty for modules that only pass errors on."""
        return ""

    def _locate(self, error):
        """Put into an error's message which layer failed and where it is, as seen from here.

        Each enclosing module rewrites the message; the outermost one knows the full path:
        `layer2.0.shortcut: Conv2d(64 -> 128): expected input ...`.
        """
        if len(error.args) != 1:       # not an error with a message alone, as tinynet raises them
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
        table = "_parameters" if isinstance(value, Parameter) else "_modules" if isinstance(value, Module) else None
        before = self._table_of(name)
        if table is not None:
            if table not in self.__dict__:
                raise AttributeError(f"{type(self).__name__}: call super().__init__() before setting "
                                     f"{name!r}")
            for other in {"_parameters", "_modules", "_buffers"} - {table}:
                self.__dict__[other].pop(name, None)
            self.__dict__.pop(name, None)
            self.__dict__[table][name] = value
        elif before is None:
            super().__setattr__(name, value)
        elif value is None or before == "_buffers" and isinstance(value, Tensor):
            self.__dict__[before][name] = value
        else:
            raise TypeError(f"{type(self).__name__}.{name}: expected a {KINDS[before].__name__} or None, "
                            f"got {_kind(value)}")

    def __getattr__(self, name):
        tables = self.__dict__
        for table in KINDS:
            if table in tables and name in tables[table]:
                return tables[table][name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

    def __delattr__(self, name):
        table = self._table_of(name)
        if table is None:
            super().__delattr__(name)
        else:
            del self.__dict__[table][name]
            self._non_persistent_buffers_set.discard(name)

    def __dir__(self):
        return [*super().__dir__(), *self._parameters, *self._buffers, *self._modules]

    def _table_of(self, name):
        """The table that holds this name; None if none does."""
        for table in KINDS:
            if name in self.__dict__.get(table, ()):
                return table

    def register_parameter(self, name, param):
        """The same as setting the attribute; None stands for a parameter that this module does without.

        ValueError for a name with dots, or one that is taken.
        """
        self._put("register_parameter", "_parameters", name, param)

    def register_buffer(self, name, tensor, persistent=True):
        """Set a tensor (or None) that is not learned, but part of the module (`persistent`: of its state).

        ValueError for a name with dots, or one that is taken.
        """
        self._put("register_buffer", "_buffers", name, tensor)
        (set.discard if persistent else set.add)(self._non_persistent_buffers_set, name)

    def add_module(self, name, module):
        """The same as setting the attribute, for names made up at run time; ValueError for dots in them."""
        self._put("add_module", "_modules", name, module)

    register_module = add_module

    def _put(self, caller, table, name, value):
        if value is not None and not isinstance(value, KINDS[table]):
            raise TypeError(f"{caller}: expected a {KINDS[table].__name__} or None for {name!r}, got {_kind(value)}")
        if table not in self.__dict__:
            raise AttributeError(f"{type(self).__name__}: call super().__init__() before setting {name!r}")
        if not isinstance(name, str) or not name or "." in name:
            raise ValueError(f"{type(self).__name__}: expected a name without dots, got {name!r}")
        taken = name not in self.__dict__[table] and getattr(self, name, None) is not None
        if taken or hasattr(type(self), name):
            raise ValueError(f"{type(self).__name__}: the name {name!r} is taken by another attribute")
        self.__dict__.pop(name, None)
        self.__dict__[table][name] = value

    # What is inside -------------------------------------------------------------------------------------

    def named_modules(self, memo=None, prefix="", remove_duplicate=True):
        """This module and all below it with their paths, depth first; shared ones under their first path."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, child in self._modules.items():
            if child is not None:
                yield from child.named_modules(memo, _join(prefix, name), remove_duplicate)

    def modules(self):
        """This module and all below it, each once."""
        return (module for _, module in self.named_modules())

    def named_children(self):
        """The modules directly below, each once."""
        seen = set()
        for name, child in self._modules.items():
            if child is not None and child not in seen:
                seen.add(child)
                yield name, child

    def children(self):
        """The modules directly below, each once."""
        return (child for _, child in self.named_children())

    def named_parameters(self, prefix="", recurse=True, remove_duplicate=True):
        """All parameters with their paths, `layer1.0.conv1.weight`; a shared one once."""
        return self._named_tensors("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse=True):
        """All parameters, each once; without `recurse` only the module's own."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(self, prefix="", recurse=True, remove_duplicate=True):
        """All buffers with their paths, `bn1.running_mean`; a shared one once."""
        return self._named_tensors("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse=True):
        """All buffers, each once; without `recurse` only the module's own."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def _named_tensors(self, table, prefix, recurse, remove_duplicate):
        seen = set()
        modules = self.named_modules(None, prefix, remove_duplicate) if recurse else [(prefix, self)]
        for path, module in modules:
            for name, tensor in getattr(module, table).items():
                if tensor is not None and tensor not in seen:
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
        return self._get_tensor(target, "parameter", "_parameters")

    def get_buffer(self, target):
        """The buffer at a path such as `bn1.running_mean`; AttributeError if there is none."""
        return self._get_tensor(target, "buffer", "_buffers")

    def _get_tensor(self, target, kind, table):
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        tensors = getattr(module, table)
        if tensors.get(name) is None:
            known = ", ".join(tensors) or "none"
            raise AttributeError(f"{target!r}: {type(module).__name__} has no {kind} {name!r}, only {known}")
        return tensors[name]

    # Changing all of it ---------------------------------------------------------------------------------

    def train(self, mode=True):
        """Set this module and all below it to training mode, or to evaluation, for Dropout and BatchNorm.

        ValueError unless `mode` is True or False.
        """
        if not isinstance(mode, bool):
            raise ValueError(f"train: expected True or False, got {mode!r}")
        self.training = mode
        for child in self.children():
            child.train(mode)
        return self

    def eval(self):
        """Set this module and all below it to evaluation, as `train(False)`."""
        return self.train(False)

    def apply(self, fn):
        """Call `fn(module)` for every module below, and finally for this one."""
        for child in self.children():
            child.apply(fn)
        fn(self)
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

    _apply, to, type = conversion.apply_to_tensors, conversion.to, conversion.type_
    float, double, half, bfloat16 = conversion.float_, conversion.double, conversion.half, conversion.bfloat16
    cpu, cuda = conversion.cpu, conversion.cuda

    # State ----------------------------------------------------------------------------------------------

    state_dict, _save_to_state_dict = state.state_dict, state.save_to_state_dict
    load_state_dict, _load_from_state_dict = state.load_state_dict, state.load_from_state_dict

    # Looks ----------------------------------------------------------------------------------------------

    def extra_repr(self):
        """The text between the parentheses of the repr, before the children."""
        return ""

    def _get_name(self):
        return type(self).__name__

    def __repr__(self):
        lines = self.extra_repr().split("\n") if self.extra_repr() else []
        children = [f"({name}): {child!r}".replace("\n", "\n  ") for name, child in self._modules.items()]
        if not children and len(lines) <= 1:
            return f"{self._get_name()}({''.join(lines)})"
        return "\n  ".join([f"{self._get_name()}(", *lines, *children]) + "\n)"

    _repr_html_ = html_tree


KINDS = {"_parameters": Parameter, "_modules": Module, "_buffers": Tensor}


def _registered(hooks, hook, prepend):
    handle = RemovableHandle(hooks, hook)
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


def _kind(value):
    return "Module" if isinstance(value, Module) else value.__class__.__name__


def _join(path, name):
    return f"{path}.{name}" if path else name
