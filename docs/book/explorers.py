"""Explorer pages, embedded under the code that makes them.

A block of Python with `tinynet.explore(..., out="NAME.html")` is run when the site is built, in a namespace of its own,
so that it imports what it needs. Its page stands in the folder `explorer` of the site.
"""

import contextlib
import pathlib
import re

from docutils import nodes
from sphinx.transforms import SphinxTransform
from sphinx.util.osutil import relative_uri

OUT = re.compile(r"\bout=\"(\w+)\.html\"")


class Embed(SphinxTransform):
    """Under each such block, the page in a frame, and a link that opens it alone."""

    default_priority = 800

    def apply(self):
        for block in list(self.document.findall(nodes.literal_block)):
            name = OUT.search(block.astext())
            if name and "tinynet.explore(" in block.astext() and self.document["source"].endswith(".md"):
                self.env.metadata[self.env.docname].setdefault("explorer", {})[name[1]] = block.astext()
                block.parent.insert(block.parent.index(block) + 1, self.frame(name[1]))

    def frame(self, name):
        address = relative_uri(self.app.builder.get_target_uri(self.env.docname), f"explorer/{name}.html")
        return nodes.raw("", f'<iframe class="explorer" src="{address}" title="Explorer: {name}" loading="lazy">'
                             f'</iframe><p class="explorer"><a href="{address}">Open this page alone</a></p>',
                         format="html")


def make_pages(app, error):
    """Run the blocks, each in the folder of the explorer pages; links in them lead to the essays of this site."""
    if error is None and app.builder.format == "html":
        folder = pathlib.Path(app.outdir, "explorer")
        folder.mkdir(exist_ok=True)
        for metadata in app.env.metadata.values():
            for name, code in metadata.get("explorer", {}).items():
                with contextlib.chdir(folder):
                    exec(compile(code, f"the block that makes {name}.html", "exec"), {"__name__": name})
                page = folder / f"{name}.html"
                text = page.read_text(encoding="utf-8").replace('"essays":null', '"essays":"../docs/essays/"', 1)
                page.write_text(text, encoding="utf-8")


def setup(app):
    app.add_transform(Embed)
    app.connect("build-finished", make_pages)
    return {"parallel_read_safe": True}
