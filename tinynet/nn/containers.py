"""Modules made of modules or parameters: a sequence, lists, dicts. Positions or names make the `state_dict` keys."""

from tinynet.nn.module import Module
from tinynet.nn.parameter import Parameter
from tinynet.tensor import Tensor


class _Container(Module):
    """Entries of one kind, modules or parameters, in the table of `Module` for that kind."""

    table = "_modules"

    @property
    def _entries(self):
        return self.__dict__[self.table]

    def _entry(self, value):
        if value is not None and not isinstance(value, Module):
            raise TypeError(f"{type(self).__name__}: expected a Module or None, got {type(value).__name__}")
        return value

    def __len__(self):
        return len(self._entries)


class _Parameters(_Container):
    """Entries that are parameters. A tensor becomes one."""

    table = "_parameters"

    def _entry(self, value):
        if not isinstance(value, Tensor):
            raise TypeError(f"{type(self).__name__}: expected a tensor, got {type(value).__name__}")
        return value if isinstance(value, Parameter) else Parameter(value)

    def extra_repr(self):
        """One line for each parameter: its name, type and shape."""
        lines = [f"({name}): Parameter containing: [{p.dtype} of size {'x'.join(map(str, p.shape))}]"
                 for name, p in self._entries.items()]
        return "\n".join(lines)

    def forward(self, *args, **kwargs):
        """Refused with a RuntimeError: parameters compute nothing."""
        raise RuntimeError(f"{type(self).__name__} should not be called")


class _Numbered(_Container):
    """Entries named "0", "1", ...: what Sequential and the lists share."""

    def _position(self, index):
        index = index.__index__()
        if not -len(self) <= index < len(self):
            raise IndexError(f"{type(self).__name__}: index {index} is out of range for {len(self)} "
                             f"{self.table.strip('_')}")
        return index % len(self)

    def _renumber(self, entries):
        self._entries.clear()
        return self.extend(entries)

    def append(self, module):
        """One more entry at the end."""
        self._put(type(self).__name__, self.table, str(len(self)), self._entry(module))
        return self

    def extend(self, modules):
        """More entries at the end, in their order."""
        for entry in list(modules):
            self.append(entry)
        return self

    def insert(self, index, module):
        """An entry at position `index`; those from there on move up."""
        entries = list(self)
        entries.insert(index, self._entry(module))
        return self._renumber(entries)

    def pop(self, key):
        """Take out and return the entry at position `key`."""
        entry = self[key]
        del self[key]
        return entry

    def __iter__(self):
        return iter(self._entries.values())

    def __getitem__(self, index):
        if isinstance(index, slice):
            return type(self)._of(list(self._entries.items())[index])
        return list(self)[self._position(index)]

    def __setitem__(self, index, entry):
        setattr(self, list(self._entries)[self._position(index)], self._entry(entry))

    def __delitem__(self, index):
        entries = list(self)
        del entries[index]
        self._renumber(entries)

    def __iadd__(self, entries):
        return self.extend(entries)

    def __add__(self, entries):
        return type(self)._of([(str(i), entry) for i, entry in enumerate([*self, *entries])])


class Sequential(_Numbered):
    """The modules one after another, given as arguments, or as one dict whose keys become their names.

    Any shape that the first one takes -> the shape that the last one gives.
    """

    def __init__(self, *modules):
        super().__init__()
        if len(modules) == 1 and isinstance(modules[0], dict):
            for name, module in modules[0].items():
                self.add_module(name, self._entry(module))
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

    def __init__(self, modules=None):
        super().__init__()
        self.extend(modules or ())

    @classmethod
    def _of(cls, items):
        return cls([entry for _, entry in items])


class ParameterList(_Numbered, _Parameters):
    """A list whose parameters are registered; tensors of any shape become parameters.

    IndexError beyond its ends.
    """

    def __init__(self, values=None):
        super().__init__()
        self.extend(values or ())

    @classmethod
    def _of(cls, items):
        return cls([entry for _, entry in items])


class _Named(_Container):
    """Entries under names of the user: what the dicts share."""

    def __init__(self, entries=None):
        super().__init__()
        self.update(entries or {})

    def update(self, modules):
        """Take over the entries of a dict, or of pairs (key, entry)."""
        for name, entry in modules.items() if hasattr(modules, "items") else modules:
            self[name] = entry

    def __getitem__(self, name):
        return self._entries[name]

    def __setitem__(self, name, entry):
        self._put(type(self).__name__, self.table, name, self._entry(entry))

    def __delitem__(self, name):
        del self._entries[name]

    def pop(self, key):
        """Take out and return the entry `key`."""
        return self._entries.pop(key)

    def clear(self):
        """Take out all entries."""
        self._entries.clear()

    def __iter__(self):
        return iter(self._entries)

    def __contains__(self, name):
        return name in self._entries

    def keys(self):
        """The names, in the order in which they came."""
        return self._entries.keys()

    def values(self):
        """The entries."""
        return self._entries.values()

    def items(self):
        """Pairs (name, entry)."""
        return self._entries.items()


class ModuleDict(_Named):
    """A dict whose modules are registered under their keys; KeyError for others."""

    def __init__(self, modules=None):
        super().__init__(modules)


class ParameterDict(_Named, _Parameters):
    """A dict whose parameters are registered under their keys (KeyError for others).

    Tensors of any shape become parameters.
    """

    def __init__(self, parameters=None):
        super().__init__(parameters)

    def get(self, key, default=None):
        """The parameter `key`, or `default` where there is none."""
        return self._entries.get(key, default)
