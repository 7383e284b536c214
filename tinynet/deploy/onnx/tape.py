"""A record of the operators that a network runs on a batch, and of the numbers that depend on the size of the batch.

The network runs twice, the second time with one more image: a number that has changed counts images.
"""

from dataclasses import dataclass

import numpy as np

from tinynet.autograd import no_grad
from tinynet.inspect.watch import around_operators
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
        self.paths = {module: path for path, module in model.named_modules()}
        self.inputs = [t.array for t in inputs]
        with around_operators(self.forward, lambda node, gradients, call: call(), self), no_grad():
            output = model(*inputs)
        self.outputs = [t.array for t in tensors_in(output)]

    def enter(self, module, inputs):
        self.layers.append(self.paths[module])

    def leave(self, module, inputs, output):
        self.layers.pop()

    def forward(self, function, args, call):
        """Run an operator by `call()`, and note it."""
        result = call()
        args = tuple(a.array if isinstance(a, Tensor) else a for a in args)
        self.calls.append(Call(function.__name__, args, [t.array for t in tensors_in(result)],
                               self.layers[-1] if self.layers else ""))
        return result


def merged(call, other, images, others):
    """The arguments of a call, with a `Batch` for each number that grows with the batch.

    `images` and `others` are the sizes of the batch in the two runs. ValueError for runs of different operators.
    """
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
