"""Pictures of numbers: each is computed by tinynet on the spot, from a seed."""

import json

import numpy as np
from diagram import INK, PAPER, QUIET, arrow, line, paper, rounded
from matplotlib.patches import Rectangle

import tinynet
from tinynet import nn, optim, plots
from tinynet.bench.report import quantity
from tinynet.nn import functional as F
from tinynet.nn.blocks import SinusoidalPositions
from tinynet.optim import lr_scheduler as schedules

BLUE, ORANGE, RED = "#2f6fb3", "#d9822b", "#c0392b"
STEP, LEAF, LOSS = "#cfe3f7", "#d3efd4", "#f9d0d6"


def canvas(width, height):
    """A figure with a margin, which it needs in dark surroundings."""
    fig = plots.figure(width, height)
    fig.get_layout_engine().set(w_pad=0.12, h_pad=0.12)
    return fig


# im2col ---------------------------------------------------------------------------------------------------


def im2col(path):
    """A patch becomes a column; the kernel, a row; the convolution, a product of matrices."""
    x = tinynet.tensor([7, 2, 12, 5, 10, 0, 3, 14, 1, 8, 15, 6, 13, 4, 9, 11]).reshape(1, 1, 4, 4).float()
    columns = F.unfold(x, 3)[0].numpy()                                          # (9, 4)
    w = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]])
    fig, axes = paper(10.5, 4.4)
    at, side = 1, 0.36                                        # which patch is shown, how large a cell is
    grid(axes, 0.3, 1.0, x[0, 0].numpy(), side, lambda i, j: "#cfe3f7" if i < 3 and 1 <= j else PAPER)
    grid(axes, 3.0, 1.65, w.reshape(1, 9), side, lambda i, j: "#fde5c0")
    grid(axes, 6.75, 0.6, columns, side, lambda i, j: "#cfe3f7" if j == at else PAPER)
    grid(axes, 8.75, 1.65, w.reshape(1, 9) @ columns, side, lambda i, j: "#d3efd4" if j == at else PAPER)
    for x0, text in ((6.43, "×"), (8.5, "=")):
        axes.text(x0, 1.83, text, ha="center", va="center", fontsize=15, color=INK)
    for x0, y0, text in ((0.3, 2.66, "image x (H, W)"), (3.0, 2.23, "kernel w as a row (1, R·S)"),
                         (6.75, 4.06, "columns (R·S, P·Q)"), (8.75, 2.23, "y (1, P·Q)")):
        axes.text(x0, y0, text, fontsize=9, color=INK)
    column = 6.75 + (at + 0.5) * side
    line(axes, (1.2, 0.97), (1.2, 0.22), (column, 0.22), color=BLUE)
    axes.annotate("", (column, 0.59), (column, 0.22), arrowprops=flow(BLUE))
    axes.text(4.2, 0.42, "the second patch, row by row, is the second column", ha="center", fontsize=9,
              color=BLUE)
    plots.write(fig, path)


def winograd(path):
    """One dimension: which product meets which weights and pixels, in the definition and in Winograd's algorithm."""
    fig, axes = paper(10.5, 3.5)
    first, second = (("g0 · d0", "g1 · d1", "g2 · d2"), ("g0 · d1", "g1 · d2", "g2 · d3"))
    products(axes, 0.3, (*first, *second), [("y0", (1, 1, 1, 0, 0, 0)), ("y1", (0, 0, 0, 1, 1, 1))],
             "the definition: six products, two sums")
    products(axes, 5.2, ("g0 · (d0 - d2)", "½(g0 + g1 + g2) · (d1 + d2)", "½(g0 - g1 + g2) · (d2 - d1)",
                         "g2 · (d3 - d1)"), [("y0", (1, 1, 1, 0)), ("y1", (0, 1, -1, 1))],
             "Winograd: four products, used by both")
    plots.write(fig, path)


def products(axes, x, texts, outputs, title):
    """A column of products, and arrows from each to the outputs that add it (blue) or subtract it (orange)."""
    width, high = 0.35 + 0.078 * max(map(len, texts)), 0.3
    places = np.linspace(0.8, 3.1, len(texts))                # of the boxes' middles
    axes.text(x, 0.4, title, fontsize=9, color=INK)
    for place, text in zip(places, texts):
        rounded(axes, x + width / 2, place - high / 2, width, high, text, "#fde5c0")
    for y, (name, signs) in zip((1.35, 2.55), outputs):
        rounded(axes, x + width + 1.5, y - high / 2, 0.5, high, name, "#d3efd4")
        for place, sign in zip(places, signs):
            if sign:
                arrow_of = flow(BLUE if sign > 0 else ORANGE)
                axes.annotate("", (x + width + 1.25, y), (x + width + 0.02, place), arrowprops=arrow_of)


