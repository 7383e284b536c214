"""Automatic differentiation in reverse: record what happened, then walk back.

Every differentiable operator is a `Function` with two static methods, `forward` and `backward`. Applying one to
tensors that need gradients leaves a `Node`: what was saved, and edges to the nodes that made the inputs. `backward`
visits the nodes from the latest to the earliest and hands each the gradient of the loss with respect to its outputs;
what comes back is handed on along the edges, and added where paths meet. At the leaves it is added to `.grad`.

First order only: gradients are arrays without a graph of their own.
"""

import contextlib
import functools
import heapq
import itertools
import threading
import weakref

import numpy as np

from tinynet import kernels
from tinynet.kernels.elementwise import plus
from tinynet.tensor import Tensor, attach

# Switches -------------------------------------------------------------------------------------------------------


class _Mode(threading.local):
    grad = True
    anomaly = False
    watchers = ()                      # called with every node that is recorded
    again = False                      # whether a checkpoint runs its function a second time: see utils.py


_mode = _Mode()


class _Switch:
    """Sets a mode for a `with` block or, as a decorator, for every call of a function."""

    name, value = "", None

    def __enter__(self):
        self.__dict__.setdefault("before", []).append(getattr(_mode, self.name))
        setattr(_mode, self.name, self.value)

    def __exit__(self, *exception):
        setattr(_mode, self.name, self.before.pop())

    def __call__(self, function):
        @functools.wraps(function)
        def wrapped(*args, **kwargs):
            with type(self)():
                return function(*args, **kwargs)
        return wrapped


class no_grad(_Switch):
    """Record nothing: `with no_grad():` or `@no_grad()`."""
    name, value = "grad", False

    def __new__(cls, function=None):
        switch = super().__new__(cls)
        return switch if function is None else switch(function)      # bare @no_grad


class enable_grad(no_grad):
    """Record again inside a `no_grad` block."""
    value = True


class detect_anomaly(_Switch):
    """Stop with a FloatingPointError that names the operator at the first NaN or infinity, forward or backward."""
    name, value = "anomaly", True


def is_grad_enabled():
    """Whether operations are recorded now: True unless inside `no_grad`."""
    return _mode.grad


def is_running_again():
    """Whether this is a checkpoint's second run, which must leave no trace, in running statistics for instance."""
    return _mode.again


@contextlib.contextmanager
def watch_nodes(watch, again=False):
    """Call watch(node) for every node that the block records; nobody else watches a checkpoint's second run."""
    before = _mode.watchers, _mode.again
    _mode.watchers, _mode.again = ((watch,), True) if again else ((watch, *_mode.watchers), _mode.again)
    try:
        yield
    finally:
        _mode.watchers, _mode.again = before


# The graph ------------------------------------------------------------------------------------------------------

_numbers = itertools.count()


