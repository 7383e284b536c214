"""The function that users call: it explores a network, a function that computes a loss, or a loss with its graph."""

import functools
import math
import operator

from tinynet.autograd import Accumulate, enable_grad
from tinynet.explorer.page import Page
from tinynet.explorer.record import Operator, Recording, Value, recording
from tinynet.explorer.sample import Snapshot
from tinynet.inspect.watch import inputs_for, undisturbed
from tinynet.nn import Module
from tinynet.tensor import Tensor, tensors_in


def explore(loss, inputs=None, out=None, title=None, essays=None):
    """A forward and a backward pass as a page for a browser, a step for each operator; `out` is the file to write.

    `loss` is one of three things. A function without arguments, which computes a loss of one element: it is called and
    recorded, with every value. A `Module`: it runs in evaluation, on `inputs`, the shape of one input without the
    batch or tensors, and the loss is the mean of the squares of its outputs. A tensor of one element whose graph still
    exists: its page shows gradients, shapes and saved arrays, because the other values are gone. `inputs` of a function
    or a tensor is a dictionary that gives tensors their names: `{"x": x, "w": w}`.

    Returns the `Page`: `save(path)` writes it, a notebook shows it. `.grad` of all tensors stays as it was. `essays` is
    the folder of the book's essays, for links to them. ValueError for a loss without a graph or of several elements,
    TypeError for other objects, OSError if `out` cannot be written. Shapes: any.
    """
    if isinstance(loss, Module):
        seen, title = explored_module(loss, inputs), title or type(loss).__name__
    elif isinstance(loss, Tensor):
        seen, title = adopted(loss, named(inputs)), title or "A graph"
    elif callable(loss):
        seen, title = explored_function(loss, named(inputs)), title or getattr(loss, "__name__", "A function")
    else:
        raise TypeError(f"explore: expected a tensor, a function or a Module, got {type(loss).__name__}")
    page = Page([seen], title, subtitle(seen), essays)
    if out is not None:
        page.save(out)
    return page


def subtitle(seen):
    count = sum(value.shape != () or value.kind != "constant" for value in seen.values)
    return f"{len(seen.operators):,} operators, {count:,} arrays, {len(seen.steps):,} steps"


def named(inputs):
    """[(name, tensor)] of a dictionary."""
    if inputs is None:
        return []
    if not isinstance(inputs, dict) or not all(isinstance(t, Tensor) for t in inputs.values()):
        raise TypeError("explore: expected inputs as a dictionary of tensors, such as {'x': x}, "
                        f"got {type(inputs).__name__}")
    return [(str(name), tensor) for name, tensor in inputs.items()]


def explored_module(model, inputs):
    if inputs is None:
        raise ValueError("explore: expected inputs, the shape of one input without the batch, or tensors")
    with undisturbed(model, training=False):
        given = inputs_for(model, inputs, batch_size=2, requires_grad=True)
        return record(lambda: mean_of_squares(model(*given)), model, label_inputs(given))


def label_inputs(given):
    tensors = tensors_in(given)
    return [("input" if len(tensors) == 1 else f"input {i + 1}", t) for i, t in enumerate(tensors)]


def mean_of_squares(result):
    """A loss for a network without labels: its gradient is not 0, and differs from element to element."""
    return functools.reduce(operator.add, (y.square().mean() for y in tensors_in(result) if y.is_floating_point()))


def explored_function(function, inputs):
    return record(function, None, inputs)


def record(compute, model=None, inputs=(), parameters=None):
    """The Recording of `compute()`, which returns the loss, and of its backward pass; gradients stay as they were."""
    leaves = [t for _, t in inputs] + (list(model.parameters()) if model is not None else [])
    with enable_grad(), recording(model, inputs) as seen:
        loss = check_loss(compute())
        with gradients_kept(seen, leaves):
            loss.backward()
            seen.parameters = parameters_of(seen) if parameters is None else parameters(seen)
    return seen


def check_loss(loss):
    if not isinstance(loss, Tensor):
        raise TypeError(f"explore: expected the function to return a tensor, got {type(loss).__name__}")
    if loss.numel() != 1:
        raise ValueError(f"explore: expected a loss of one element, got shape {loss.shape}; use .mean() or .sum()")
    if loss.grad_fn is None:
        raise ValueError("explore: this loss has no graph: nothing that it was computed from requires a gradient")
    return loss


class gradients_kept:
    """A context for a backward pass: it removes the gradient of every leaf, and restores it afterwards."""

    def __init__(self, seen, leaves):
        known = [tensor for tensor, value in seen.known.values() if tensor.is_leaf]
        self.before = {id(t): (t, t.grad) for t in (*leaves, *known)}

    def __enter__(self):
        for tensor, _ in self.before.values():
            tensor.grad = None

    def __exit__(self, *exception):
        for tensor, gradient in self.before.values():
            tensor.grad = gradient


def parameters_of(seen):
    """(name, value, gradient, None) of every leaf that got a gradient."""
    return [(value.name or f"{value.kind} {value.number}", value.snapshot, Snapshot(tensor.grad.array), None)
            for tensor, value in seen.known.values() if value.maker is None and tensor.grad is not None]


# A graph that was recorded before -------------------------------------------------------------------------------


def adopted(loss, inputs):
    """The Recording of an existing graph: its nodes in the order in which they ran, without values that are gone."""
    check_loss(loss)
    seen, nodes = Recording(None, inputs), nodes_of(loss.grad_fn)
    value_at = {}                      # edge -> Value
    for node in sorted(nodes, key=lambda node: node.number):
        adopt(seen, node, value_at)
    with recording() as live:
        live.__dict__.update(seen.__dict__)
        with gradients_kept(live, []):
            loss.backward(retain_graph=True)
            live.parameters = parameters_of(live)
    return live


def nodes_of(root):
    """All nodes on which the loss depends, found without recursion."""
    found, waiting = {root}, [root]
    while waiting:
        for edge in filter(None, waiting.pop().edges):
            if edge[0] not in found and not isinstance(edge[0], Accumulate):
                found.add(edge[0])
                waiting.append(edge[0])
    return found


def adopt(seen, node, value_at):
    made = Operator(len(seen.operators), node.function, (), [], [], {}, node.function.__name__)
    seen.operators.append(made)
    for edge in node.edges:
        made.inputs.append(value_behind(seen, edge, value_at).number)
    for index, (shape, dtype) in enumerate(node.output_likes):
        value = Value(len(seen.values), "result", "", shape, math.prod(shape) * dtype.itemsize, None, made.number)
        seen.values.append(value)
        value_at[node, index] = value
        made.outputs.append(value.number)
    seen.keep(made, node, {id(edge[0].leaf.array): f"input {i + 1}" for i, edge in enumerate(node.edges)
                           if edge is not None and isinstance(edge[0], Accumulate)})
    seen.by_node[node] = made
    seen.add_step("forward", made.number)


def value_behind(seen, edge, value_at):
    """The Value that an edge leads to. An edge that needs no gradient is None: then the Value is unknown."""
    if edge is None:
        value = Value(len(seen.values), "constant", "", (), 0, None)
        seen.values.append(value)
        return value
    if edge not in value_at:
        value_at[edge] = seen.value_of(edge[0].leaf)
    return value_at[edge]
