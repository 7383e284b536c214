"""Which files are pages of the site, and in which order they are read: docs/README.md, the map, says so.

A source file that a page links to is a page, too: the file with numbered lines. An example is shown as its notebook.
"""

import pathlib
import re

from docutils import nodes
from myst_parser.parsers.sphinx_ import MystParser

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\(([^)\s#:]+)")
SECTION = re.compile(r"^## ([^:\n]+)[^\n]*\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
EXAMPLES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("examples/[0-9][0-9]_*.py"))


def markdown_pages():
    found = ["README.md", *(path.relative_to(ROOT).as_posix() for path in sorted(ROOT.glob("docs/**/*.md")))]
    return [*found, "examples/README.md"]


def links_of(page, text):
    """The files that a page's text links to, relative to the repository, in the order of the text."""
    targets = [(ROOT / page).parent / link for link in LINK.findall(text)]
    return [path.resolve().relative_to(ROOT).as_posix() for path in targets if path.is_file()]


def found_pages():
    """All files that are pages of the site, relative to the repository."""
    texts = {page: (ROOT / page).read_text(encoding="utf-8") for page in markdown_pages()}
    linked = {file for page, text in texts.items() for file in links_of(page, text) if file.endswith(".py")}
    references = [path.relative_to(ROOT).as_posix() for path in sorted(ROOT.glob("docs/api/*.rst"))]
    return sorted({*texts, *linked, *EXAMPLES, *references})


def orders():
    """{heading: pages} as the map has them, each page where it comes first."""
    text = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    sections = {heading: links_of("docs/README.md", body) for heading, body in SECTION.findall(text)}
    everything = sections.pop("All pages")
    sections |= {"Examples": ["examples/README.md", *EXAMPLES], "All other pages": everything}
    suffixes, seen, result = (".md", ".py", ".rst"), {"README.md", "docs/README.md"}, {}
    for heading, pages in sections.items():
        pages = [page for page in dict.fromkeys(pages) if page.endswith(suffixes) and page not in seen]
        result[heading] = pages
        seen.update(pages)
    return result


def add_orders(app, page, source):
    """The front page lists all others in their orders of reading, out of sight."""
    if page == "README":
        app.env.note_dependency(str(ROOT / "docs/README.md"))
        trees = {"": ["docs/README.md"]} | orders()
        source[0] += "".join(toctree(caption, pages) for caption, pages in trees.items())


def toctree(caption, pages):
    return "\n".join(["", "```{toctree}", ":hidden:", *([f":caption: {caption}"] if caption else []), "",
                      *(f"/{page.rpartition('.')[0]}" for page in pages), "```", ""])


class SourceParser(MystParser):
    """Shows a source file as Markdown: its path, and its lines; an example as its notebook."""

    supported = ("python",)

    def parse(self, text, document):
        page = pathlib.Path(document["source"]).resolve().relative_to(ROOT).as_posix()
        if page in EXAMPLES:
            document.settings.env.note_dependency(str(ROOT / "examples/README.md"))
        super().parse(as_markdown(page, text), document)


def as_markdown(page, text):
    if page in EXAMPLES:
        from notebooks import as_page
        return as_page(ROOT / page)
    alone = "" if page in sum(orders().values(), []) else "---\norphan: true\n---\n"
    return f"{alone}# {page}\n\n~~~~~~~~{{code-block}} python\n:lineno-start: 1\n\n{text}~~~~~~~~\n"


def name_pages(app, document, page):
    """A link that bears the name of a Markdown file, as on a forge, gets the title of its page."""
    titles = {app.builder.get_relative_uri(page, other): title.astext() for other, title in app.env.titles.items()}
    for link in document.findall(nodes.reference):
        title = titles.get(link.get("refuri", "").partition("#")[0])
        if title and re.fullmatch(r"[\w./-]+\.md", link.astext()):
            link[:] = [nodes.Text(title)]
    for code in list(document.findall(nodes.literal)):
        link_source(app, code, page)


def link_source(app, code, page):
    """The name of a source file in the text leads to its page, where it has one; `tinynet/` may be left out."""
    name = code.astext().removesuffix(".py")
    for other in (name, f"tinynet/{name}"):
        found = name != code.astext() and other in app.env.titles and other != page
        if found and not isinstance(code.parent, (nodes.reference, nodes.title)):
            address = app.builder.get_relative_uri(page, other)
            code.replace_self(nodes.reference("", "", code.deepcopy(), internal=True, refuri=address))


def redirect(app):
    """The address of the whole site leads to the front page."""
    if app.builder.format == "html":
        yield "index", {"title": "tinynet", "body": '<p><a href="README.html">tinynet</a></p>',
                        "metatags": '<meta http-equiv="refresh" content="0; url=README.html">'}, "page.html"


def setup(app):
    app.add_source_suffix(".py", "python")
    app.add_source_parser(SourceParser)
    app.connect("source-read", add_orders)
    app.connect("doctree-resolved", name_pages)
    app.connect("html-collect-pages", redirect)
    return {"parallel_read_safe": True}
