"""Placing the boxes of a graph in rows from top to bottom, so that every arrow points down.

Sugiyama, Tagawa & Toda 1981, "Methods for Visual Understanding of Hierarchical System Structures": an arrow
over several rows gets a bend in each row that it passes, every row is ordered by the mean place of its
neighbours, and then boxes and bends move towards these means as far as the others in their row let them.
"""

SWEEPS = 12
GAP, ROW_GAP, BEND = 0.3, 0.4, 0.25    # inches: between boxes, between rows, the width of a bend
CHARACTER, LINE, MARGIN = 0.075, 0.155, 0.12           # of a letter at 8 points, and around the text


class Bend:
    """A place at which an arrow passes a row, straight down."""

    x = y = 0.0


def size(item):
    """(width, height) of a box or a bend."""
    if isinstance(item, Bend):
        return BEND, 0.0
    return max(map(len, item.lines)) * CHARACTER + 2 * MARGIN, len(item.lines) * LINE + 2 * MARGIN / 1.5


def arrange(boxes):
    """Give every box its place; returns (boxes, arrows), an arrow being the list of items it passes."""
    row_of = {}
    for box in boxes:                  # each box comes after the boxes that it uses
        row_of[box] = max((row_of[b] + 1 for b in box.above), default=0)
    rows = [[] for _ in range(max(row_of.values()) + 1)]
    for box in boxes:
        rows[row_of[box]].append(box)
    arrows = [bent(source, box, rows, row_of) for box in boxes for source in box.above]
    neighbours = {item: ([], []) for row in rows for item in row}          # above, below
    for arrow in arrows:
        for upper, lower in zip(arrow, arrow[1:]):
            neighbours[upper][1].append(lower)
            neighbours[lower][0].append(upper)
    for sweep in range(2 * SWEEPS):
        down = sweep % 2 == 0
        for row in rows if down else rows[::-1]:
            place(row, neighbours, down, reorder=sweep < SWEEPS)
    stack_rows(rows)
    return boxes, arrows


def bent(source, box, rows, row_of):
    """The arrow from `source` to `box`, with a new bend in every row between them."""
    arrow = [source]
    for row in range(row_of[source] + 1, row_of[box]):
        arrow.append(Bend())
        rows[row].append(arrow[-1])
    return [*arrow, box]


def place(row, neighbours, down, reorder):
    """Move the items of a row towards the mean of their neighbours above (or below), and apart."""
    wanted = {}
    for item in row:
        near = neighbours[item][0 if down else 1]
        wanted[item] = sum(other.x for other in near) / len(near) if near else item.x
    if reorder:
        row.sort(key=wanted.get)
    for i, item in enumerate(row):
        item.x = wanted[item] if i == 0 else max(wanted[item], row[i - 1].x + distance(row[i - 1], item))
    weight = {item: 0.1 if isinstance(item, Bend) else 1 for item in row}          # straight rows of boxes
    shift = sum(weight[item] * (wanted[item] - item.x) for item in row) / sum(weight.values())
    for item in row:
        item.x += shift


def distance(left, right):
    return (size(left)[0] + size(right)[0]) / 2 + GAP


def stack_rows(rows):
    """Set y, and `row`: the top and the bottom of the whole row, between which no arrow turns."""
    y = 0.0
    for row in rows:
        height = max(size(item)[1] for item in row)
        for item in row:
            item.y, item.row = y - height / 2, (y, y - height)
        y -= height + ROW_GAP