class Node:
    """One recorded operation. It is also the context (`ctx`) that `forward` and `backward` receive.

    `edges` holds, for each tensor input, the pair (node that made it, index among that node's outputs), or None where
    no gradient is wanted. Edges run from node to node, never to tensors, so that an intermediate result that nobody
    saved is freed as soon as the user's code lets go of it.
    """

    def __init__(self, function, inputs=()):
        self.function = function
        self.inputs = inputs           # forgotten when forward is done
        self.needs = tuple(_mode.grad and t.requires_grad for t in inputs)
        self.backend = kernels.backend()
        self.saved_arrays = ()
        self.recall = None             # gets back what a checkpoint made it forget: (arrays, next recall)
        self.freed = False
        self.hooks = {}
        self.so_far = None             # see Function.adds_to

    @property
    def name(self):
        return f"{self.function.__name__}Backward"

    def save(self, *arrays):
        """Keep arrays (or None) for `backward`."""
        self.saved_arrays = arrays

    @property
    def saved(self):
        for version, count in self.versions:
            if version.count != count:
                raise RuntimeError(
                    f"{self.name}: a tensor saved for backward was changed in place afterwards "
                    f"(version {version.count}, expected {count}); clone() it before the change")
        while self.recall is not None:
            self.saved_arrays, self.recall = self.recall()
        return self.saved_arrays

    def record(self, outputs):
        """Become part of the graph: take a number, draw the edges, remember the versions of what was saved."""
        self.edges = tuple(edge_of(t) if needed else None for t, needed in zip(self.inputs, self.needs))
        owners = {id(t.array): t.version for t in (*self.inputs, *outputs)}
        found = (owners.get(id(array)) for array in self.saved_arrays)
        self.versions = [(version, version.count) for version in found if version is not None]
        self.inputs = ()
        self.output_likes = [(t.shape, t.dtype) for t in outputs]
        self.number = next(_numbers)   # after the edges: larger than the number of any node it depends on
        for i, tensor in enumerate(outputs):
            if tensor.is_floating_point():
                tensor.grad_fn, tensor.output_index, tensor.requires_grad = self, i, True
        for watch in _mode.watchers:
            watch(self)

    def run(self, gradients):
        """Gradients with respect to the outputs in, with respect to the inputs out."""
        if self.freed:
            raise RuntimeError(f"{self.name}: backward through a graph whose saved arrays were freed by an earlier "
                               "backward(); give that one retain_graph=True")
        gradients = [np.zeros(*like) if dy is None else dy for dy, like in zip(gradients, self.output_likes)]
        with kernels.use(self.backend), np.errstate(all="ignore"):
            result = self.function.backward(self, *gradients)
        return result if isinstance(result, tuple) else (result,)

    def free(self):
        """Let go of what was saved; what saved nothing can be walked again, as in PyTorch."""
        if self.saved_arrays or self.recall:
            self.saved_arrays, self.versions, self.recall, self.freed = (), (), None, True

    def __repr__(self):
        return f"<{self.name}>"


class Accumulate(Node):
    """The end of a path: adds what arrives to a leaf's `.grad`."""

    name = "AccumulateGrad"

    def __init__(self, leaf):
        super().__init__(None)
        self.leaf, self.edges, self.number = leaf, (), next(_numbers)
        self.output_likes = [(leaf.shape, leaf.dtype)]
        if leaf._leaf_hooks is None:
            leaf._leaf_hooks = {}
        self.hooks = {0: leaf._leaf_hooks}

    def add(self, gradient, fresh):
        leaf = self.leaf
        if leaf.grad is not None:
            leaf.grad.array = leaf.grad.array + gradient
        else:
            leaf.grad = Tensor(gradient if fresh else np.array(gradient, order="K"))


def edge_of(tensor):
    """Where a gradient with respect to `tensor` has to go: (node, index of the node's output)."""
    if tensor.grad_fn is not None:
        return tensor.grad_fn, tensor.output_index
    node = tensor._accumulator and tensor._accumulator()
    if node is None:                   # made at first use; the tensor holds it weakly, so there is no cycle
        node = Accumulate(tensor)
        tensor._accumulator = weakref.ref(node)
    return node, 0