def flow(color):
    return {"arrowstyle": "-|>", "color": color, "linewidth": 1.2, "shrinkA": 0, "shrinkB": 0}


def grid(axes, x, y, numbers, side, color):
    for i, row in enumerate(numbers):
        for j, number in enumerate(row):
            axes.add_patch(Rectangle((x + j * side, y + i * side), side, side, facecolor=color(i, j),
                                     edgecolor=QUIET, linewidth=0.7))
            axes.text(x + (j + 0.5) * side, y + (i + 0.5) * side, f"{number:g}", ha="center",
                      va="center_baseline", fontsize=8.5, color=INK)


# The graph of a residual block ----------------------------------------------------------------------------


def autograd_graph(path):
    """What a residual block in plain operators recorded, read from the nodes themselves."""
    tinynet.manual_seed(0)
    x = tinynet.randn(2, 8, 6, 6, requires_grad=True)
    conv1, conv2 = (nn.Conv2d(8, 8, 3, padding=1, bias=False) for _ in range(2))
    bn1, bn2 = nn.BatchNorm2d(8), nn.BatchNorm2d(8)
    y = F.relu(bn2(conv2(F.relu(bn1(conv1(x))))) + x)
    names = {id(x): "x"}
    for name, layer in (("conv1", conv1), ("bn1", bn1), ("conv2", conv2), ("bn2", bn2)):
        names.update({id(p): f"{name}.{part}" for part, p in layer.named_parameters()})
    trunk = [y.grad_fn]
    while trunk[-1].edges:
        trunk.append(trunk[-1].edges[0][0])
    fig, axes = paper(7.4, 0.72 * len(trunk) + 0.75)
    axes.text(0.25, 0.32, "relu(bn2(conv2(relu(bn1(conv1(x))))) + x): nodes from the latest to the earliest",
              fontsize=10, weight="bold", color=INK)
    for i, node in enumerate(trunk):
        draw_node(axes, 2.6, 0.6 + 0.72 * i, node, names)
    add, leaf = (0.6 + 0.72 * i + 0.2 for i in (1, len(trunk) - 1))
    line(axes, (1.6, add), (0.75, add), (0.75, leaf), color=RED)
    axes.annotate("", (1.4, leaf), (0.75, leaf), arrowprops=flow(RED))
    axes.text(0.5, (add + leaf) / 2, "the shortcut: the gradient as it is", rotation=90, ha="center",
              va="center", fontsize=9, color=RED)
    plots.write(fig, path)


def draw_node(axes, x, y, node, names):
    """A node in the middle, the leaves that it feeds to the right, an arrow to the next one."""
    if not node.edges:
        return rounded(axes, x, y, 2.4, 0.4, f"AccumulateGrad: {names[id(node.leaf)]}.grad", LEAF)
    rounded(axes, x, y, 2.0, 0.4, node.name, STEP)
    arrow(axes, x, y + 0.4, y + 0.72)
    leaves = [names[id(edge[0].leaf)] for edge in node.edges[1:] if edge and not edge[0].edges]
    if leaves and leaves != ["x"]:
        axes.annotate("", (x + 1.55, y + 0.2), (x + 1.0, y + 0.2), arrowprops=flow(INK))
        rounded(axes, x + 3.05, y, 3.0, 0.4, ", ".join(f"{name}.grad" for name in leaves), LEAF)


# BatchNorm ------------------------------------------------------------------------------------------------


def batchnorm(path):
    """What BatchNorm subtracts and divides by: each batch's own statistics, or those that it has gathered."""
    rng = np.random.default_rng(0)
    batches = [rng.normal(2, 1.5, (16, 1)).astype(np.float32) for _ in range(60)]
    layer = nn.BatchNorm1d(1)
    means, variances = [], []
    for batch in batches:
        layer(tinynet.tensor(batch))
        means.append(layer.running_mean.item())
        variances.append(layer.running_var.item())
    fig = canvas(10, 3.6)
    left, middle, right = fig.subplots(1, 3)
    for axes, name, own, running, true in (
            (left, "mean", [b.mean() for b in batches], means, 2),
            (middle, "variance", [b.var() for b in batches], variances, 2.25)):
        axes.plot(own, ".", color=ORANGE, label="of the batch (training)")
        axes.plot(running, color=BLUE, label="running (evaluation)")
        axes.axhline(true, color=QUIET, linestyle=":", label="of all the data")
        axes.set(title=name, xlabel="training step")
        axes.legend(fontsize="small")
        axes.grid(alpha=0.3)
    middle.set_ylim(0, 5.5)
    odd = tinynet.tensor(rng.normal(5, 1.5, (16, 1)).astype(np.float32))
    for name, color, normalize in (("evaluation", BLUE, layer.eval), ("training", ORANGE, layer.train)):
        values = normalize()(odd).numpy().ravel()
        right.hist(values, np.arange(-3, 6, 0.5), color=color, alpha=0.6, label=name)
    right.set(title="a batch of mean 5, normalized", xlabel="output")
    right.legend(fontsize="small")
    plots.write(fig, path)


