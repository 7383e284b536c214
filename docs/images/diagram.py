"""A small language for pictures of networks: boxes from top to bottom, arrows with shapes, branches.

A diagram is a list of items.

    "conv 3×3"                    a box
    "bn1: BatchNorm"              a box; the shape below it is what the module `bn1` gave when it ran
    "mean -> [N, 64]"             a box, and the shape in so many words
    "[N, 16, 56, 56]"             no box, only another shape on the arrow
    Fork("+", [...], [...])       branches of one value, joined by a sign, or by a box for a longer text

The first branch of a Fork goes straight on, the others beside it; `even=True` spreads all evenly. Items are
laid out from the inside to the outside: each knows its height, and how far it reaches to both sides.
"""

import dataclasses
import functools
import re
from typing import Callable

from matplotlib.patches import Circle, FancyBboxPatch
from matplotlib.textpath import TextPath

from tinynet import plots

INK, QUIET, PAPER = "#1f2933", "#66727f", "#ffffff"
KINDS = [("conv", "#cfe3f7"), ("linear", "#dcd6f5"), ("norm", "#fde5c0"), ("attention", "#f9d0d6"),
         ("softmax", "#f9d0d6"), ("relu", "#d3efd4"), ("sigmoid", "#d3efd4"), ("pool", "#d5f0ee"),
         ("mean", "#d5f0ee")]
PLAIN = "#eceff2"
LINE = re.compile(r"(?:([\w.]+): )?(.*?)(?: -> (\[.*\]))?", re.DOTALL)         # path: text -> shape
FONT, LABEL = 9, 7.5                                  # points
BOX, GAP, SIGN = 0.32, 0.24, 0.13                     # inches: a box's height, between lanes, a sign's radius
TOP, JOIN = 0.08, 0.16                                # inches: the lines that part and join lanes
ARROW = {True: 0.36, False: 0.2}                      # inches: with a shape beside it, and without


class Box:
    """A text in a box; `outgoing` is the shape that the line names, that its module gave, or that came in."""

    def __init__(self, line, incoming, shapes):
        path, self.text, given = LINE.fullmatch(line).groups()
        self.outgoing = words(given) if given else shapes[path] if path else incoming
        self.color = next((color for word, color in KINDS if word in self.text.lower()), PLAIN)
        self.left = self.right = width(self.text, FONT) / 2 + 0.12
        self.height = BOX

    def draw(self, axes, x, y):
        rounded(axes, x, y, 2 * self.left, self.height, self.text, self.color)


class Lane:
    """Items from top to bottom: an arrow before each and a line after the last, the shape beside them."""

    def __init__(self, items, incoming, shapes, labels):
        self.labels, self.items, self.between = labels, [], []
        for item in items:
            if isinstance(item, str) and item.startswith("["):
                incoming = words(item)
                continue
            self.between.append(incoming)
            self.items.append(Split(item, incoming, shapes, labels) if isinstance(item, Fork) else
                              Box(item, incoming, shapes))
            incoming = self.items[-1].outgoing
        self.between += [incoming] if items else []
        self.outgoing = incoming
        texts = [0.06 + width(written(shape), LABEL) for shape in self.between] if labels else []
        self.left = max([0.05, *(item.left for item in self.items)])
        self.right = max([0.05, *texts, *(item.right for item in self.items)])
        self.height = sum(item.height for item in self.items) + ARROW[labels] * (len(self.between) or 0.5)

    def draw(self, axes, x, y):
        """Returns where the lane ends."""
        for shape, item in zip(self.between, [*self.items, None]):
            end = y + ARROW[self.labels]
            arrow(axes, x, y, end) if isinstance(item, Box) else line(axes, (x, y), (x, end))
            if self.labels:
                axes.text(x + 0.06, (y + end) / 2, written(shape), va="center", fontsize=LABEL, color=QUIET)
            if item:
                item.draw(axes, x, end)
            y = end + (item.height if item else 0)
        return y


class Fork:
    """What a diagram says about branches; a Split is what becomes of it."""

    def __init__(self, join, *lanes, even=False):
        self.join, self.lanes, self.even = join, lanes, even


class Split:
    """Lanes side by side, the lines that part and join them, and at the end a sign or a box."""

    def __init__(self, fork, incoming, shapes, labels):
        self.lanes = [Lane(items, incoming, shapes, labels) for items in fork.lanes]
        self.at, edge = [], 0
        for lane in self.lanes:
            self.at.append(edge + lane.left)
            edge += lane.left + lane.right + GAP
        axis = (self.at[0] + self.at[-1]) / 2 if fork.even else self.at[0]
        self.at = [x - axis for x in self.at]
        self.sign = fork.join if len(fork.join) == 1 else None
        self.box = None if self.sign else Box(fork.join, joined(fork.join, self.lanes), shapes)
        self.outgoing = self.box.outgoing if self.box else self.lanes[0].outgoing
        self.left, self.right = axis, edge - GAP - axis
        self.long = TOP + max(lane.height for lane in self.lanes)
        self.height = self.long + (JOIN + self.box.height if self.box else 2 * SIGN)

    def draw(self, axes, x, y):
        bottom = y + self.long
        line(axes, (x, y), (x, y + TOP))
        line(axes, (x + self.at[0], y + TOP), (x + self.at[-1], y + TOP))
        for dx, lane in zip(self.at, self.lanes):
            end = lane.draw(axes, x + dx, y + TOP)
            line(axes, (x + dx, end), (x + dx, bottom))
        (self.draw_box if self.box else self.draw_sign)(axes, x, bottom)

    def draw_box(self, axes, x, y):
        line(axes, (x + self.at[0], y), (x + self.at[-1], y))
        arrow(axes, x, y, y + JOIN)
        self.box.draw(axes, x, y + JOIN)

    def draw_sign(self, axes, x, y):
        line(axes, (x + self.at[-1], y), (x + self.at[-1], y + SIGN))
        axes.annotate("", (x + SIGN, y + SIGN), (x + self.at[-1], y + SIGN), arrowprops=POINTED)
        axes.add_patch(Circle((x, y + SIGN), SIGN, facecolor=PAPER, edgecolor=INK, linewidth=0.9))
        axes.text(x, y + SIGN, self.sign, ha="center", va="center_baseline", fontsize=11, color=INK)


