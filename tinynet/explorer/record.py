"""Recording a forward and a backward pass: the inputs, results, saved arrays and gradients of each operator.

`inspect.watch` calls the recording for every operator that runs inside a `with` block. The recording takes a sample of
each array at once, because arrays may be changed in place or freed afterwards.
"""

import contextlib
from dataclasses import dataclass, field

import numpy as np

from tinynet.autograd import Accumulate
from tinynet.explorer.describe import named, title
from tinynet.explorer.sample import Snapshot
from tinynet.inspect.watch import around_operators, kept, owner
from tinynet.tensor import Tensor, tensors_in


@dataclass
class Value:
    """An array of the forward pass. `maker` is the number of the operator that computed it, None for the others."""

    number: int
    kind: str                          # "input", "parameter", "constant" or "result"
    name: str
    shape: tuple
    bytes: int
    snapshot: Snapshot | None          # None where the values are gone
    maker: int | None = None


@dataclass
class Operator:
    """One call of a Function. `modules` are the paths of the modules that were running, from the outermost."""

    number: int
    function: type
    modules: tuple
    inputs: list                       # numbers of values
    outputs: list
    options: dict                      # the other arguments by name, without those that are None
    title: str                         # its name, and what it does besides
    saved: list = field(default_factory=list)          # (what it is, bytes)
    arrived: list = field(default_factory=list)        # a snapshot of the gradient of each output
    sent: list = field(default_factory=list)           # a snapshot of the gradient of each input, or None


@dataclass
class Step:
    """One step: an operator runs forward or backward, or two gradients of a value are added."""

    kind: str                          # "forward", "backward" or "add"
    operator: int | None               # the operator that runs; for "add" the one that sent the second gradient
    value: int | None = None           # for "add": the value whose gradients meet
    total: Snapshot | None = None      # for "add": their sum
    saved: int = 0                     # bytes kept for backward after this step
    gradients: int = 0                 # bytes of gradients on their way after this step


