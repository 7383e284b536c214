"""The layers of a network and their costs: shapes, parameters, multiply-adds, memory."""

from dataclasses import dataclass

from tinynet.inspect.notebook import text_html
from tinynet.inspect.table import amount, table
from tinynet.inspect.watch import inputs_for, kept, owner, undisturbed, watch

HEADS = "layer", "output", "parameters", "multiply-adds", "activations", "saved"
SHORT_HEADS = "layer", "output", "params", "mul-adds", "activ.", "saved"


@dataclass
class Layer:
    """A module with all modules inside it; `activations` and `saved` are in bytes."""

    path: str
    kind: str
    shapes: list                       # of its outputs in its last run; empty if it did not run
    parameters: int
    multiply_adds: int
    activations: int                   # bytes that its operators wrote
    saved: int                         # bytes kept for backward, without those that an earlier layer keeps


class Summary:
    """The `layers`, and totals: `parameters`, `trainable`, `multiply_adds`; in bytes `weights`, `buffers`,
    `activations` and `saved` (for backward). As text it is a table.
    """

    def __init__(self, model, layers, depth):
        self.layers, self.depth = layers, depth
        self.parameters, self.multiply_adds = layers[0].parameters, layers[0].multiply_adds
        self.activations, self.saved = layers[0].activations, layers[0].saved
        self.trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
        self.weights = sum(p.array.nbytes for p in model.parameters())
        self.buffers = sum(b.array.nbytes for b in model.buffers())

    def __str__(self):
        return self.text()

    def text(self, width=None):
        """The table, with short numbers if it would otherwise be wider than `width` characters."""
        shown = [layer for layer in self.layers if self.depth is None or level(layer.path) <= self.depth]
        lines = table(HEADS, [cells(layer) for layer in shown])
        if width is not None and len(lines[0]) > width:
            lines = table(SHORT_HEADS, [cells(layer, short=True) for layer in shown], gap=1)
        return "\n".join([
            *lines, "",
            f"{self.parameters:,} parameters, {self.trainable:,} of them trainable",
            f"{amount(self.multiply_adds)} multiply-adds",
            f"{amount(self.weights, 'B')} of weights, {amount(self.buffers, 'B')} of buffers, "
            f"{amount(self.saved, 'B')} saved for backward"])

    __repr__ = __str__
    _repr_html_ = text_html


def level(path):
    """How deep a module lies: 0 for the network itself, 1 for `layer1`, 2 for `layer1.0`."""
    return path.count(".") + 1 if path else 0


def cells(layer, short=False):
    name = f"{'  ' * level(layer.path)}{layer.path.rpartition('.')[2]}"
    return [f"{name} {layer.kind}" if layer.path else layer.kind, " ".join(map(str, layer.shapes)) or "-",
            f"{layer.parameters:,}", amount(layer.multiply_adds, "", short), amount(layer.activations, "B", short),
            amount(layer.saved, "B", short)]


def summary(model, input_size, batch_size=1, depth=None):
    """The layers of `model` with shapes and costs, as a `Summary`: `print(summary(model, (3, 224, 224)))`.

    `input_size` is the shape of one input without the batch, or the input itself: a tensor, a tuple of them.
    The row of a module includes all modules inside it; `depth` is the number of levels in the table.

    Multiply-adds are those of convolutions, linear layers, matrix products and attention, for the whole batch.
    Activations and saved arrays are those of a batch that is recorded in evaluation (training adds dropout's masks),
    in bytes. Saved are the arrays that backward needs besides the parameters; an array that several layers save counts
    for the first layer only. ValueError for a negative depth.
    """
    if depth is not None and depth < 0:
        raise ValueError(f"summary: expected a depth of at least 0, got {depth}")
    with undisturbed(model, training=False), watch(model) as seen:
        model(*inputs_for(model, input_size, batch_size))
    fresh = saved_bytes(model, seen.calls)
    layers = []
    for path, module in model.named_modules():
        calls = [call for call in seen.calls if below(call.path, path)]
        layers.append(Layer(
            path, type(module).__name__, seen.shapes.get(path, []),
            sum(p.numel() for p in module.parameters()), sum(call.multiply_adds for call in calls),
            sum(call.made for call in calls), sum(fresh[id(call)] for call in calls)))
    return Summary(model, layers, depth)


def below(path, ancestor):
    return path == ancestor or not ancestor or path.startswith(ancestor + ".")


def saved_bytes(model, calls):
    """{id(call): bytes that this call was the first to save}. The nodes still hold everything."""
    known = {id(owner(t.array)) for t in (*model.parameters(), *model.buffers())}
    fresh = {}
    for call in calls:
        arrays = {id(owner(a)): owner(a) for a in kept(call.node)}
        fresh[id(call)] = sum(a.nbytes for key, a in arrays.items() if key not in known)
        known.update(arrays)
    return fresh
