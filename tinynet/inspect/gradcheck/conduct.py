"""Rules for a backward, besides the right numbers.

- It gives the same gradients for inputs and cotangents in any order of memory: rows first, columns first (Fortran),
  channels last, strided.
- It gives the same gradients a second time, if the graph was retained.
- It does not write into its inputs, into the gradient that it gets, or into saved arrays.
"""

import contextlib

import numpy as np

from tinynet.autograd import Node
from tinynet.inspect.gradcheck.differences import Comparison, as_tuple
from tinynet.tensor import Tensor

SAME = 1e-10                           # relative to the largest gradient: sums in another order


class GradientError(AssertionError):
    """A gradient that is not the derivative."""


def gradients(function, arrays, rng, order=np.copy):
    """(random cotangents, one per output; gradients from `backward`, None for inputs that have none; faults found)

    `order` gives the inputs and the cotangents their order in memory.
    """
    tensors = [Tensor(order(x), requires_grad=x.dtype.kind == "f") for x in arrays]
    outputs = as_tuple(function(*tensors))
    cotangents = [rng.standard_normal(y.shape) if y.dtype.kind == "f" else None for y in outputs]
    given = [None if v is None else order(v) for v in cotangents]
    if not any(y.requires_grad for y in outputs):
        raise GradientError("wrong gradient: no output is connected to an input that requires a gradient")
    kept = Kept(outputs, [t.array for t in tensors], given)
    once = walk(tensors, outputs, given)
    fault = kept.fault()
    return cotangents, once, fault or second_fault(once, walk(tensors, outputs, given))


def walk(tensors, outputs, cotangents):
    """The gradients of one backward pass, which keeps the graph."""
    for tensor in tensors:
        tensor.grad = None
    with watched_gradients():
        for y, v in zip(outputs, cotangents):
            if v is not None and y.requires_grad:
                y.backward(Tensor(v), retain_graph=True)
    found = []
    for tensor in tensors:
        missing = tensor.requires_grad and tensor.grad is None
        found.append(np.zeros(tensor.shape) if missing else getattr(tensor.grad, "array", None))
    return found


@contextlib.contextmanager
def watched_gradients():
    """A context in which a backward that writes into the gradient that it gets raises a GradientError."""
    run = Node.run

    def watched(node, gradients):
        before = [None if g is None else g.copy() for g in gradients]
        results = run(node, gradients)
        for g, copy in zip(gradients, before):
            if g is not None and not np.array_equal(g, copy, equal_nan=True):
                raise GradientError(f"wrong gradient: {node.name} wrote into the gradient that it was given")
        return results

    Node.run = watched
    try:
        yield
    finally:
        Node.run = run


class Kept:
    """Copies of all arrays that backward must leave alone."""

    def __init__(self, outputs, inputs, cotangents):
        self.watched = [(f"input {i}", x, x.copy()) for i, x in enumerate(inputs)]
        self.watched += [("the gradient that it was given", v, v.copy()) for v in cotangents if v is not None]
        for node in nodes(outputs):
            saved = [a for a in node.saved_arrays if isinstance(a, np.ndarray)]
            self.watched += [(f"what {node.name} saved", a, a.copy()) for a in saved]

    def fault(self):
        changed = [name for name, array, copy in self.watched if not np.array_equal(array, copy, equal_nan=True)]
        return f"backward wrote into {changed[0]}" if changed else ""


def nodes(outputs):
    """All nodes of the graph."""
    seen, waiting = [], [y.grad_fn for y in outputs]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.append(node)
            waiting += [edge[0] for edge in node.edges if edge is not None]
    return seen


def second_fault(once, again):
    """The fault of a second backward pass that gives other gradients, in words; empty if there is none."""
    for i, (a, b) in enumerate(zip(once, again)):
        if a is not None and distance(a, b) > SAME:
            return f"a second backward gives input {i} another gradient: it differs by {distance(a, b):.2e}"
    return ""


def distance(a, b):
    """The largest difference, relative to the largest value; infinite for different shapes and for NaN."""
    if a.shape != b.shape:
        return np.inf
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return np.inf
    return np.abs(a - b).max(initial=0) / (max(np.abs(a).max(initial=0), np.abs(b).max(initial=0)) or 1)


# Orders of memory -----------------------------------------------------------------------------------------------


def fortran(x):
    """The first axis is the fastest in memory."""
    return np.array(x, order="F")


def channels_last(x):
    """(N, C, H, W) in memory as (N, H, W, C); fewer axes likewise."""
    return x.copy() if x.ndim < 3 else np.moveaxis(np.moveaxis(x, 1, -1).copy(), -1, 1)


def strided(x):
    """Every second element of a larger array, read backwards."""
    if x.ndim == 0:
        return x.copy()
    memory = np.empty((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    view = memory[..., ::-2]
    view[...] = x
    return view


ORDERS = {"Fortran order": fortran, "channels last": channels_last, "strided": strided}


def compare_orders(function, arrays, cotangents, expected):
    """A Comparison for the first order of memory that changes a gradient, or None."""
    for name, order in ORDERS.items():
        found, fault = gradients(function, arrays, Replay(cotangents), order)[1:]
        if fault:
            return Comparison(np.inf, fault=f"{fault} (inputs in memory: {name})")
        for i, (a, b) in enumerate(zip(found, expected)):
            if a is not None and distance(a, b) > SAME:
                return Comparison(np.inf, i, fault=f"with inputs in memory as {name}, the gradient of input {i} "
                                                   f"differs by {distance(a, b):.2e} of the largest")
    return None


class Replay:
    """Takes the place of a random generator and gives the same cotangents again."""

    def __init__(self, cotangents):
        self.left = [v for v in cotangents if v is not None]

    def standard_normal(self, shape):
        return self.left.pop(0)
