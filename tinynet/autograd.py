"""Automatic differentiation in reverse: record all operators, then go through the record backwards.

A differentiable operator is a `Function` with two static methods, `forward` and `backward`. Applying it to tensors
that need gradients leaves a `Node`: the arrays that were saved, and edges to the nodes that made the inputs. The
backward pass visits the nodes from the latest to the earliest. Each gets the gradient of the loss with respect to its
outputs, and sends the gradients with respect to its inputs along its edges. Gradients that meet are added. At a leaf
the sum is added to `.grad`.

Gradients are first-order only: a gradient is an array without a graph of its own. The folder `gradients/` has the parts
that this idea does not need: modes (`no_grad`), hooks, sums in place, changes of tensors in place, recomputation.
"""

import heapq
import itertools
import weakref

import numpy as np

from tinynet import kernels
from tinynet.gradients.anomaly import check_finite, detect_anomaly     # noqa: F401 (public from here, too)
from tinynet.gradients.hooks import backward_pass, removing, run_hooks
from tinynet.gradients.modes import enable_grad, inference_mode, set_grad_enabled    # noqa: F401 (as above)
from tinynet.gradients.modes import modes, no_grad
from tinynet.gradients.sums import Arrived, accumulator, are_owned
from tinynet.tensor import Tensor, attach


class Function:
    """A differentiable operator: subclass it with `forward` and, right under it, `backward`.

    `forward(ctx, *args)` gets arrays where tensors were passed and returns an array or a tuple of arrays.
    `backward(ctx, dy, ...)` gets the gradient of each output and returns one gradient for each tensor input, None
    where `ctx.needs[i]` is false. Subclasses register themselves, and a test demands a gradient check for each of them.
    """

    registry = {}
    accumulates_into = None            # the number of an input, if `backward` can add its gradient to the array
                                       # `ctx.accumulator` (None if there is none) and return that array

    def __init_subclass__(cls, listed=True):
        if listed:                     # False for a class that is only a base of operators
            Function.registry[cls.__name__] = cls

    @classmethod
    def apply(cls, *args, **kwargs):
        """Run `forward`; record the node if an input needs a gradient. Returns a Tensor or a tuple of them."""
        tensors, arrays = [], []
        for a in args:
            if isinstance(a, Tensor):
                tensors.append(a)
                a = a.array
            arrays.append(a)
        node = Node(cls, tensors)
        with np.errstate(all="ignore"):                # NaN and infinity are results like any other
            result = cls.forward(node, *arrays, **kwargs)
        outputs = [Tensor(y) for y in result] if isinstance(result, tuple) else [Tensor(result)]
        if modes.anomaly:
            check_finite(f"{cls.__name__} forward", [t.array for t in outputs])
        if any(node.needs):
            node.record(outputs)
        return tuple(outputs) if isinstance(result, tuple) else outputs[0]


# The graph ------------------------------------------------------------------------------------------------------

_numbers = itertools.count()