class Function:
    """A differentiable operator: subclass it with `forward` and, right under it, `backward`.

    `forward(ctx, *args)` gets arrays where tensors were passed and returns an array or a tuple of arrays.
    `backward(ctx, dy, ...)` gets the gradient of each output and returns one gradient for each tensor input, None
    where `ctx.needs[i]` is false. Subclasses register themselves; a test proves every one.
    """

    registry = {}
    adds_to = None                     # an input whose gradient `backward` can add to `ctx.so_far`, in place, if the
                                       # gradient that others sent to that input so far is there (else it is None)

    def __init_subclass__(cls):
        Function.registry[cls.__name__] = cls

    @classmethod
    def apply(cls, *args, **kwargs):
        """Run `forward` and, where an input needs a gradient, record the node. Returns a Tensor or a tuple of them."""
        tensors = [a for a in args if isinstance(a, Tensor)]
        node = Node(cls, tensors)
        arrays = [a.array if isinstance(a, Tensor) else a for a in args]
        with np.errstate(all="ignore"):                # NaN and infinity are results like any other
            result = cls.forward(node, *arrays, **kwargs)
        outputs = [Tensor(y) for y in result] if isinstance(result, tuple) else [Tensor(result)]
        if _mode.anomaly:
            _refuse_non_finite(f"{cls.__name__} forward", [t.array for t in outputs])
        if any(node.needs):
            node.record(outputs)
        return tuple(outputs) if isinstance(result, tuple) else outputs[0]

    @classmethod
    def apply_(cls, target, *args, **kwargs):
        """In place: like `apply`, but the result is written into `target`, which then stands for it."""
        result = cls.apply(target, *args, **kwargs, out=target.array)
        target.bump()
        node = result.grad_fn
        if node is not None:           # a saved `target.array` is the output: `forward` copies an input it needs
            now = (target.version, target.version.count)
            node.versions = [now if version is result.version else (version, count)
                             for version, count in node.versions]
            target.grad_fn, target.output_index, target.requires_grad = node, result.output_index, True
        return target


def check_in_place(name, target, *others):
    """Refuse what an in-place change would break: a leaf that needs a gradient, a view, or a base with views."""
    if not _mode.grad or not any(t.requires_grad for t in (target, *others)):
        return
    if target.is_leaf and target.requires_grad:
        raise RuntimeError(f"{name}: a leaf that requires a gradient cannot be changed in place outside no_grad()")
    if target.base is not None or target.has_views():
        raise RuntimeError(f"{name}: in place on a view, or on a tensor with living views, is not supported while "
                           "recording; use the out-of-place form or clone()")


def _refuse_non_finite(where, arrays):
    for array in arrays:
        if array is not None and array.dtype.kind == "f" and not np.isfinite(array).all():
            worst = "NaN" if np.isnan(array).any() else "infinity"
            raise FloatingPointError(f"{where}: {worst} in a result of shape {array.shape}")


# The walk back --------------------------------------------------------------------------------------------------


class _Pending:
    """The gradients that have arrived at a node so far, one per output."""

    __slots__ = ("gradients", "owned")

    def __init__(self, outputs):
        self.gradients = [None] * outputs
        self.owned = [False] * outputs # whether nobody else holds the array, so that it may be added to in place

    def add(self, index, gradient, fresh):
        held = self.gradients[index]
        if held is None:
            self.gradients[index], self.owned[index] = gradient, fresh
        else:
            out = held if self.owned[index] else None
            self.gradients[index], self.owned[index] = np.asarray(plus(held, gradient, out)), True


def run_backward(tensor, gradient, retain_graph=False):
    """Add d(sum(gradient * tensor))/d(leaf) to the `.grad` of every leaf that requires one.

    A node's number is larger than the numbers of all nodes it depends on, so going through the nodes in descending
    order visits each one once, after all that use its outputs: a topological order without recursion.
    """
    root, index = edge_of(tensor)
    pending = {root: _Pending(len(root.output_likes))}
    pending[root].add(index, gradient, fresh=False)
    queue = [(-root.number, root)]
    while queue:
        _, node = heapq.heappop(queue)
        arrived = pending.pop(node)
        _run_hooks(node, arrived)
        if isinstance(node, Accumulate):
            node.add(arrived.gradients[0], arrived.owned[0])
            continue
        so_far = node.so_far = _so_far(node, pending)
        gradients = node.run(arrived.gradients)
        node.so_far = None
        if _mode.anomaly:
            _refuse_non_finite(node.name, gradients)
        owned = _owned_by_nobody(gradients, arrived.gradients, node.saved_arrays)
        if not retain_graph:
            node.free()
        for edge, dx, fresh in zip(node.edges, gradients, owned):
            if edge is None or dx is None or dx is so_far:     # the last was added to what is there already
                continue
            producer, index = edge
            if producer not in pending:
                pending[producer] = _Pending(len(producer.output_likes))
                heapq.heappush(queue, (-producer.number, producer))
            pending[producer].add(index, dx, fresh)
        del arrived, gradients, so_far # or the next node would run with this one's arrays still alive


