"""The results of a bench as tables of text, as a JSON file, and as a plot."""

import json

from tinynet import plots
from tinynet.system import files

HEADS = {"tinynet": "tinynet", "nchw": "PyTorch NCHW", "channels_last": "PyTorch channels_last",
         "compile": "torch.compile"}


def quantity(value, unit):
    """12.3 ms, 1.62 s, 312 MB: three digits."""
    if unit == "B":
        return f"{value / 1e6:.0f} MB"
    for factor, name in ((1, "s"), (1e3, "ms"), (1e6, "µs")):
        if value * factor >= 1:
            break
    digits = 2 if value * factor < 10 else 1 if value * factor < 100 else 0
    return f"{value * factor:.{digits}f} {name}"


def spread(measured, unit=""):
    return f"{measured['median']:.2f}{unit} [{measured['low']:.2f}, {measured['high']:.2f}]"


class Table:
    """A table of text, printed line by line: the widths are known before the first row is measured."""

    def __init__(self, heads, first_width):
        self.heads, self.widths = heads, [first_width, *(max(len(head), 9) for head in heads[1:])]

    def head(self):
        rule = "|".join("-" * (width + 1) + ("-" if i == 0 else ":") for i, width in enumerate(self.widths))
        return f"{self.line(self.heads)}\n|{rule}|"

    def line(self, cells):
        first, *others = (cell.rjust(width) for cell, width in zip(cells, self.widths))
        return f"| {' | '.join([cells[0].ljust(self.widths[0]), *others])} |"


class RowTable(Table):
    """row | tinynet | PyTorch's columns | ratio to the better one [quartiles] | rate | share of the limit."""

    def __init__(self, row_names, layouts):
        self.columns = ["tinynet", *layouts]
        ratio = ["/ better [quartiles]"] if layouts else []
        super().__init__(["row", *(HEADS[c] for c in self.columns), *ratio, "rate".rjust(13), "of limit"],
                         max(len(name) for name in row_names))

    def result(self, result):
        cells = [result["row"]]
        for column in self.columns:
            figure = result["columns"].get(column)
            cells.append(quantity(figure["median"], result["unit"]) if figure else "")
        if len(self.columns) > 1:
            cells.append(spread(result["ratio"]) if result["ratio"] else "")
        rate = result["rate"]
        cells += [f"{rate['value']:.1f} {rate['unit']}", f"{100 * rate['share']:.0f} %"] if rate else ["", ""]
        return self.line(cells)


def bar_table(bars):
    """what | bar | measured [quartiles] | holds."""
    heads = ["what", "bar".rjust(7), "measured [quartiles]".rjust(22), "holds"]
    table = Table(heads, max(len(bar["what"]) for bar in bars))
    lines = [table.head()]
    for bar in bars:
        measured = spread(bar["measured"], bar["unit"]) if bar["measured"] else "not measured"
        holds = {True: "yes", False: "NO", None: ""}[bar["holds"]]
        bound = f"{'>=' if bar['at_least'] else '<='} {bar['bound']:g}{bar['unit']}"
        lines.append(table.line([bar["what"], bound, measured, holds]))
    return "\n".join(lines)


def write_json(content, path):
    with files.atomic_write(path) as file:
        file.write((json.dumps(content, indent=1) + "\n").encode())


def write_plot(results, path):
    """tinynet's ratio to PyTorch's better layout by row; without PyTorch, its share of the limit."""
    compared = any(result["ratio"] for result in results)
    shown = [result for result in results[::-1] if result["ratio" if compared else "rate"]]
    fig = plots.figure(8, 1.0 + 0.25 * len(shown))
    axes = fig.add_subplot()
    if compared:
        draw_ratios(axes, [result["ratio"] for result in shown])
        axes.set_xlabel("tinynet / PyTorch's better layout")
    else:
        axes.barh(range(len(shown)), [result["rate"]["share"] for result in shown])
        axes.set_xlabel("share of the machine's limit")
    axes.set_yticks(range(len(shown)), [result["row"] for result in shown])
    axes.set_ylim(-0.6, len(shown) - 0.4)
    plots.write(fig, path)


def draw_ratios(axes, ratios):
    """Bars to both sides of 1 on a logarithmic axis, so that twice as fast looks as far as twice as slow."""
    for y, r in enumerate(ratios):
        axes.barh(y, r["median"] - 1, left=1, color="tab:blue" if r["median"] <= 1 else "tab:orange")
        axes.plot([r["low"], r["high"]], [y, y], color="black", linewidth=1)
        axes.text(1.01, y, f"{r['median']:.2f}", transform=axes.get_yaxis_transform(), va="center")
    axes.set_xscale("log")
    ends = [r[end] for r in ratios for end in ("low", "high")]
    axes.set_xlim(min(0.5, *ends) / 1.1, max(2, *ends) * 1.1)
    ticks = [0.05, 0.1, 0.25, 0.5, 1, 2, 4, 10, 20]
    axes.set_xticks([], minor=True)
    axes.set_xticks([t for t in ticks if axes.get_xlim()[0] <= t <= axes.get_xlim()[1]])
    axes.xaxis.set_major_formatter("{x:g}")
    axes.axvline(1, color="black", linewidth=0.8)
