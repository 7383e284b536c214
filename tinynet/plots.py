"""Pictures of what a network does. Matplotlib is imported when the first one is drawn."""

import io

from tinynet import files


def figure(width=6.4, height=4.0):
    """An empty figure that needs no screen."""
    from matplotlib.figure import Figure
    return Figure(figsize=(width, height), layout="constrained")


def write(fig, path):
    """Write a figure as PNG or SVG, by the ending of `path`, whole or not at all."""
    content = io.BytesIO()
    fig.savefig(content, format=str(path).rpartition(".")[2], dpi=120)
    with files.atomic_write(path) as file:
        file.write(content.getvalue())


def training_curves(runs, path, levels=None):
    """Loss and accuracy by epoch. `runs` maps a label to the rows of a metrics.csv (dicts with numbers).

    `levels` maps a name to a loss that is drawn as a line across, to compare with.
    """
    fig = figure(9, 3.6)
    left, right = fig.subplots(1, 2)
    for label, rows in runs.items():
        epochs = [row["epoch"] for row in rows]
        for axes, name in ((left, "loss"), (right, "accuracy")):
            axes.plot(epochs, [row[f"train_{name}"] for row in rows], ".-", label=f"{label}, training")
            if any(row.get(f"validation_{name}") is not None for row in rows):
                axes.plot(epochs, [row.get(f"validation_{name}") for row in rows], ".--",
                          label=f"{label}, validation")
            axes.set(xlabel="epoch", ylabel=name)
            axes.grid(alpha=0.3)
    for i, (name, loss) in enumerate((levels or {}).items()):
        left.axhline(loss, color="gray", linestyle=[":", "-."][i % 2], label=name)
    left.legend(fontsize="small")
    write(fig, path)
