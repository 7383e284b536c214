"""Plots of training: curves by epoch, gradients by layer, and the confusion matrix."""

import numpy as np

from tinynet.plots.figure import figure, finished, legend, numbers, some_of


def training_curves(runs, path=None, levels=None):
    """Loss and accuracy by epoch, several runs overlaid: a color each, dashed for validation.

    `runs` maps a label to the rows of a metrics.csv: dicts with epoch, train_loss, train_accuracy and, where
    they were measured, validation_loss and validation_accuracy. `levels` maps a name to a loss that is drawn
    as a line across, to compare with. ValueError for a run without rows or a row that lacks a number.
    """
    some_of("training_curves", "label: rows", runs)
    fig = figure(9, 3.6)
    left, right = fig.subplots(1, 2)
    for i, (label, rows) in enumerate(runs.items()):
        epochs = column(label, rows, "epoch")
        for axes, name in ((left, "loss"), (right, "accuracy")):
            axes.plot(epochs, column(label, rows, f"train_{name}"), ".-", color=f"C{i}",
                      label=f"{label}, training")
            if any(row.get(f"validation_{name}") is not None for row in rows):
                axes.plot(epochs, [row.get(f"validation_{name}") for row in rows], ".--", color=f"C{i}",
                          alpha=0.7, label=f"{label}, validation")
            axes.set(xlabel="epoch", ylabel=name)
            axes.xaxis.get_major_locator().set_params(integer=True)
            axes.grid(alpha=0.3)
    for i, (name, loss) in enumerate((levels or {}).items()):
        left.axhline(loss, color="gray", linestyle=[":", "-."][i % 2], label=name)
    legend(left)
    return finished(fig, path)


def column(label, rows, name):
    """One number of every row."""
    lacking = [row for row in rows if row.get(name) is None]
    if lacking or not rows:
        got = f"a row with {', '.join(lacking[0])}" if lacking else "none"
        raise ValueError(f"training_curves: run {label!r}: expected rows with {name}, got {got}")
    return [row[name] for row in rows]


def gradient_norms(runs, path=None):
    """The norm of each layer's gradient, from the first layer to the last, on a logarithmic axis.

    `runs` maps a label to {layer name: norm}, layers in their order; each run is a line. Zeros, infinities
    and NaN leave a gap. The layers are named below where all runs have the same, else they are counted.
    """
    some_of("gradient_norms", "label: {layer: norm}", runs)
    fig = figure(9, 3.8)
    axes = fig.add_subplot()
    for label, norms in runs.items():
        some_of(f"gradient_norms: run {label!r}", "layer: norm", norms)
        values = numbers(f"gradient_norms: run {label!r}", list(norms.values()), "a number for each layer", 1)
        shown = np.where(np.isfinite(values) & (values > 0), values, np.nan)
        axes.plot(np.arange(1, len(shown) + 1), shown, ".-", label=label)
    axes.set(yscale="log", ylabel="norm of the gradient", xlabel="layer, from the input")
    axes.xaxis.get_major_locator().set_params(integer=True)
    name_layers(axes, [list(norms) for norms in runs.values()])
    axes.grid(alpha=0.3)
    legend(axes)
    return finished(fig, path)


def name_layers(axes, names, most=40):
    """Write the layers' names under the axis, each or every n-th, if all runs have the same layers."""
    first = names[0]
    if all(other == first for other in names):
        step = -(-len(first) // most)
        axes.set_xticks(range(1, len(first) + 1, step), first[::step], rotation=90, fontsize="x-small")


def confusion_matrix(matrix, path=None, names=None):
    """The confusion matrix: counts (classes, classes), truth down, prediction across.

    The color of a cell is its share of the row, the number in it the count (with over 20 classes: none).
    `names` are the classes'. ValueError unless the matrix is square, without negatives, and has a name each.
    """
    matrix = numbers("confusion_matrix", matrix, "a matrix (classes, classes)", 2)
    count = len(matrix)
    if matrix.shape != (count, count) or not (matrix >= 0).all():
        raise ValueError("confusion_matrix: expected counts (classes, classes), 0 or more, "
                         f"got {matrix.shape} with {matrix.min()} the smallest")
    names = list(map(str, range(count) if names is None else names))
    if len(names) != count:
        raise ValueError(f"confusion_matrix: expected {count} names, one a class, got {len(names)}")
    shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1e-12)
    side = 2.2 + 0.42 * min(count, 20)
    fig = figure(side + 0.6, side)
    axes = fig.add_subplot()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    fig.colorbar(image, ax=axes, label="share of the class")
    axes.set_xticks(range(count), names, rotation=90)
    axes.set_yticks(range(count), names)
    axes.set(xlabel="prediction", ylabel="truth")
    if count <= 20:
        write_counts(axes, matrix, shares)
    return finished(fig, path)


def write_counts(axes, matrix, shares):
    """The count in each cell that is not empty, light on dark."""
    for i, j in zip(*np.nonzero(matrix)):
        color = "white" if shares[i, j] > 0.5 else "black"
        axes.text(j, i, f"{matrix[i, j]:g}", ha="center", va="center", fontsize="x-small", color=color)
