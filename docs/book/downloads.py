"""Notebooks in the folder `notebooks` of the site, and a link to it at the top of each page that has one."""

import pathlib

from docutils import nodes
from notebooks import EXAMPLES, PAGES, name_of, write_notebooks
from sphinx.transforms import SphinxTransform
from sphinx.util.osutil import relative_uri


class LinkNotebook(SphinxTransform):

    default_priority = 800

    def apply(self):
        path = pathlib.Path(self.document["source"]).resolve()
        title = next(self.document.findall(nodes.title), None)
        if path in (*PAGES, *EXAMPLES) and title is not None:
            title.parent.insert(title.parent.index(title) + 1, self.line(path))

    def line(self, path):
        here = self.app.builder.get_target_uri(self.env.docname)
        links = {"Download this page as a notebook": f"notebooks/{name_of(path)}"}
        if path in EXAMPLES and "import common" in path.read_text(encoding="utf-8"):
            links["and common.py, which it imports"] = "notebooks/examples/common.py"
        made = " ".join(f'<a href="{relative_uri(here, file)}" download>{text}</a>' for text, file in links.items())
        return nodes.raw("", f'<p class="downloads">{made}</p>', format="html")


def write(app, error):
    if error is None and app.builder.format == "html":
        write_notebooks(pathlib.Path(app.outdir, "notebooks"))


def setup(app):
    app.add_transform(LinkNotebook)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True}
