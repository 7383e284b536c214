"""Which names are public: what the reference lists, and what the tests ask a docstring of."""

import dataclasses
import importlib
import inspect

MODULES = ["tinynet", "tinynet.nn", "tinynet.nn.functional", "tinynet.nn.blocks", "tinynet.nn.init",
           "tinynet.nn.utils", "tinynet.utils", "tinynet.optim", "tinynet.optim.lr_scheduler",
           "tinynet.optim.swa_utils", "tinynet.models",
           "tinynet.data", "tinynet.vision.transforms", "tinynet.vision.transforms.functional",
           "tinynet.vision.datasets", "tinynet.vision.utils", "tinynet.vision.ops", "tinynet.distributions",
           "tinynet.train", "tinynet.plots", "tinynet.distributed", "tinynet.nn.parallel"]

# What the public functions of a module return or raise, or refer to, and the module itself does not list.
RELATED = {"tinynet": ["inspect.gradcheck.Comparison", "inspect.gradcheck.GradientError",
                       "inspect.gradcheck.distinct", "inspect.graph.Graph", "inspect.profile.Profile",
                       "inspect.profile.Share", "inspect.summary.Summary", "inspect.summary.Layer",
                       "weights.WeightFileError", "weights.unwrap"],
           "tinynet.nn.blocks": ["residual.ResidualBase"],
           "tinynet.train": ["evaluate.Result", "stopping.Stopped"]}


def public(module_name):
    """{name: function or class}. What `__all__` lists, if there is one; else what the module defines.

    `tinynet` also has what it imports, and its late tools; `nn.functional` the functions of `tinynet.ops`.
    """
    module = importlib.import_module(module_name)
    listed = getattr(module, "__all__", None)
    names = listed or [*vars(module), *getattr(module, "_TOOLS", ())]
    found = {name: getattr(module, name) for name in names if not name.startswith("_")}
    found = {name: thing for name, thing in found.items()
             if inspect.isfunction(thing) or inspect.isclass(thing) if listed or belongs(thing, module_name)}
    return found | {name: related(f"{module_name}.{name}") for name in RELATED.get(module_name, ())}


def belongs(thing, module_name):
    """Whether `thing`, found in a module without `__all__`, is a part of what the module offers."""
    home = thing.__module__
    if module_name == "tinynet":
        return home.startswith("tinynet.")
    return home.startswith((module_name, "tinynet.ops.")) and (home == module_name or inspect.isfunction(thing))


def related(path):
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def options(thing):
    """What the fields of a settings class say of themselves, as a list."""
    fields = dataclasses.fields(thing) if dataclasses.is_dataclass(thing) else ()
    return [f"- `{field.name}`: {field.metadata['help']}" for field in fields if "help" in field.metadata]
