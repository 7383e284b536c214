"""The import hook: while it is installed, `import torch` and `import torchvision` give tinynet's modules.

A module that the hook gives is a `Facade`. It has no names of its own: it looks each name up in the module of tinynet
that `names.MODULES` lists. An installed PyTorch is never imported.
"""

import importlib
import importlib.abc
import importlib.machinery
import sys
import types

from tinynet.interop import left_out, names

ROOTS = ("torch", "torchvision")


class Facade(types.ModuleType):
    """Stands for the module of PyTorch whose name it has."""

    def __getattr__(self, name):
        if name == "__all__":                  # for `from torch.nn import *`
            return public_names(target(self.__name__))
        return look_up(f"{self.__name__}.{name}")

    def __dir__(self):
        return sorted({*super().__dir__(), *public_names(target(self.__name__))})


def look_up(path):
    """tinynet's object for PyTorch's dotted name `path`; AttributeError if there is none."""
    if path in names.OTHER_NAMES:
        return names.place(names.OTHER_NAMES[path])
    if path in names.MODULES:
        return importlib.import_module(path)
    module, _, name = path.rpartition(".")
    try:
        return getattr(target(module), name)
    except AttributeError:
        found = left_out.stand_in(path)
        if found is None:
            raise AttributeError(f"tinynet has no {path}", name=name, obj=sys.modules.get(module)) from None
        return found


def target(name):
    """The object that stands for PyTorch's module `name`: a module of tinynet, an object in one, or an empty object."""
    where = names.MODULES[name]
    return object() if where is None else names.place(where)


def public_names(module):
    """The names that `from module import *` imports: its `__all__`, else all names without an underscore."""
    return list(getattr(module, "__all__", None) or (name for name in dir(module) if not name.startswith("_")))


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules named in `names.MODULES`, and makes a `Facade` for each."""

    def find_spec(self, name, path=None, target=None):
        if name in names.MODULES:
            return importlib.machinery.ModuleSpec(name, self, origin="tinynet", is_package=True)
        return None

    def create_module(self, spec):
        return Facade(spec.name)

    def exec_module(self, module):
        """Execute nothing; fill `torchvision.models.__dict__`, from which scripts choose a network by its name."""
        if module.__name__ == "torchvision.models":
            module.__dict__.update({name: getattr(target(module.__name__), name) for name in module.__all__})


def is_torch(name):
    """Whether `name` is the name of a module of PyTorch or torchvision."""
    return name.partition(".")[0] in ROOTS


class as_torch:
    """From now on, or within `with tinynet.as_torch():`, `import torch` and `import torchvision` give tinynet.

    Modules of a real PyTorch that were imported before are restored after the `with` block.
    """

    def __init__(self):
        self.before = {name: module for name, module in sys.modules.items() if is_torch(name)}
        self.finder = Finder()
        for name in self.before:
            del sys.modules[name]
        sys.meta_path.insert(0, self.finder)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        sys.meta_path.remove(self.finder)
        for name in [name for name in sys.modules if is_torch(name)]:
            del sys.modules[name]
        sys.modules.update(self.before)
