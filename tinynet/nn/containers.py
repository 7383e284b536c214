"""Modules made of modules: a sequence, a list, a dict. Positions or names make the `state_dict` keys."""

from tinynet.nn.module import Module


class Identity(Module):
    """y = x, of any shape. Takes any arguments, so that it can stand for any layer."""

    def __init__(self, *args, **kwargs):
        super().__init__()

    def forward(self, input):
        return input


class Flatten(Module):
    """Joins the axes start_dim ... end_dim into one: (N, C, H, W) -> (N, C·H·W)."""

    def __init__(self, start_dim=1, end_dim=-1):
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input):
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self):
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class _Numbered(Module):
    """Children named "0", "1", ...: what Sequential and ModuleList share."""

    def _key(self, index):
        if not -len(self) <= index < len(self):
            raise IndexError(f"{type(self).__name__}: index {index} is out of range for {len(self)} modules")
        return str(index % len(self))

    def _replace_all(self, modules):
        for name in self._modules:
            delattr(self, name)
        return self.extend(modules)

    def append(self, module):
        """One more module at the end."""
        self.add_module(str(len(self)), _module(self, module))
        return self

    def extend(self, modules):
        """More modules at the end, in their order."""
        for module in modules:
            self.append(module)
        return self

    def insert(self, index, module):
        """A module at position `index`; those from there on move up."""
        modules = list(self)
        modules.insert(index, _module(self, module))
        self._replace_all(modules)

    def __len__(self):
        return len(self._modules)

    def __iter__(self):
        return iter(self._modules.values())

    def __getitem__(self, index):
        if isinstance(index, slice):
            return type(self)._of(list(self._modules.items())[index])
        return list(self)[int(self._key(index))]

    def __setitem__(self, index, module):
        setattr(self, list(self._modules)[int(self._key(index))], _module(self, module))

    def __delitem__(self, index):
        modules = list(self)
        del modules[index]
        self._replace_all(modules)


class Sequential(_Numbered):
    """The modules one after another, given as arguments, or as one dict whose keys become their names.

    Any shape that the first one takes -> the shape that the last one gives.
    """

    def __init__(self, *modules):
        super().__init__()
        if len(modules) == 1 and isinstance(modules[0], dict):
            for name, module in modules[0].items():
                self.add_module(name, _module(self, module))
        else:
            self.extend(modules)

    @classmethod
    def _of(cls, items):
        return cls(dict(items))

    def forward(self, input):
        for module in self._modules.values():
            input = module(input)
        return input


class ModuleList(_Numbered):
    """A list whose modules are registered; what to do with them is up to the owner's `forward`.

    IndexError beyond its ends.
    """

    def __init__(self, modules=()):
        super().__init__()
        self.extend(modules)

    @classmethod
    def _of(cls, items):
        return cls(module for _, module in items)

    def __add__(self, modules):
        return ModuleList([*self, *modules])


class ModuleDict(Module):
    """A dict whose modules are registered under their keys; KeyError for others."""

    def __init__(self, modules=None):
        super().__init__()
        self.update(modules or {})

    def update(self, modules):
        """Take over the modules of a dict, or of pairs (key, module)."""
        for name, module in modules.items() if hasattr(modules, "items") else modules:
            self[name] = module

    def __getitem__(self, name):
        return self._modules[name]

    def __setitem__(self, name, module):
        self.add_module(name, _module(self, module))

    def __delitem__(self, name):
        self.pop(name)

    def pop(self, name):
        """Take out and return the module `name`."""
        module = self[name]
        delattr(self, name)
        return module

    def clear(self):
        """Take out all modules."""
        for name in self._modules:
            delattr(self, name)

    def __len__(self):
        return len(self._modules)

    def __iter__(self):
        return iter(self._modules)

    def __contains__(self, name):
        return name in self._modules

    def keys(self):
        """The names, in the order in which they came."""
        return self._modules.keys()

    def values(self):
        """The modules."""
        return self._modules.values()

    def items(self):
        """Pairs (name, module)."""
        return self._modules.items()


def _module(container, value):
    if not isinstance(value, Module):
        raise TypeError(f"{type(container).__name__}: expected a Module, got {type(value).__name__}")
    return value