def _so_far(node, pending):
    """The gradient that has arrived where this node is about to send one more, if nobody else holds it."""
    edge = None if node.function is None or node.function.adds_to is None else node.edges[node.function.adds_to]
    if edge is None or edge[0] not in pending:
        return None
    waiting, index = pending[edge[0]], edge[1]
    return waiting.gradients[index] if waiting.owned[index] else None


def _memory(array):
    return id(array if array.base is None else array.base)


def _owned_by_nobody(gradients, arrived, saved):
    """For each gradient, whether its memory is its own: not that of what arrived, was saved, or of another one."""
    taken = {_memory(a) for a in (*arrived, *saved) if isinstance(a, np.ndarray)}
    owned = []
    for dx in gradients:
        owned.append(isinstance(dx, np.ndarray) and dx.flags.writeable and _memory(dx) not in taken)
        if dx is not None:
            taken.add(_memory(dx))
    return owned


def _run_hooks(node, arrived):
    for index, hooks in node.hooks.items():
        for hook in tuple(hooks.values()):
            if arrived.gradients[index] is None:
                continue
            changed = hook(Tensor(arrived.gradients[index]))
            arrived.owned[index] = False           # the hook may have kept it
            if changed is not None:
                arrived.gradients[index] = changed.array


# What users call on tensors -------------------------------------------------------------------------------------


def backward(self, gradient=None, retain_graph=False, create_graph=False):
    """Add the gradients of this tensor to the `.grad` of every leaf it depends on.

    `gradient` is the gradient of the final result with respect to this tensor (same shape); a tensor of one element
    may leave it out, for 1. Saved arrays are freed on the way unless `retain_graph`.
    """
    if create_graph:
        raise NotImplementedError("backward: create_graph=True is not supported; gradients are first-order only")
    if not self.requires_grad:
        raise RuntimeError("backward: this tensor does not require a gradient and no recorded operation made it")
    if gradient is None:
        if self.array.size != 1:
            raise RuntimeError(f"backward: a gradient is needed for a tensor of shape {self.shape}; only a tensor "
                               "of one element may leave it out")
        gradient = np.ones_like(self.array)
    gradient = np.asarray(getattr(gradient, "array", gradient), self.dtype)
    if gradient.shape != self.shape:
        raise ValueError(f"backward: expected a gradient of shape {self.shape}, got {gradient.shape}")
    with no_grad():
        run_backward(self, gradient, retain_graph)


class RemovableHandle:
    """What registering a hook returns; `remove()` takes the hook away."""

    _ids = itertools.count()

    def __init__(self, hooks, hook):
        self.hooks, self.id = hooks, next(self._ids)
        hooks[self.id] = hook

    def remove(self):
        self.hooks.pop(self.id, None)


def register_hook(self, hook):
    """Call `hook(gradient)` when this tensor's gradient is known; a tensor it returns replaces the gradient."""
    if not self.requires_grad:
        raise RuntimeError("register_hook: this tensor does not require a gradient")
    if self.grad_fn is not None:
        return RemovableHandle(self.grad_fn.hooks.setdefault(self.output_index, {}), hook)
    if self._leaf_hooks is None:
        self._leaf_hooks = {}
    return RemovableHandle(self._leaf_hooks, hook)


def retain_grad(self):
    """Keep the gradient of this intermediate result in its `.grad` (leaves always do)."""
    if self.is_leaf or self._retains:
        return
    self._retains, this = True, weakref.ref(self)

    def keep(gradient):
        tensor = this()
        if tensor is not None:
            total = gradient.array.copy() if tensor.grad is None else tensor.grad.array + gradient.array
            tensor.grad = Tensor(total)

    register_hook(self, keep)


attach(backward=backward, register_hook=register_hook, retain_grad=retain_grad)
