"""The recorded runs on CIFAR-10: airbench94 by epoch, ResNet-20 by the minute. The logs are in docs/results/."""

import csv
import itertools
import pathlib

from charts import BLUE, ORANGE, canvas
from diagram import QUIET

from tinynet import plots

RESULTS = pathlib.Path(__file__).parents[1] / "results"
COLORS = BLUE, ORANGE, QUIET
AIRBENCH = {f"seed {seed}": f"cifar10-94-seed{seed}.csv" for seed in (1, 2, 3)}
RESNET20 = {"40 epochs, again": "resnet20-cifar10-again.csv", "30 epochs": "resnet20-cifar10-30min.csv",
            "40 epochs, the first run": "resnet20-cifar10.csv"}


def column(name, of):
    with (RESULTS / name).open(encoding="utf-8", newline="") as file:
        return [float(row[of]) for row in csv.DictReader(file)]


def accuracies(name):
    """Accuracy on the training images in percent, after each epoch."""
    return [100 * accuracy for accuracy in column(name, "train_accuracy")]


def airbench(path):
    lines = {label: (range(1, len(accuracies(name)) + 1), accuracies(name)) for label, name in AIRBENCH.items()}
    picture(path, lines, "airbench94, recipe cifar10-94", "epoch (the last one is half an epoch)")


def resnet20(path):
    lines = {label: ([s / 60 for s in itertools.accumulate(column(name, "seconds"))], accuracies(name))
             for label, name in RESNET20.items()}
    picture(path, lines, "ResNet-20, recipes resnet20-cifar10 and resnet20-cifar10-30min", "minutes of training")


def picture(path, lines, title, across):
    fig = canvas(6.5, 3.8)
    axes = fig.subplots()
    for (label, (x, y)), color in zip(lines.items(), COLORS, strict=True):
        axes.plot(x, y, color=color, label=label, marker="o", markersize=2.5, lw=1.4)
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(across, fontsize=9)
    axes.set_ylabel("accuracy on augmented training images, %", fontsize=9)
    axes.legend(fontsize=8, loc="lower right")
    axes.grid(alpha=0.3)
    plots.write(fig, path)