# Positions ------------------------------------------------------------------------------------------------


def positions(path):
    """The table that SinusoidalPositions adds, and how alike its rows are."""
    table = SinusoidalPositions(64).table.numpy()[:64]                           # (places, features)
    fig = canvas(10, 3.8)
    left, right = fig.subplots(1, 2)
    left.imshow(table, cmap="RdBu_r", vmin=-1, vmax=1)
    left.set(title="the table: red 1, white 0, blue -1", xlabel="feature", ylabel="place")
    for place, color in ((8, BLUE), (32, ORANGE), (56, RED)):
        right.plot(table @ table[place], color=color, label=f"place {place}")
    right.set(title="how alike two places are: product of their rows", xlabel="place", ylim=(8, 34))
    right.grid(alpha=0.3)
    right.legend(fontsize="small", loc="lower center", ncols=3)
    plots.write(fig, path)


# Learning rates -------------------------------------------------------------------------------------------

SCHEDULES = {
    "StepLR(step_size=30)": lambda o: schedules.StepLR(o, 30),
    "MultiStepLR([50, 75])": lambda o: schedules.MultiStepLR(o, [50, 75]),
    "ExponentialLR(gamma=0.96)": lambda o: schedules.ExponentialLR(o, 0.96),
    "LinearLR(0.1, 1, 20)": lambda o: schedules.LinearLR(o, 0.1, 1.0, 20),
    "LambdaLR(1 / (1 + epoch / 10))": lambda o: schedules.LambdaLR(o, lambda epoch: 1 / (1 + epoch / 10)),
    "CosineAnnealingLR(100)": lambda o: schedules.CosineAnnealingLR(o, 100),
    "OneCycleLR(0.1, 100)": lambda o: schedules.OneCycleLR(o, 0.1, 100),
    "SequentialLR: linear, then cosine": lambda o: schedules.SequentialLR(
        o, [schedules.LinearLR(o, 0.1, 1.0, 20), schedules.CosineAnnealingLR(o, 80)], [20]),
}


def lr_schedules(path):
    """Every schedule over 100 epochs from a rate of 0.1."""
    fig = canvas(10, 4.6)
    for axes, (name, make) in zip(fig.subplots(2, 4, sharex=True, sharey=True).ravel(), SCHEDULES.items()):
        optimizer = optim.SGD([nn.Parameter(np.zeros(1, np.float32))], lr=0.1)
        schedule, rates = make(optimizer), []
        for _ in range(100):
            rates.append(schedule.get_last_lr()[0])
            optimizer.step()
            schedule.step()
        axes.plot(rates, color=BLUE, drawstyle="steps-post")
        axes.set_title(name, fontsize=8.5)
        axes.grid(alpha=0.3)
    fig.supxlabel("epoch", fontsize=10)
    fig.supylabel("learning rate", fontsize=10)
    plots.write(fig, path)


# The flow of gradients ------------------------------------------------------------------------------------


class Deep(nn.Module):
    """Forty 3x3 convolutions with ReLUs, each beside a shortcut or not."""

    def __init__(self, residual, depth=40):
        super().__init__()
        self.residual = residual
        self.layers = nn.ModuleList(nn.Conv2d(16, 16, 3, padding=1) for _ in range(depth))

    def forward(self, x):
        for layer in self.layers:
            x = layer(F.relu(x)) + (x if self.residual else 0)
        return x


def gradient_flow(path):
    """The gradient at every layer of a deep network, with and without skip connections, before training."""
    runs = {}
    for label, residual in (("plain: y = F(x)", False), ("residual: y = F(x) + x", True)):
        tinynet.manual_seed(0)
        model = Deep(residual)
        model(tinynet.randn(8, 16, 8, 8)).square().mean().backward()
        norms = np.array([np.linalg.norm(layer.weight.grad.numpy()) for layer in model.layers])
        runs[label] = norms / norms.max()
    fig = canvas(8, 3.8)
    axes = fig.add_subplot()
    for (label, norms), color in zip(runs.items(), (ORANGE, BLUE)):
        axes.plot(range(1, len(norms) + 1), norms, ".-", color=color, label=label)
    axes.set(yscale="log", xlabel="layer, from the input (1) to the loss (40)",
             ylabel="norm of the weight's gradient / largest",
             title="40 convolutions of 16 channels, before training")
    axes.grid(alpha=0.3)
    axes.legend()
    plots.write(fig, path)


# Speed ----------------------------------------------------------------------------------------------------


