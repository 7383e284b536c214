"""The time of a training step, by layer and by operator, and the memory that it needs."""

import statistics
import time
import tracemalloc
from dataclasses import dataclass

from tinynet.inspect.notebook import text_html
from tinynet.inspect.table import amount, table
from tinynet.inspect.watch import inputs_for, undisturbed, watch
from tinynet.tensor import tensors_in


@dataclass
class Share:
    """A layer's or an operator's part of a step; median milliseconds."""

    name: str
    calls: int
    forward: float
    backward: float

    @property
    def total(self):
        """Forward and backward together."""
        return self.forward + self.backward


class Profile:
    """The times of `layers`, in order of their first call, and of `operators`, the slowest first: lists of `Share`.

    `forward` and `backward` are the milliseconds of the whole step, and `peak` is its memory in bytes, without weights
    and input.
    """

    def __init__(self, layers, operators, forward, backward, peak):
        self.layers, self.operators = layers, operators
        self.forward, self.backward, self.peak = forward, backward, peak

    def __str__(self):
        return "\n".join([
            *self.rows("layer", self.layers), "", *self.rows("operator", self.operators), "",
            f"forward {self.forward:.2f} ms, backward {self.backward:.2f} ms, in their operators "
            f"{100 * sum(s.total for s in self.operators) / (self.forward + self.backward):.0f} %",
            f"memory high-water mark {amount(self.peak, 'B')} beside weights and input"])

    __repr__ = __str__
    _repr_html_ = text_html

    def rows(self, head, shares):
        """The lines of one table."""
        whole = sum(s.total for s in shares)
        return table([head, "calls", "forward ms", "backward ms", "share"],
                     [[s.name, str(s.calls), f"{s.forward:.3f}", f"{s.backward:.3f}",
                       f"{100 * s.total / whole:.1f} %"] for s in shares])

    def plot(self, path=None):
        """The tables as bars: a figure, written to `path` (.png, .svg or .pdf) if there is one."""
        from tinynet import plots
        from tinynet.plots.figure import finished
        fig = plots.figure(9, 1.2 + 0.22 * (len(self.layers) + len(self.operators)))
        charts = fig.subplots(2, height_ratios=[len(self.layers) + 1, len(self.operators) + 1])
        for axes, shares in zip(charts, (self.layers, self.operators)):
            names, forward = [s.name for s in shares], [s.forward for s in shares]
            axes.barh(names, forward, label="forward")
            axes.barh(names, [s.backward for s in shares], left=forward, label="backward")
            axes.invert_yaxis()
            axes.grid(axis="x", alpha=0.3)
        charts[0].legend(fontsize="small")
        charts[1].set_xlabel("milliseconds of a step")
        return finished(fig, path)


def profile(model, input_size, batch_size=32, depth=2, repeats=5):
    """The time of forward and backward in training, as a `Profile`: `print(profile(model, (3, 32, 32)))`.

    `input_size` is the shape of one input without the batch, or the input itself: a tensor or a tuple of tensors.
    Layers are shown `depth` levels deep. Times, in milliseconds, are medians of `repeats` runs, after a first run that
    does not count; memory, in bytes, is measured in a separate run, because measuring it makes a run slower. The model
    is left as it was. ValueError for a depth or repeats below 1, and if nothing requires a gradient.
    """
    if repeats < 1 or depth < 1:
        raise ValueError(f"profile: expected repeats and depth of at least 1, got {repeats} and {depth}")
    with undisturbed(model, training=True):
        inputs = inputs_for(model, input_size, batch_size)
        step(model, inputs)
        runs = [watched_step(model, inputs) for _ in range(repeats)]
        peak = peak_memory(model, inputs)
    itself = f"({type(model).__name__} itself)"
    layers = shares(runs, lambda call: ".".join(call.path.split(".")[:depth]) or itself)
    operators = sorted(shares(runs, lambda call: call.name), key=lambda share: -share.total)
    forward, backward = (1000 * statistics.median(run[i] for run in runs) for i in (1, 2))
    return Profile(layers, operators, forward, backward, peak)


def step(model, inputs):
    """Forward, and backward from the sum of all outputs; (seconds, seconds)."""
    start = time.perf_counter()
    outputs = tensors_in(model(*inputs))
    middle = time.perf_counter()
    totals = [y.sum() for y in outputs if y.requires_grad]
    if not totals:
        raise ValueError("profile: expected a model whose output requires a gradient")
    total = sum(totals)
    begin = time.perf_counter()
    total.backward()
    end = time.perf_counter()
    for tensor in (*tensors_in(inputs), *model.parameters()):
        tensor.grad = None
    return middle - start, end - begin


def watched_step(model, inputs):
    with watch(model) as seen:
        forward, backward = step(model, inputs)
    for call in seen.calls:
        call.node = None               # frees the graph
    return seen.calls, forward, backward


def shares(runs, name_of):
    """The calls of all runs grouped by `name_of(call)`: medians of the sums of each run."""
    groups = {}
    for i, (calls, _, _) in enumerate(runs):
        for call in calls:
            groups.setdefault(name_of(call), [[] for _ in runs])[i].append(call)

    def median(calls, way):
        return 1000 * statistics.median(sum(getattr(call, way) for call in run) for run in calls)

    return [Share(name, len(calls[0]), median(calls, "forward"), median(calls, "backward"))
            for name, calls in groups.items()]


def peak_memory(model, inputs):
    """The peak of the bytes in use during a step, less the bytes before it, as Python and NumPy report them."""
    tracing = tracemalloc.is_tracing()
    if not tracing:
        tracemalloc.start()
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    step(model, inputs)
    _, peak = tracemalloc.get_traced_memory()
    if not tracing:
        tracemalloc.stop()
    return peak - before
