"""The recorded runs of airbench94 on CIFAR-10. The logs are in docs/results/."""

import csv
import pathlib

from charts import BLUE, ORANGE, canvas
from diagram import QUIET

from tinynet import plots

RESULTS = pathlib.Path(__file__).parents[1] / "results"
AIRBENCH = {f"seed {seed}": f"cifar10-94-seed{seed}.csv" for seed in (1, 2, 3)}


def accuracies(name):
    """Accuracy on the training images in percent, after each epoch."""
    with (RESULTS / name).open(encoding="utf-8", newline="") as file:
        return [100 * float(row["train_accuracy"]) for row in csv.DictReader(file)]


def picture(path):
    fig = canvas(6.5, 3.8)
    axes = fig.subplots()
    for (label, name), color in zip(AIRBENCH.items(), (BLUE, ORANGE, QUIET), strict=True):
        found = accuracies(name)
        axes.plot(range(1, len(found) + 1), found, color=color, label=label, marker="o", markersize=2.5, lw=1.4)
    axes.set_title("airbench94, recipe cifar10-94", fontsize=10)
    axes.set_xlabel("epoch (the last one is half an epoch)", fontsize=9)
    axes.set_ylabel("accuracy on augmented training images, %", fontsize=9)
    axes.legend(fontsize=8, loc="lower right")
    axes.grid(alpha=0.3)
    plots.write(fig, path)