def speed(path, bench):
    """The rows of `tinynet bench --json` as a table; the bars are ratios to PyTorch's better layout."""
    rows = [row for row in bench["rows"] if row["ratio"]]
    fig, axes = paper(9.6, 1.2 + 0.3 * len(rows))
    write_line(axes, 0.26, ["", "tinynet", "PyTorch", "ratio"], weight="bold")
    for i, row in enumerate(rows):
        y, ratio = 0.6 + 0.3 * i, row["ratio"]["median"]
        rivals = [figure["median"] for name, figure in row["columns"].items() if name != "tinynet"]
        own, best = row["columns"]["tinynet"]["median"], min(rivals)
        write_line(axes, y, [row["row"], *(quantity(v, row["unit"]) for v in (own, best)), f"{ratio:.2f}"])
        draw_bar(axes, y, ratio)
    axes.text(0.25, 0.7 + 0.3 * len(rows), SPEED_NOTE, va="center", fontsize=7.5, color=QUIET)
    line(axes, (BARS + UNIT, 0.42), (BARS + UNIT, 0.48 + 0.3 * len(rows)))
    axes.text(BARS + UNIT, 0.26, "1: equal; shorter: tinynet ahead", ha="center", va="center", fontsize=7.5,
              color=QUIET)
    plots.write(fig, path)


SPEED_NOTE = "ratio: the median of the ratios of neighbouring turns, not the quotient of the two medians beside it"
BARS, UNIT = 6.6, 1.3                                # inches: where the bars begin, how long a ratio of 1 is


def write_line(axes, y, cells, **font):
    for x, text, side in zip((0.25, 4.5, 5.55, 6.4), cells, ("left", "right", "right", "right")):
        axes.text(x, y, text, ha=side, va="center", fontsize=8.5, color=INK, **font)


def draw_bar(axes, y, ratio):
    """Blue up to 1, orange above; what is longer than 2 is cut off, and says so."""
    color = BLUE if ratio <= 1 else ORANGE
    axes.add_patch(Rectangle((BARS, y - 0.1), min(ratio, 2) * UNIT, 0.2, color=color, linewidth=0))
    if ratio > 2:
        axes.text(BARS + 2 * UNIT + 0.05, y, "»", va="center_baseline", fontsize=10, color=color)


def read_bench(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


# The head of the README -----------------------------------------------------------------------------------


CODE = """y = F.relu(bn(conv(x)) + x)
means = y.mean((2, 3))
loss = F.cross_entropy(fc(means), labels)

loss.backward()
optimizer.step()"""


def readme(path):
    """The engine in three panels: a network in code, its backward pass, and its training."""
    fig = canvas(10, 3.0)
    code, graph, curve = fig.subplots(1, 3, width_ratios=[1.1, 1, 1.15])
    for axes, title in ((code, "write"), (graph, "backward pass"), (curve, "learn")):
        axes.set_title(title, fontsize=11, weight="bold", color=INK)
    code.set_axis_off()
    code.text(0, 0.95, CODE, family="monospace", fontsize=9.5, va="top", color=INK, linespacing=1.7)
    draw_small_graph(graph)
    for label, residual, color in (("20 layers, shortcuts", True, BLUE), ("20 layers, none", False, ORANGE)):
        curve.plot(train(residual), color=color, label=label)
    curve.set(xlabel="step", ylabel="loss")
    curve.grid(alpha=0.3)
    curve.legend(fontsize="small")
    plots.write(fig, path)


def draw_small_graph(axes):
    steps = ["CrossEntropy", "Linear", "Mean", "ReLU", "Add", "BatchNorm", "Conv2d", "x"]
    axes.set(xlim=(0, 3.6), ylim=(0.62 * len(steps), 0))
    axes.set_axis_off()
    for i, name in enumerate(steps):
        y = 0.02 + 0.62 * i
        rounded(axes, 1.5, y, 1.5, 0.42, name, {0: LOSS, len(steps) - 1: LEAF}.get(i, STEP))
        if i + 1 < len(steps):
            axes.annotate("", (1.5, y + 0.62), (1.5, y + 0.42), arrowprops=flow(INK))
    add, end = (0.23 + 0.62 * steps.index(name) for name in ("Add", "x"))
    line(axes, (2.25, add), (2.75, add), (2.75, end), color=RED)
    axes.annotate("", (2.26, end), (2.75, end), arrowprops=flow(RED))
    axes.text(2.95, (add + end) / 2, "shortcut", rotation=-90, ha="center", va="center", fontsize=9,
              color=RED)


def train(residual, steps=40):
    """The losses of a small deep network on two classes of noise that differ in contrast."""
    tinynet.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), Deep(residual, 18), nn.AdaptiveAvgPool2d(1),
                          nn.Flatten(), nn.Linear(16, 2))
    optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    labels = tinynet.arange(64) % 2
    images = tinynet.randn(64, 3, 16, 16) * (1 + labels.reshape(64, 1, 1, 1))
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
