"""Links each page to the glossary: where it first uses a term, with the explanation as the link's title.

The Markdown stays plain. A term of several words, or in several spellings, is known by each of them.
"""

import re

from docutils import nodes
from sphinx.transforms import SphinxTransform

from book.pages import ROOT

GLOSSARY = "docs/glossary"
ENTRY = re.compile(r"^\*\*(.+?)\.\*\* (.*?)(?=\n\n|\Z)", re.MULTILINE | re.DOTALL)
# Terms that are everyday words as well, or names: linked on no page, because many pages use them in the other sense.
EVERYDAY = {"band", "block", "branch", "case", "crop", "head", "owned", "panel", "positions", "stage", "step", "team",
            "view", "window"}


def entries():
    """{spelling: (anchor, explanation)}; in small letters, except for abbreviations such as SE."""
    found = {}
    for title, text in ENTRY.findall((ROOT / "docs/glossary.md").read_text(encoding="utf-8")):
        plain = re.sub(r"\[[^]]*\.md\]\([^)]*\)|[*`]|(?<=\])\([^)]*\)|[][]", "", " ".join(text.split())).strip()
        for spelling in re.split(r", | \(|\)", title.replace("`", "")):
            if spelling and spelling.lower() not in EVERYDAY:
                found[spelling if spelling.isupper() else spelling.lower()] = anchor(title), plain
    return found


def uses_of(spellings):
    """The expression that finds them in a text: an abbreviation as it is, a word in any case and as a plural."""
    words = sorted(map(re.escape, spellings), key=len, reverse=True)
    abbreviations, others = ["|".join(w for w in words if w.isupper() == upper) for upper in (True, False)]
    return re.compile(rf"\b(?:({abbreviations})|((?i:{others}))(?:s|es)?)\b")


def anchor(title):
    return "term-" + re.sub(r"\W+", "-", title.lower()).strip("-")


class NameEntries(SphinxTransform):
    """In the glossary, every entry gets an address."""

    default_priority = 400

    def apply(self):
        if self.env.docname == GLOSSARY:
            for paragraph in self.document.findall(nodes.paragraph):
                title = next((part for part in paragraph[:2] if isinstance(part, nodes.strong)), None)
                if title is not None:                  # the parser may put an empty text before it
                    paragraph["ids"].append(anchor(title.astext().rstrip(".")))


class LinkTerms(SphinxTransform):
    """On every other Markdown page, the first use of a term leads to its entry."""

    default_priority = 850                             # after links are known, so that none is put into another

    def apply(self):
        if self.env.docname == GLOSSARY or not self.document["source"].endswith(".md"):
            return
        self.env.note_dependency(str(ROOT / "docs/glossary.md"))
        left = entries()
        pattern = uses_of(left)
        for text in list(self.document.findall(nodes.Text)):
            if isinstance(text.parent, (nodes.paragraph, nodes.entry)):
                self.link(text, pattern, left)

    def link(self, text, pattern, left):
        parts, end, words = [], 0, text.astext()
        for use in pattern.finditer(words):
            found = left.get(use[1] or use[2].lower())
            if found:
                address, explanation = found
                for spelling in [s for s, (other, _) in left.items() if other == address]:
                    del left[spelling]
                parts += [nodes.Text(words[end:use.start()]), self.reference(use[0], address, explanation)]
                end = use.end()
        if parts:
            text.parent.replace(text, [*parts, nodes.Text(words[end:])])

    def reference(self, word, address, explanation):
        path = self.app.builder.get_relative_uri(self.env.docname, GLOSSARY)
        return nodes.reference("", word, internal=True, refuri=f"{path}#{address}", reftitle=explanation,
                               classes=["term"])


def setup(app):
    app.add_transform(NameEntries)
    app.add_transform(LinkTerms)
    return {"parallel_read_safe": True}
