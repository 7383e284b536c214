"""Watching a network run: every operator, the module that called it, its cost and the arrays that it kept.

`summary`, `profile` and `graph` show the same list of calls in three ways. All operators pass through two functions,
`Function.apply` and `Node.run`. A `with` block replaces these two, so that watching costs nothing outside the block.
"""

import contextlib
import math
import time
from dataclasses import dataclass

import numpy as np

from tinynet import random
from tinynet.autograd import Function, Node
from tinynet.gradients.hooks import removing
from tinynet.gradients.modes import enable_grad
from tinynet.kernels.machine import layout
from tinynet.nn import BatchNorm2d, Conv2d, Linear
from tinynet.tensor import Tensor, tensors_in

# The number of products that an operator adds up, from its output y and its arguments. Others count 0, as in papers.
MULTIPLY_ADDS = {
    "Conv2d": lambda y, x, w, *_: y.size * w[0].size,
    "Linear": lambda y, x, w, *_: y.size * w.shape[1],
    "Matmul": lambda y, a, b: y.size * a.shape[-1],
    "Einsum": lambda y, terms, output, sizes, *xs: math.prod(sizes.values()) if len(xs) > 1 else 0,
    "Attention": lambda y, q, k, v, *_: y.size // v.shape[-1] * k.shape[-2] * (k.shape[-1] + v.shape[-1]),
}


@dataclass
class Call:
    """One call of an operator. `modules` are the running modules, from the outermost: (path, number of the run)."""

    name: str
    modules: tuple
    node: Node | None                  # None if nothing was recorded
    shape: tuple
    made: int                          # bytes of its outputs, without views of its inputs
    multiply_adds: int
    saves: list                        # the saved arrays, without parameters: "input", "output" or a shape
    forward: float                     # seconds
    backward: float = 0.0

    @property
    def path(self):
        return self.modules[-1][0]


class Watch:
    """The `calls`, in their order, and `shapes`, the shapes that each module (by its path) returned."""

    def __init__(self, model):
        self.paths = {module: path for path, module in model.named_modules()}
        self.parameters = {id(p.array) for p in model.parameters()}
        self.calls, self.by_node, self.shapes = [], {}, {}
        self.running, self.runs = [], 0

    def enter(self, module, inputs):
        self.runs += 1
        self.running.append((self.paths[module], self.runs))

    def leave(self, module, inputs, output):
        self.running.pop()
        self.shapes[self.paths[module]] = [t.shape for t in tensors_in(output)]

    def note(self, function, args, result, seconds):
        """Remember a call. Operators outside of the network, a loss for example, are left out."""
        if not self.running:
            return
        inputs, outputs = tensors_in(args), tensors_in(result)
        node = outputs[0].grad_fn
        count = MULTIPLY_ADDS.get(function.__name__)
        known = {**{id(t.array): "input" for t in inputs}, **{id(t.array): "output" for t in outputs}}
        taken = {id(owner(t.array)) for t in inputs}
        call = Call(
            function.__name__, tuple(self.running), node, outputs[0].shape,
            sum(t.array.nbytes for t in outputs if id(owner(t.array)) not in taken),
            count(outputs[0].array, *(a.array if isinstance(a, Tensor) else a for a in args)) if count else 0,
            [known.get(id(a), str(a.shape)) for a in kept(node) if id(a) not in self.parameters], seconds)
        self.calls.append(call)
        if node is not None:
            self.by_node[node] = call


@contextlib.contextmanager
def watch(model):
    """`with watch(model) as seen:` notes every operator in `model`, forward and backward."""
    seen = Watch(model)

    def forward(function, args, call):
        start = time.perf_counter()
        result = call()
        seen.note(function, args, result, time.perf_counter() - start)
        return result

    def backward(node, gradients, call):
        start = time.perf_counter()
        result = call()
        if node in seen.by_node:
            seen.by_node[node].backward += time.perf_counter() - start
        return result

    with around_operators(forward, backward, seen):
        yield seen


@contextlib.contextmanager
def around_operators(forward, backward, modules):
    """Put `forward(function, args, call)` and `backward(node, gradients, call)` around every operator of the block.

    Each returns what `call()`, the operator itself, returns. `modules` has `paths`, whose keys are the modules, and
    `enter` and `leave`, which are their hooks.
    """
    apply, run = Function.__dict__["apply"], Node.run

    def watched_apply(cls, *args, **kwargs):
        return forward(cls, args, lambda: apply.__func__(cls, *args, **kwargs))

    def watched_run(node, gradients):
        return backward(node, gradients, lambda: run(node, gradients))

    handles = [module.register_forward_pre_hook(modules.enter) for module in modules.paths]
    handles += [module.register_forward_hook(modules.leave) for module in modules.paths]
    Function.apply, Node.run = classmethod(watched_apply), watched_run
    try:
        with removing(handles):
            yield
    finally:
        Function.apply, Node.run = apply, run


def kept(node):
    """The arrays that a node keeps for backward: the saved ones, and attributes such as dropout's mask."""
    if node is None:
        return []
    others = [a for a in vars(node).values() if isinstance(a, np.ndarray) and a.nbytes >= 64]  # no mere shapes
    return [*(a for a in node.saved_arrays if a is not None), *others]


def owner(array):
    """The array that owns the memory of this array."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


@contextlib.contextmanager
def undisturbed(model, training):
    """Record in this mode; afterwards all modes, buffers, gradients and random numbers are as they were."""
    modes = {module: module.training for module in model.modules()}
    buffers = [(buffer, buffer.array.copy()) for buffer in model.buffers()]
    gradients = [(p, p.grad) for p in model.parameters()]
    model.zero_grad()
    numbers = random.get_state()
    try:
        with enable_grad():
            yield model.train(training)
    finally:
        for module, mode in modes.items():
            module.training = mode
        for buffer, value in buffers:
            buffer.array[...] = value
        for parameter, gradient in gradients:
            parameter.grad = gradient
        random.set_state(numbers)


def with_batch(model, input_size):
    """Whether the first number of a size is that of images: it has four, and the network begins with an image layer."""
    first = next((module for module in model.modules() if isinstance(module, (Conv2d, Linear, BatchNorm2d))), None)
    return len(input_size) == 4 and isinstance(first, (Conv2d, BatchNorm2d))


def inputs_for(model, input_size, batch_size=1, requires_grad=False):
    """The arguments of a run: random numbers of a size such as (3, 224, 224), or the tensors themselves.

    (1, 3, 224, 224), torchinfo's form, which begins with the batch, is accepted for a network that takes images.
    A network without parameters gets an input that requires a gradient, because otherwise there would be no graph.
    """
    if tensors_in(input_size):
        return input_size if isinstance(input_size, (tuple, list)) else (input_size,)
    sizes = input_size if isinstance(input_size, (tuple, list)) else [None]
    if not all(isinstance(n, int) and n > 0 for n in sizes):
        raise ValueError("input_size: expected positive integers such as (3, 224, 224), without the batch, "
                         f"or tensors, got {input_size!r}")
    if not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError(f"batch_size: expected a positive integer, got {batch_size!r}")
    if with_batch(model, input_size):
        batch_size, *input_size = input_size
    dtype = next((p.dtype for p in model.parameters()), np.float32)
    x = np.random.default_rng(0).standard_normal((batch_size, *input_size), dtype)
    learned = [p for p in model.parameters() if p.requires_grad]
    return (Tensor(layout.channels_last(x) if x.ndim == 4 else x, requires_grad or not learned),)
