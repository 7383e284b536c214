"""Drawing boxes and arrows with matplotlib, on a white background, so that dark pages can show the drawing, too."""

from tinynet import plots
from tinynet.inspect.placing import size

FILL = {"operator": "#f2f2f2", "learned": "#dcebfa", "input": "#fdf0d5"}
LINE = "#4a5568"
MARGIN = 0.15                          # inches around it all
NOTHING = 1e-6                         # inches: a shorter last piece of an arrow would have no direction, and no head


def draw(boxes, arrows):
    """A figure of the boxes and arrows that `arrange` returned; their coordinates are inches."""
    items = [*boxes, *(item for arrow in arrows for item in arrow)]
    left = min(item.x - size(item)[0] / 2 for item in items) - MARGIN
    right = max(item.x + size(item)[0] / 2 for item in items) + MARGIN
    bottom, top = min(item.row[1] for item in items) - MARGIN, MARGIN
    fig = plots.figure(right - left, top - bottom)
    fig.set(facecolor="white", layout_engine="none")
    axes = fig.add_axes([0, 0, 1, 1], xlim=(left, right), ylim=(bottom, top))
    axes.set_axis_off()
    for arrow in arrows:
        draw_arrow(axes, arrow)
    for box in boxes:
        draw_box(axes, box)
    return fig


def draw_box(axes, box):
    from matplotlib.patches import FancyBboxPatch
    width, height = size(box)
    left, top = box.x - width / 2, box.y + height / 2
    axes.add_patch(FancyBboxPatch((left, top - height), width, height, "round,pad=0,rounding_size=0.06",
                                  facecolor=FILL[box.kind], edgecolor=LINE, linewidth=0.8, zorder=2))
    step = height / (len(box.lines) + 0.6)
    for i, line in enumerate(box.lines):
        axes.text(box.x, top - (i + 0.8) * step, line, ha="center", va="center", fontsize=8, color="black",
                  family="DejaVu Sans Mono", weight="normal" if i else "bold", zorder=3)


def draw_arrow(axes, arrow):
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path
    axes.add_patch(FancyArrowPatch(path=Path(*route(arrow)), arrowstyle="-|>", mutation_scale=9, color=LINE,
                                   linewidth=1, zorder=1))


def route(arrow):
    """(vertices, codes) of a line that runs straight down through rows, and turns between them."""
    from matplotlib.path import Path
    vertices, codes = [(arrow[0].x, edge(arrow[0], -1))], [Path.MOVETO]
    for upper, lower in zip(arrow, arrow[1:]):
        start, end = upper.row[1], lower.row[0]        # of the gap between two rows
        middle = (start + end) / 2
        if vertices[-1][1] - start > NOTHING:          # the upper box is not as high as its row
            vertices.append((upper.x, start))
            codes.append(Path.LINETO)
        vertices += [(upper.x, middle), (lower.x, middle), (lower.x, end)]
        codes += [Path.CURVE4] * 3
    if end - edge(lower, 1) > NOTHING:                 # the lower box is not as high as its row
        vertices.append((lower.x, edge(lower, 1)))
        codes.append(Path.LINETO)
    return vertices, codes


def edge(box, side):
    """y of a box's upper (1) or lower (-1) edge."""
    return box.y + side * size(box)[1] / 2