def joined(join, lanes):
    """The shape that lanes have together: channels add up where they are concatenated."""
    n, c, *rest = lanes[0].outgoing
    return (n, sum(lane.outgoing[1] for lane in lanes), *rest) if join == "concat" else (n, c, *rest)


def words(shape):
    """'[N, 64]' -> ('N', 64)."""
    return tuple(int(part) if part.isdigit() else part for part in shape.strip("[]").split(", "))


def written(shape):
    return f"[{', '.join(map(str, shape))}]"


# Drawing ----------------------------------------------------------------------------------------------------

POINTED = {"arrowstyle": "-|>,head_width=0.16,head_length=0.32", "color": INK, "linewidth": 0.9,
           "shrinkA": 0, "shrinkB": 0}


@functools.cache
def width(text, size, weight="normal"):
    """Of a text, in inches."""
    return TextPath((0, 0), text, size, prop={"weight": weight}).get_extents().width / 72


def line(axes, *points, color=INK):
    axes.plot(*zip(*points), color=color, linewidth=0.9, solid_capstyle="round", zorder=0.5)


def arrow(axes, x, start, end):
    axes.annotate("", (x, end), (x, start), arrowprops=POINTED)


def rounded(axes, x, y, wide, high, text, color):
    """A box with a text, x in its middle, y at its top."""
    axes.add_patch(FancyBboxPatch((x - wide / 2 + 0.04, y + 0.04), wide - 0.08, high - 0.08, facecolor=color,
                                  boxstyle="round,pad=0.04", edgecolor=INK, linewidth=0.8))
    axes.text(x, y + high / 2, text, ha="center", va="center_baseline", fontsize=FONT, color=INK)


def paper(wide, high):
    """A white figure whose axes are measured in inches, y downwards."""
    fig = plots.figure(wide, high)
    fig.set_layout_engine("none")
    axes = fig.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, wide), ylim=(high, 0))
    axes.set_axis_off()
    return fig, axes


@dataclasses.dataclass
class Sketch:
    """A drawing below a lane: `draw(axes, x, y)` puts its upper left corner at x, y, all in inches."""

    draw: Callable
    width: float
    height: float


class Diagram:
    """A title, a lane, sketches, notes (a list of lines), each below the other; `labels=False`: no shapes."""

    def __init__(self, title, items, incoming, shapes, notes=(), labels=True, sketch=()):
        self.title, self.notes, self.sketch, self.size = title, notes, sketch, FONT + labels
        self.lane = Lane(items, incoming, shapes, labels)
        texts = [width(title, self.size, "bold"), *(width(note, LABEL) for note in notes),
                 *(drawn.width for drawn in sketch)]
        reach = self.lane.left + self.lane.right
        self.width, self.height = max(reach, *texts), self.lane.height + 0.32 + 0.16 * len(notes)
        self.height += sum(drawn.height + 0.2 for drawn in sketch)
        self.axis = self.lane.left + (self.width - reach) / 2

    def draw(self, axes, x, y):
        axes.text(x, y, self.title, va="top", fontsize=self.size, weight="bold", color=INK)
        for i, note in enumerate(reversed(self.notes)):
            axes.text(x, y + self.height - 0.16 * i - 0.06, note, va="center", fontsize=LABEL, color=QUIET)
        end = self.lane.draw(axes, x + self.axis, y + 0.27)
        arrow(axes, x + self.axis, end - 0.01, end + 0.02)
        for drawn in self.sketch:
            drawn.draw(axes, x, end + 0.15)


def draw(diagrams, path, columns=1, margin=0.22):
    """Diagrams row by row, on paper of their size."""
    rows = [diagrams[i:i + columns] for i in range(0, len(diagrams), columns)]
    wide = max(sum(d.width + 2 * margin for d in row) for row in rows)
    fig, axes = paper(wide, sum(max(d.height for d in row) + 2 * margin for row in rows))
    y = margin
    for row in rows:
        x = margin
        space = (wide - sum(d.width + 2 * margin for d in row)) / max(1, len(row) - 1)
        for diagram in row:
            diagram.draw(axes, x, y)
            x += diagram.width + 2 * margin + space
        y += max(d.height for d in row) + 2 * margin
    plots.write(fig, path)
