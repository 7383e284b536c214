"""Figures that need no screen, and the common parts of all plots."""

import functools
import io
import math
import pathlib
import warnings

import numpy as np

from tinynet.system import files

FORMATS = "png", "svg", "pdf"
OTHER_SCRIPTS = ("Noto Sans CJK JP", "Noto Sans CJK SC", "Source Han Sans", "WenQuanYi Micro Hei", "PingFang SC",
                 "Hiragino Sans", "Microsoft YaHei", "Yu Gothic", "Malgun Gothic", "Arial Unicode MS", "Noto Sans",
                 "Noto Sans Devanagari", "Noto Sans Thai", "Noto Sans Bengali", "Noto Sans Tamil")


def figure(width=6.4, height=4.0):
    """An empty figure that needs no screen; width and height in inches."""
    from matplotlib.figure import Figure

    class Shown(Figure):
        """A figure that a notebook shows by itself."""

        def _repr_png_(self):
            return rendered(self, "png")

    return Shown(figsize=(width, height), layout="constrained")


def rendered(fig, kind):
    """The bytes of a figure as "png", "svg" or "pdf". Equal figures give equal bytes: no date, no random names."""
    import matplotlib
    content = io.BytesIO()
    dates = {} if kind == "png" else {"metadata": {"CreationDate" if kind == "pdf" else "Date": None}}
    for text in fig.findobj(matplotlib.text.Text):
        chosen = text.get_fontfamily()
        text.set_fontfamily(fonts() if chosen == ["sans-serif"] else [*chosen, *fonts()])
    with matplotlib.rc_context({"svg.hashsalt": "tinynet"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")        # a box stands for it
        fig.savefig(content, format=kind, dpi=120, **dates)
    return content.getvalue()


def finished(fig, path):
    """The figure, written to `path` unless that is None. All plots end with it."""
    if path is not None:
        write(fig, path)
    return fig


def write(fig, path):
    """Write a figure as PNG, SVG or PDF, by the ending of `path`, whole or not at all. ValueError for other endings."""
    kind = pathlib.Path(path).suffix[1:].lower()
    if kind not in FORMATS:
        raise ValueError(f"plots: expected a path that ends in .png, .svg or .pdf, got {path}")
    with files.atomic_write(path) as file:
        file.write(rendered(fig, kind))


@functools.cache
def fonts():
    """matplotlib's own font, and the installed fonts for other scripts, because names may be in any language."""
    from matplotlib import font_manager
    found = {font.name for font in font_manager.fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in OTHER_SCRIPTS if name in found)]


def panels(count, columns, width, height):
    """A figure of `count` axes, row by row, each about width x height inches: (figure, list of axes)."""
    columns = min(count, columns)
    rows = math.ceil(count / columns)
    fig = figure(columns * width, rows * height)
    axes = fig.subplots(rows, columns, squeeze=False).ravel().tolist()
    for unused in axes[count:]:
        unused.set_axis_off()
    return fig, axes[:count]


def numbers(name, values, wanted, *ndims):
    """`values` as an array that is not empty and has one of the numbers of axes `ndims`; `wanted` is for the error."""
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name}: expected numbers, got {array.dtype}")
    if array.ndim not in ndims or not array.size:
        raise ValueError(f"{name}: expected {wanted}, got {array.shape}")
    return array


def some_of(name, what, mapping):
    """TypeError or ValueError for anything but a dict that is not empty."""
    if not isinstance(mapping, dict):
        raise TypeError(f"{name}: expected a dict of {what}, got {type(mapping).__name__}")
    if not mapping:
        raise ValueError(f"{name}: expected a dict of {what}, got an empty one")


def legend(axes):
    """Name the lines below one another, where there are any names."""
    if axes.get_legend_handles_labels()[1]:
        axes.legend(fontsize="small")
