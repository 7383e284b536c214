"""The cookbook's nine steps as diagrams, each with the pattern's code in its boxes, at [32, 64, 56, 56]."""

import functools

from block_diagrams import PROJECTION, lane, run
from diagram import LABEL, PAPER, POINTED, QUIET, Diagram, Fork, Sketch
from matplotlib.patches import Rectangle

from tinynet import models
from tinynet.nn.blocks import BasicBlock

MAPS = 2, 64, 56, 56
BRANCH = ["conv1: conv 3×3, stride 2", "bn1: BatchNorm · ReLU", "conv2: conv 3×3", "bn2: BatchNorm"]


@functools.cache
def shapes_in(which):
    """The shapes on the way through a block, a ResNet-18 and a CIFAR ResNet-20."""
    module, shape = {"block": (lambda: BasicBlock(64, 128, 2), MAPS),
                     "resnet18": (models.resnet18, (2, 3, 224, 224)),
                     "resnet20": (models.resnet20, (2, 3, 32, 32))}[which]
    return {**run(module(), shape, 32), "input": (32, *shape[1:])}


# Sketches of option A: x is blue, zeros are gray ------------------------------------------------------------

BLUE, GRAY, CELL = "#2f6fb3", "#d3d8de", 0.19             # CELL: inches


def square(axes, x, y, side, color):
    axes.add_patch(Rectangle((x, y), side, side, facecolor=color, edgecolor=QUIET, linewidth=0.7))


def pixels(axes, x, y):
    """Of a map of 4x4 pixels, those that the slice keeps, and the 2x2 that they become."""
    for i in range(4):
        for j in range(4):
            square(axes, x + CELL * j, y + CELL * i, CELL, BLUE if i % 2 == j % 2 == 0 else PAPER)
    axes.annotate("", (x + 6.3 * CELL, y + 2 * CELL), (x + 4.5 * CELL, y + 2 * CELL), arrowprops=POINTED)
    for i in range(2):
        for j in range(2):
            square(axes, x + (6.8 + j) * CELL, y + (1 + i) * CELL, CELL, BLUE)


def planes(axes, x, y):
    """The channels one after the other, the first in front: those of x, then those of zeros."""
    for depth in range(7, -1, -1):
        square(axes, x + 0.1 * depth, y + 0.07 * (7 - depth), 0.5, BLUE if depth < 4 else GRAY)
    axes.text(x + 1.3, y + 0.13, "64 of zeros", va="center", fontsize=LABEL, color=QUIET)
    axes.text(x + 1.3, y + 0.86, "64 of x", va="center", fontsize=LABEL, color=QUIET)


# number: one or more (title, whose shapes, input, items, notes[, sketch])
STEPS = {
    1: [("1. Option A: slicing", "block", "input", ["x[:, :, ::2, ::2] -> [32, 64, 28, 28]"],
         ["Every 2nd row, every 2nd column.", "Trap: x[:, ::2, ::2] slices the channels."],
         Sketch(pixels, 8.8 * CELL, 4 * CELL))],
    2: [("2. Option A: zero padding", "block", "input",
         ["x[:, :, ::2, ::2] -> [32, 64, 28, 28]", "F.pad(..., (0, 0, 0, 0, 0, 64)) -> [32, 128, 28, 28]"],
         ["Zeros where the branch has channels that x lacks.", "Trap: (0, 64) pads the width."],
         Sketch(planes, 1.95, 1.0))],
    3: [("3. Option B: projection", "block", "input", lane(PROJECTION, 2),
         ["No bias, no ReLU.", "Trap: without the stride the size is wrong."])],
    4: [("4. The main convolution", "block", "input",
         ["conv1: conv 3×3, stride 2, padding 1", "bn1: BatchNorm · ReLU", "conv2: conv 3×3, padding 1",
          "bn2: BatchNorm"],
         ["No bias: BatchNorm would subtract it.", "No ReLU at the end: it waits for the addition.",
          "Trap: without padding=1 the maps shrink."])],
    5: [("5. Choosing: the shape stays", "block", "input", ["identity: x itself"],
         ["stride 1 and in_channels = out_channels.", "Trap: to ask for the stride alone."]),
        ("else option A", "block", "input", ["slice, pad with zeros -> [32, 128, 28, 28]"],
         ["Nothing to learn."]),
        ("or option B", "block", "input", ["downsample: conv 1×1, stride 2, BatchNorm"],
         ["8,448 parameters."])],
    6: [("6. The forward pass", "block", "input", [Fork("+", BRANCH, lane(PROJECTION, 2)), "ReLU"],
         ["Branch and shortcut start from the same x.",
          "Trap: to overwrite x before the shortcut reads it."])],
    7: [("7. The stem for ImageNet", "resnet18", "input",
         ["conv1: conv 7×7, stride 2", "bn1: BatchNorm · ReLU", "maxpool: max-pool 3×3, stride 2"],
         ["A sixteenth of the pixels.", "Trap: on thumbnails 1 pixel is left at the end."]),
        ("and for CIFAR", "resnet20", "input", ["conv1: conv 3×3", "bn1: BatchNorm · ReLU"],
         ["All the pixels."])],
    8: [("8. Stacking, and the channel state", "resnet18", "maxpool",
         ["layer1: block(64, 64), block(64, 64)", "layer2: block(64, 128, stride 2), block(128, 128)",
          "layer3: block(128, 256, stride 2), block(256, 256)",
          "layer4: block(256, 512, stride 2), block(512, 512)"],
         ["What comes out of a block goes into the next.", "Trap: to forget it within a stage."])],
    9: [("9. The classifier head", "resnet18", "layer4",
         ["avgpool: mean over H, W", "flatten: flatten", "fc: linear"],
         ["Trap: a softmax here; the loss brings its own."])],
}


def diagrams(step):
    made = []
    for title, which, incoming, items, notes, *sketch in STEPS[step]:
        shapes = {**shapes_in(which), "identity": shapes_in(which)["input"]}
        made.append(Diagram(title, items, shapes[incoming], shapes, notes, sketch=sketch))
    return made