class Node:
    """One recorded operation. It is also the context (`ctx`) that `forward` and `backward` receive.

    `edges` holds, for each tensor input, the pair (node that made it, index among that node's outputs), or None where
    no gradient is wanted. Edges lead to nodes, never to tensors. So an intermediate result that no operator saved
    is freed as soon as the user's code drops it.
    """

    def __init__(self, function, inputs=()):
        self.function = function
        self.inputs = inputs           # dropped as soon as the edges are drawn
        self.needs = tuple([modes.grad and t.requires_grad for t in inputs])
        self.backend = kernels.backend()
        self.saved_arrays = ()
        self.recall = None             # a function that computes saved_arrays again: see gradients/recompute.py
        self.freed = False
        self.hooks = {}                # for each output, by its index: the hooks on its gradient
        self.accumulator = None        # see Function.accumulates_into

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
        """Become part of the graph: draw the edges, take a number, remember the versions of what was saved."""
        self.edges = tuple([edge_of(t) if needed else None for t, needed in zip(self.inputs, self.needs)])
        owners = {id(t.array): t.version for t in (*self.inputs, *outputs)}
        found = map(owners.get, map(id, self.saved_arrays))
        self.versions = [(version, version.count) for version in found if version is not None]
        self.inputs = ()
        self.output_likes = [(t.array.shape, t.array.dtype) for t in outputs]
        self.number = next(_numbers)   # after the edges: larger than the number of any node it depends on
        for i, tensor in enumerate(outputs):
            if tensor.is_floating_point():
                tensor.grad_fn, tensor.output_index, tensor.requires_grad = self, i, True
        for watch in modes.watchers:
            watch(self)

    def run(self, gradients):
        """Gradients with respect to the outputs in, with respect to the inputs out."""
        if self.freed:
            raise RuntimeError(f"{self.name}: backward through a graph whose saved arrays were freed by an earlier "
                               "backward(); give that one retain_graph=True")
        if self.backend != kernels.backend():
            with kernels.use(self.backend):
                return self.run(gradients)
        gradients = [np.zeros(*like) if dy is None else dy for dy, like in zip(gradients, self.output_likes)]
        result = self.function.backward(self, *gradients)
        return result if isinstance(result, tuple) else (result,)

    def free(self):
        """Drop what was saved. A node that saved nothing can run in a second backward, as in PyTorch."""
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

    def add(self, gradient, owned):
        """Add `gradient` to `.grad`; if `owned`, no other object uses its memory, and no copy is needed."""
        leaf = self.leaf
        if leaf.grad is not None:
            leaf.grad.array = leaf.grad.array + gradient
        else:
            leaf.grad = Tensor(gradient if owned else np.array(gradient, order="K"))
        for hook in tuple((leaf._added_hooks or {}).values()):
            hook(leaf)


def edge_of(tensor):
    """The edge for a gradient with respect to `tensor`: (node, index of the node's output)."""
    if tensor.grad_fn is not None:
        return tensor.grad_fn, tensor.output_index
    node = tensor._accumulator and tensor._accumulator()
    if node is None:                   # made at first use; the tensor holds it weakly, so there is no cycle
        node = Accumulate(tensor)
        tensor._accumulator = weakref.ref(node)
    return node, 0


# The backward pass ----------------------------------------------------------------------------------------------


def run_backward(tensors, gradients, retain_graph=False, leaves=None):
    """Add d(Σ gradient · tensor)/d(leaf) to the `.grad` of every leaf that requires one, or of `leaves` (ids) alone.

    A node's number is larger than the numbers of all nodes it depends on. Going through the nodes in descending order
    visits each one once, after all that use its outputs: a topological order without recursion.
    """
    pending, queue = {}, []            # node -> the gradients that have arrived there; the numbers of these nodes

    def send(edge, gradient, owned=False):
        node, index = edge
        if node not in pending:
            pending[node] = Arrived(node)
            heapq.heappush(queue, (-node.number, node))
        pending[node].add(index, gradient, owned)

    for tensor, gradient in zip(tensors, gradients):
        send(edge_of(tensor), gradient)
    with backward_pass(), np.errstate(all="ignore"):           # once: to enter it for each node takes longer
        while queue:
            _, node = heapq.heappop(queue)
            if isinstance(node, Accumulate):
                _finish(node, pending.pop(node), leaves)
            else:
                _pass_on(node, pending.pop(node), pending, send, retain_graph)


def _finish(node, arrived, leaves):
    """Add what has arrived at a leaf to its `.grad`, unless `leaves` leaves it out."""
    run_hooks(node, arrived)
    if leaves is None or id(node.leaf) in leaves:
        node.add(arrived.gradients[0], arrived.owned[0])


def _pass_on(node, arrived, pending, send, retain_graph):
    """Run a node, and send along each edge the gradient with respect to that input.

    `total` is a sum at one of those inputs to which the node can add in place, None for most nodes. `gradients/sums.py`
    explains it, and what an owned gradient is.
    """
    run_hooks(node, arrived)
    total = node.accumulator = accumulator(node, pending)
    gradients = node.run(arrived.gradients)
    node.accumulator = None
    if modes.anomaly:
        check_finite(node.name, gradients)
    owned = are_owned(gradients, arrived.gradients, node.saved_arrays)
    if not retain_graph:
        node.free()
    for edge, dx, is_owned in zip(node.edges, gradients, owned):
        if edge is not None and dx is not None and dx is not total:        # `total` holds its dx already
            send(edge, dx, is_owned)


