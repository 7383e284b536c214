"""A drawing of the computational graph, the operators that a gradient flows through, without any other program."""

import collections
import math
from dataclasses import dataclass, field

from tinynet.autograd import Accumulate
from tinynet.inspect.placing import arrange
from tinynet.inspect.summary import saved_bytes
from tinynet.inspect.table import amount
from tinynet.inspect.watch import inputs_for, undisturbed, watch

MOST_BOXES = 32                        # a drawing with more boxes is folded


@dataclass(eq=False)
class Box:
    """An operator, the run of a module, or an input; `above` are the boxes whose results it uses."""

    kind: str                          # "operator", "learned" (it has parameters), "input"
    lines: list
    above: list = field(default_factory=list)
    x: float = 0.0                     # of its centre, in inches
    y: float = 0.0


class Graph:
    """The `boxes`, each below those it depends on; `save(path)` draws them."""

    def __init__(self, boxes):
        self.boxes = boxes

    def save(self, path):
        """Draw the graph into a .png, .svg or .pdf file."""
        from tinynet import plots
        plots.write(self.figure(), path)

    def __str__(self):
        number = {box: i for i, box in enumerate(self.boxes)}
        lines = []
        for box, i in number.items():
            above = ", ".join(str(number[b]) for b in box.above) or "-"
            lines.append(f"{i:3}  {'; '.join(box.lines)}  <- {above}")
        return "\n".join(lines)

    __repr__ = __str__

    def figure(self):
        """The figure that `save` writes."""
        from tinynet.inspect.drawing import draw
        return draw(*arrange(self.boxes))

    def _repr_svg_(self):
        from tinynet.plots.figure import rendered
        return rendered(self.figure(), "svg").decode()


def graph(model, input_size, batch_size=1, depth=None):
    """The operators that `model` runs on one input, as a `Graph`: `graph(block, (16, 32, 32)).save("block.svg")`.

    `input_size` is the shape of one input without the batch, or the input itself: a tensor or a tuple of tensors.
    Every operator is a box with the shape of its output and the arrays that it saves for backward, without parameters;
    bytes that an earlier operator has saved are not counted again. Modules `depth` levels deep are folded into one
    box each; without `depth`, as few modules are folded as a readable drawing needs. Values that no gradient flows
    through (constants, masks) are left out. The model runs in evaluation, without dropout. ValueError for a negative
    depth, and if nothing is recorded.
    """
    if depth is not None and depth < 0:
        raise ValueError(f"graph: expected a depth of at least 0, got {depth}")
    with undisturbed(model, training=False), watch(model) as seen:
        model(*inputs_for(model, input_size, batch_size, requires_grad=True))
    calls = [call for call in seen.calls if call.node is not None]
    if not calls:
        raise ValueError("graph: nothing was recorded: no input and no parameter requires a gradient")
    depth = readable_depth(calls) if depth is None else depth
    bytes_of = saved_bytes(model, calls)
    groups = {}
    for call in calls:
        groups.setdefault(group_of(call, depth), []).append(call)
    kinds = {path: type(module).__name__ for path, module in model.named_modules()}
    boxes = {key: single(group[0], bytes_of) if len(group) == 1 else folded(group, depth, kinds, bytes_of)
             for key, group in groups.items()}
    inputs = connect(boxes, groups, model)
    return Graph([*inputs, *boxes.values()])


def group_of(call, depth):
    """The group of a call, which is one box: the run (path, number) of a module `depth` levels deep, or itself."""
    return call.modules[depth] if depth < len(call.modules) else id(call.node)


def readable_depth(calls):
    """The largest depth with at most `MOST_BOXES` boxes; a block is not folded at all."""
    deepest = max(len(call.modules) for call in calls)
    return next((depth for depth in range(deepest, 1, -1)
                 if len({group_of(call, depth) for call in calls}) <= MOST_BOXES), 1)


def single(call, bytes_of):
    """The box of one operator."""
    counts = collections.Counter(call.saves).items()
    saves = ", ".join(what if count == 1 else f"{count} × {what}" for what, count in counts) or "nothing"
    new = f" ({amount(bytes_of[id(call)], 'B')})" if bytes_of[id(call)] else ""
    where = [call.path] if call.path else []
    return Box("operator", [call.name + in_the_same_pass(call.node), *where, f"→ {call.shape}", f"saves {saves}{new}"])


def in_the_same_pass(node):
    """The other parts of a fused BatchNorm: relu(norm(x) + shortcut) is a single operator."""
    added = len(getattr(node, "given", ())) == 4 and node.given[3]
    return " + shortcut" * added + " + ReLU" * bool(getattr(node, "relu", False))


def folded(group, depth, kinds, bytes_of):
    """The box of a module's run with all operators in it."""
    path, _ = group[0].modules[depth]
    saved = sum(bytes_of[id(call)] for call in group)
    return Box("operator", [path or "the whole", f"{kinds[path]}, {len(group)} operators",
                            f"→ {group[-1].shape}", f"saves {amount(saved, 'B')}"])


def connect(boxes, groups, model):
    """Set `above` of every box, and name its parameters; returns the boxes of the inputs."""
    box_of = {call.node: boxes[key] for key, group in groups.items() for call in group}
    learned = {id(p): name for name, p in model.named_parameters()}
    inputs = {}
    for key, group in groups.items():
        box, parameters = boxes[key], {}
        for edge in (edge for call in group for edge in call.node.edges if edge):
            producer, index = edge
            if isinstance(producer, Accumulate) and id(producer.leaf) in learned:
                parameters[learned[id(producer.leaf)]] = producer.leaf.shape
                continue
            source = box_of.get(producer)
            if source is None:
                shape, _ = producer.output_likes[index]
                source = inputs.setdefault(edge, Box("input", ["input", str(shape)]))
            if source is not box and source not in box.above:
                box.above.append(source)
        if parameters:
            box.kind = "learned"
            box.lines.insert(-1, parameter_line(parameters, len(group) > 1))
    return inputs.values()


def parameter_line(parameters, folded):
    """"weight (16, 3, 3, 3)" of an operator, "2,320 parameters" of a module."""
    if folded:
        return f"{sum(map(math.prod, parameters.values())):,} parameters"
    return ", ".join(f"{name.rpartition('.')[2]} {shape}" for name, shape in parameters.items())
