"""The page's description of an operator: its formula, its source, the plain kernels that it calls, its essay."""

import inspect
import re

from tinynet.kernels.machine.backend import kernel

ESSAYS = {                             # the module of an operator -> the essay on it
    "arithmetic": "elementwise", "pointwise": "elementwise", "elementary": "elementwise", "comparison": "elementwise",
    "activation": "elementwise", "reduce": "elementwise", "matmul": "linear", "linear": "linear",
    "conv": "convolution", "pool": "pooling",
    "norm": "normalization", "loss": "cross_entropy", "softmax": "cross_entropy", "attention": "attention"}


def described(function):
    """A dictionary for the page: the facts that are the same for all calls of one Function."""
    kernels = {name: inspect.getsource(reference) for half in (function.forward, function.backward)
               for name, reference in references(half)}
    room = function.__module__.rpartition(".")[2]
    return {"name": function.__name__, "formula": inspect.cleandoc(function.__doc__ or ""),
            "file": function.__module__.replace(".", "/") + ".py",
            "forward": source(function.forward), "backward": source(function.backward),
            "kernels": [{"name": name, "source": text} for name, text in kernels.items()],
            "essay": ESSAYS.get(room, "autograd")}


def named(function, args):
    """The arguments of a call of a Function by their names, without those that are None."""
    names = [name for name, parameter in inspect.signature(function.forward).parameters.items()
             if parameter.kind is parameter.POSITIONAL_OR_KEYWORD][1:]          # without `ctx`
    names += [f"argument {i + 1}" for i in range(len(names), len(args))]        # those of `*args`
    return {name: a for name, a in zip(names, args) if a is not None}


def title(function, arguments):
    """The name of a call: `BatchNorm + add + ReLU` where a BatchNorm adds a shortcut and applies ReLU as well."""
    return (function.__name__ + " + add" * ("residual" in arguments)
            + " + ReLU" * (arguments.get("relu") is True))


def source(half):
    """The lines of a method without the indentation of its class."""
    try:
        return inspect.cleandoc("\n" + inspect.getsource(half))
    except (OSError, TypeError):       # a function that was typed into an interpreter has no file
        return "(the source is not in a file)"


def references(half):
    """(name, plain NumPy function) of every kernel that the source of `half` calls."""
    for module, name in dict.fromkeys(re.findall(r"\b(\w+)\.(\w+)\(", source(half))):
        found = getattr(half.__globals__.get(module), name, None)
        if isinstance(found, kernel):
            yield f"{module}.{name}", found.numpy
    for name in dict.fromkeys(re.findall(r"(?<![.\w])(\w+)\(", source(half))):
        found = half.__globals__.get(name)
        if isinstance(found, kernel):
            yield name, found.numpy
