"""The whole book as one site: python -m sphinx docs site

The pages are the Markdown files as they stand in the repository. What a site has beyond them is made on the way by
the extensions in docs/book/: the order of reading, the sources that pages link to, typeset formulas, links to the
glossary, explorer pages, and notebooks.
"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "docs"), str(ROOT / "docs" / "api"), str(ROOT)]

from book.pages import found_pages

project, copyright = "tinynet", "the tinynet developers"
extensions = ["sphinx.ext.autodoc", "myst_parser", "book.pages", "book.docstrings", "book.formulas", "book.glossary",
              "book.explorers", "book.downloads"]
root_doc = "README"
include_patterns = found_pages()

autodoc_inherit_docstrings = False
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
myst_heading_anchors = 4
myst_fence_as_directive = ["math"]

html_theme = "furo"
html_title = "tinynet"
html_static_path = ["book/static"]
html_css_files = ["book.css"]
html_js_files = ["book.js"]
html_show_sourcelink = html_copy_source = False
html_show_search_summary = False               # a summary is fetched, which browsers refuse for pages opened from disk


def setup(app):
    app.srcdir = type(app.srcdir)(ROOT)        # pages also stand beside docs/: README.md, examples/, linked sources