# What users call ------------------------------------------------------------------------------------------------


@attach("backward")
def backward(self, gradient=None, retain_graph=None, create_graph=False, inputs=None):
    """Add the gradients of this tensor to the `.grad` of every leaf it depends on, or of the leaves `inputs` alone.

    `gradient` is the gradient of the final result with respect to this tensor (same shape); a tensor of one element
    may leave it out, for 1. Saved arrays are freed on the way unless `retain_graph`. RuntimeError if no recorded
    operation made this tensor, NotImplementedError for `create_graph`.
    """
    _refuse_second_order("backward", create_graph)
    leaves = inputs if inputs is None or isinstance(inputs, (tuple, list)) else [inputs]
    if leaves is not None and not all(t.is_leaf for t in leaves):
        raise NotImplementedError("backward: expected leaves as inputs; use autograd.grad for other tensors")
    seed = _seed("backward", self, gradient)
    with no_grad():
        run_backward([self], [seed], retain_graph, leaves and {id(t) for t in leaves})


def _refuse_second_order(name, create_graph):
    if create_graph:
        raise NotImplementedError(f"{name}: create_graph=True is not supported; gradients are first-order only")


def _seed(name, tensor, gradient):
    """The array that the backward pass of `tensor` starts from."""
    if not tensor.requires_grad:
        raise RuntimeError(f"{name}: this tensor does not require a gradient and no recorded operation made it")
    if gradient is None:
        if tensor.array.size != 1:
            raise RuntimeError(f"{name}: a gradient is needed for a tensor of shape {tensor.shape}; only a tensor "
                               "of one element may leave it out")
        return np.ones_like(tensor.array)
    gradient = np.asarray(getattr(gradient, "array", gradient), tensor.dtype)
    if gradient.shape != tensor.shape:
        raise ValueError(f"{name}: expected a gradient of shape {tensor.shape}, got {gradient.shape}")
    return gradient


def grad(outputs, inputs, grad_outputs=None, retain_graph=None, create_graph=False, only_inputs=True,
         allow_unused=None, is_grads_batched=False, materialize_grads=False):
    """The gradients of `outputs` with respect to `inputs`, each in the shape of its input; no `.grad` changes.

    `grad_outputs` are the gradients of the final result with respect to the outputs, 1 for those of one element.
    RuntimeError for an input that the outputs do not depend on, unless `allow_unused`, which gives None for it, or
    `materialize_grads`, which gives zeros. NotImplementedError for `create_graph`, for `is_grads_batched`, and for
    `only_inputs=False`.
    """
    _refuse_second_order("grad", create_graph)
    if is_grads_batched or not only_inputs:
        raise NotImplementedError("grad: is_grads_batched=True and only_inputs=False are not supported")
    outputs, inputs = _several(outputs), _several(inputs)
    given = [None] * len(outputs) if grad_outputs is None else _several(grad_outputs)
    seeds = [_seed("grad", *pair) for pair in zip(outputs, given, strict=True)]
    found = {}
    handles = [t.register_hook(lambda dx, i=i: found.__setitem__(i, dx.clone())) for i, t in enumerate(inputs)]
    with removing(handles), no_grad():
        run_backward(outputs, seeds, retain_graph, leaves=())
    if materialize_grads:
        found = {i: Tensor(np.zeros_like(tensor.array)) for i, tensor in enumerate(inputs)} | found
    if len(found) < len(inputs) and not allow_unused:
        raise RuntimeError("grad: the outputs do not depend on one of the inputs; allow_unused=True gives None for it")
    return tuple(found.get(i) for i in range(len(inputs)))


def _several(tensors):
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)
