"""What a network does to a batch, operator by operator, and which numbers depend on the size of the batch.

While the network runs, `Function.apply` is replaced by one that notes every call. The network runs twice, with one
image more the second time: a number that has changed counts images.
"""

import contextlib
from dataclasses import dataclass

import numpy as np

from tinynet.autograd import Function, no_grad
from tinynet.tensor import Tensor, tensors_in


@dataclass
class Call:
    """An operator's run: its name, its arguments with arrays in place of tensors, its results, the layer it ran in."""

    name: str
    args: tuple
    results: list
    layer: str


@dataclass(frozen=True)
class Batch:
    """A number that is `factor` times the number of images in the batch."""

    factor: int


class Tape:
    """The `calls` of one run, its `inputs` and `outputs`, all as arrays."""

    def __init__(self, model, inputs):
        self.calls, self.layers = [], []
        self.inputs = [t.array for t in inputs]
        with self.watching(model), no_grad():
            output = model(*inputs)
        self.outputs = [t.array for t in tensors_in(output)]

    @contextlib.contextmanager
    def watching(self, model):
        apply = Function.__dict__["apply"]

        def noted(cls, *args, **kwargs):
            result = apply.__func__(cls, *args, **kwargs)
            args = tuple(a.array if isinstance(a, Tensor) else a for a in args)
            self.calls.append(Call(cls.__name__, args, [t.array for t in tensors_in(result)],
                                   self.layers[-1] if self.layers else ""))
            return result

        def leave(module, inputs, output):
            self.layers.pop()

        paths = {module: path for path, module in model.named_modules()}
        handles = [module.register_forward_pre_hook(lambda module, inputs: self.layers.append(paths[module]))
                   for module in paths]
        handles += [module.register_forward_hook(leave) for module in paths]
        Function.apply = classmethod(noted)
        try:
            yield
        finally:
            Function.apply = apply
            for handle in handles:
                handle.remove()


def merged(call, other, images, others):
    """The arguments of a call, with a `Batch` where a number follows the batch: `images` in one run, `others` in the
    other. ValueError for two runs that did not do the same."""
    if call.name != other.name or len(call.args) != len(other.args):
        raise ValueError(f"the network does {call.name} with one batch and {other.name} with a larger one")
    return [merge(a, b, images, others) for a, b in zip(call.args, other.args)]


def merge(a, b, images, others):
    if isinstance(a, (tuple, list)) and isinstance(b, (tuple, list)) and len(a) == len(b):
        return type(a)(merge(x, y, images, others) for x, y in zip(a, b))
    if is_whole(a) and is_whole(b) and a != b and a * others == b * images:
        return Batch(a // images)
    return a


def is_whole(value):
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)