class Recording:
    """All `values`, `operators` and `steps` of a `recording` block, and the `parameters` at its end."""

    def __init__(self, model=None, inputs=()):
        self.label = ""                # its name, where the page shows two recordings
        self.values, self.operators, self.steps, self.parameters = [], [], [], []
        self.kinds = {} if model is None else {path: type(module).__name__ for path, module in model.named_modules()}
        self.paths = {} if model is None else {module: path for path, module in model.named_modules()}
        self.names = {} if model is None else {id(p): name for name, p in model.named_parameters()}
        self.inputs = {id(tensor): name for name, tensor in inputs}
        self.lent = set() if model is None else {id(owner(p.array)) for p in model.parameters()}
        self.running, self.known, self.by_node = [], {}, {}
        self.holders, self.saved = {}, 0        # id of saved memory -> the operators that keep it; all their bytes
        self.waiting, self.flying = {}, 0       # edge -> the gradient that has arrived there so far; their bytes
        self.node_total = None         # the array that the running node may add its gradient to

    def value_of(self, tensor):
        """The Value of a tensor: a result of a recorded operator, else an input, a parameter or a constant."""
        if id(tensor) in self.known:
            return self.known[id(tensor)][1]
        if id(tensor) in self.names:
            return self.remember(tensor, "parameter", self.names[id(tensor)])
        if id(tensor) in self.inputs:
            return self.remember(tensor, "input", self.inputs[id(tensor)])
        return self.remember(tensor, "input" if tensor.requires_grad else "constant", "")

    def remember(self, tensor, kind, name, maker=None):
        array = tensor.array
        value = Value(len(self.values), kind, name, array.shape, array.nbytes, Snapshot(array), maker)
        self.values.append(value)
        self.known[id(tensor)] = tensor, value         # the tensor stays alive, so that its id stays its own
        return value

    def snapshots(self):
        """All snapshots, in any order."""
        found = [v.snapshot for v in self.values] + [s.total for s in self.steps]
        found += [s for operator in self.operators for s in (*operator.arrived, *operator.sent)]
        found += [s for _, *three in self.parameters for s in three]
        return [snapshot for snapshot in found if snapshot is not None]

    # Forward ----------------------------------------------------------------------------------------------------

    def enter(self, module, inputs):
        self.running.append(self.paths[module])

    def leave(self, module, inputs, output):
        self.running.pop()

    def forward(self, function, args, call):
        """Run an operator by `call()`, and note it."""
        inputs = [self.value_of(t) for t in args if isinstance(t, Tensor)]
        roles = {id(t.array): f"input {i + 1}" for i, t in enumerate(a for a in args if isinstance(a, Tensor))}
        result, arguments = call(), named(function, args)
        operator = Operator(len(self.operators), function, tuple(self.running), [v.number for v in inputs], [],
                            {name: a for name, a in arguments.items() if not isinstance(a, (Tensor, np.ndarray))},
                            title(function, arguments))
        self.operators.append(operator)
        outputs = tensors_in(result)
        for tensor in outputs:
            operator.outputs.append(self.remember(tensor, "result", "", operator.number).number)
            roles.setdefault(id(tensor.array), "output")
        node = outputs[0].grad_fn if outputs else None
        if node is not None:
            self.by_node[node] = operator
            self.keep(operator, node, roles)
        self.add_step("forward", operator.number)
        return result

    def keep(self, operator, node, roles):
        """Note the arrays that a node saved for backward; `roles` maps the id of an array to its description."""
        operator.saved = [(roles.get(id(a), "computed"), list(a.shape), a.nbytes) for a in kept(node)]
        for memory in {id(a): a for a in map(owner, kept(node)) if id(a) not in self.lent}.values():
            holders = self.holders.setdefault(id(memory), set())
            self.saved += 0 if holders else memory.nbytes
            holders.add(operator.number)

    def release(self, operator, node):
        """Note that a node frees its saved arrays."""
        for memory in {id(a): a for a in map(owner, kept(node)) if id(a) not in self.lent}.values():
            holders = self.holders.get(id(memory), {operator.number})
            holders.discard(operator.number)
            self.saved -= 0 if holders else memory.nbytes

    # Backward ---------------------------------------------------------------------------------------------------

    def backward(self, node, gradients, call):
        """Run the backward of an operator by `call()`, and note it."""
        operator, self.node_total = self.by_node.get(node), node.accumulator
        if operator is None:
            return call()
        operator.arrived = [None if dy is None else Snapshot(dy) for dy in gradients]
        for index in range(len(node.output_likes)):
            self.flying -= 0 if self.waiting.pop((node, index), None) is None else gradients[index].nbytes
        so_far = [None if edge is None else self.waiting.get(edge) for edge in node.edges]
        result = call()
        self.release(operator, node)
        sent = [self.sent(edge, dx, before) for edge, dx, before in zip(node.edges, result, so_far)]
        operator.sent = [None if dx is None else Snapshot(dx) for dx in sent]
        met = []
        for i, (edge, dx) in enumerate(zip(node.edges, sent)):
            if edge is not None and dx is not None:
                before = self.waiting.get(edge)
                self.waiting[edge] = dx if before is None else before + dx
                if before is None and not isinstance(edge[0], Accumulate):
                    self.flying += dx.nbytes
                met += [] if before is None else [(operator.inputs[i], Snapshot(self.waiting[edge]))]
        self.add_step("backward", operator.number)
        for value, total in met:
            self.add_step("add", operator.number, value, total)
        return result

    def sent(self, edge, dx, before):
        """The gradient that an operator sends along an edge, without an earlier gradient if it was added in place."""
        if edge is None or dx is None:
            return None
        added_in_place = before is not None and dx is self.node_total
        return dx - before if added_in_place else dx.copy()

    def add_step(self, kind, operator, value=None, total=None):
        self.steps.append(Step(kind, operator, value, total, self.saved, self.flying))


@contextlib.contextmanager
def recording(model=None, inputs=()):
    """`with recording(model, [("input", x)]) as seen:` notes every operator of the block, forward and backward."""
    seen = Recording(model, inputs)
    with around_operators(seen.forward, seen.backward, seen):
        yield seen
