"""The page itself: the recordings as JSON, with a template, styles and scripts, in one file that needs no network.

Text from users (names of classes, paths, titles) never runs as a script: it is escaped in the HTML, every `<` in the
JSON is written as an escape, and the scripts set text, never markup.
"""

import html
import json
import pathlib
import string

from tinynet.explorer.describe import described
from tinynet.system.files import atomic_write

PARTS = pathlib.Path(__file__).parent / "page"
SCRIPTS = "data.js", "fold.js", "graph.js", "pictures.js", "panel.js", "steps.js"
ROOM = 2_200_000                       # bytes for the values of all arrays
BYTES_A_VALUE = 8 / 3                  # 16 bits in base64


class Page:
    """A page of the explorer; `save(path)` writes it, and a notebook shows it."""

    def __init__(self, recordings, title, subtitle="", essays=None):
        self.title, self.subtitle = title, subtitle
        self.content = {"essays": essays, "functions": functions(recordings), "recordings": pack(recordings)}

    @property
    def html(self):
        """The whole file, a string."""
        content = json.dumps(self.content, separators=(",", ":")).replace("<", "\\u003c")
        scripts = "\n".join((PARTS / name).read_text(encoding="utf-8") for name in SCRIPTS)
        return string.Template((PARTS / "page.html").read_text(encoding="utf-8")).substitute(
            title=html.escape(self.title), subtitle=html.escape(self.subtitle), recording=content,
            style=(PARTS / "style.css").read_text(encoding="utf-8"), scripts=scripts,
            dagre=(PARTS / "dagre" / "dagre.min.js").read_text(encoding="utf-8"))

    def save(self, path):
        """Write the page into an .html file. OSError if that is not possible; then no part of a file remains."""
        with atomic_write(path) as file:
            file.write(self.html.encode())

    def _repr_html_(self):
        return (f'<iframe srcdoc="{html.escape(self.html)}" title="{html.escape(self.title)}" '
                'style="width: 100%; height: 720px; border: 0"></iframe>')

    def __repr__(self):
        first = self.content["recordings"][0]
        return (f"<explorer page {self.title!r}: {len(first['operators'])} operators, {len(first['steps'])} steps; "
                "save(path) writes it>")


def functions(recordings):
    """The descriptions of all kinds of operators in the recordings, each once."""
    kinds = {operator.function.__name__: operator.function for seen in recordings for operator in seen.operators}
    return {name: described(function) for name, function in kinds.items()}


def pack(recordings):
    """The recordings as the scripts read them; all arrays together have a limited size."""
    arrays = sum(len(seen.snapshots()) for seen in recordings)
    budget = max(16, int(ROOM / BYTES_A_VALUE / max(1, arrays)))
    return [packed_recording(seen, budget) for seen in recordings]


def packed_recording(seen, budget):
    def packed(snapshot):
        return None if snapshot is None else snapshot.packed(budget)

    return {
        "label": seen.label, "modules": seen.kinds,
        "values": [{"kind": v.kind, "name": v.name, "maker": v.maker, "shape": list(v.shape), "bytes": v.bytes,
                    "picture": packed(v.snapshot)} for v in seen.values],
        "operators": [{"function": o.function.__name__, "modules": list(o.modules), "inputs": o.inputs,
                       "outputs": o.outputs, "options": [[name, str(a)] for name, a in o.options.items()],
                       "title": o.title, "geometry": geometry(o),
                       "saved": o.saved, "arrived": [packed(s) for s in o.arrived],
                       "sent": [packed(s) for s in o.sent]} for o in seen.operators],
        "steps": [{"kind": s.kind, "operator": s.operator, "value": s.value, "total": packed(s.total)}
                  for s in seen.steps],
        "memory": [[s.saved, s.gradients] for s in seen.steps],
        "parameters": [{"name": name, "picture": packed(value), "gradient": packed(gradient),
                        "update": packed(update)} for name, value, gradient, update in seen.parameters]}


def geometry(operator):
    """The geometry of a convolution's windows, for the page's drawing of one; None for other operators."""
    if operator.function.__name__ != "Conv2d":
        return None
    return {name: operator.options[name] for name in ("stride", "padding", "dilation", "groups")}
