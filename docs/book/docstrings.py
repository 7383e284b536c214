"""Docstrings as pages of the reference.

The docstrings are plain text: `code` in single backticks, formulas indented. They are turned into
reStructuredText on the way, so that they need not be written in it.
"""

import inspect
import re

from names import MODULES, options, public


def setup(app):
    app.connect("source-read", list_names)
    app.connect("autodoc-process-docstring", complete)
    return {"parallel_read_safe": True}


def list_names(app, page, source):
    """Where a page says `PUBLIC module`, all its public names, classes with their methods."""
    source[0] = re.sub(r"^PUBLIC (\S+)$", lambda match: directives(match[1]), source[0], flags=re.MULTILINE)


def directives(module):
    earlier = [thing for other in MODULES[:MODULES.index(module)] for thing in public(other).values()]
    made = []
    for name, thing in public(module).items():
        if inspect.isclass(thing):
            again = "   :no-index:\n" if thing in earlier else ""
            made.append(f".. autoclass:: {module}.{name}\n   :members:\n   :show-inheritance:\n{again}")
        else:
            made.append(f".. autofunction:: {module}.{name}\n")
    return "\n".join(made)


def complete(app, what, name, thing, flags, lines):
    """The docstring, with the options of settings below, as reStructuredText."""
    lines += options(thing)
    translate(lines)


# Plain text to reStructuredText -----------------------------------------------------------------------------


def translate(lines):
    """Paragraphs and lists as they are; what is indented, or in columns, word for word."""
    translated = []
    for kind, block in blocks(lines):
        if kind == "literal":
            translated += ["::", "", *("    " + line for line in block), ""]
        else:
            translated += [*escaped("\n".join(block)).split("\n"), ""]
    lines[:] = translated


def blocks(lines):
    """Consecutive lines of one kind: (kind, lines); blank lines stand between blocks of the same kind."""
    block, present = [], None
    for line in lines:
        kind = kind_of(line, present)
        if kind != present and block:
            yield present, block
            block = []
        present = kind
        if kind:
            block.append(line)
    if block:
        yield present, block


def kind_of(line, before):
    if not line.strip():
        return None
    if line.startswith("- ") or before == "list" and line.startswith("  "):
        return "list"
    return "literal" if line.startswith(" ") or re.search(r"\S {3,}\S", line) else "text"


def escaped(text):
    """Signs that mean something in reStructuredText mean themselves; single backticks become double ones."""
    parts = re.split(r"`([^`]+)`", text)
    for i, part in enumerate(parts):
        parts[i] = f"\0``{part}``\0" if i % 2 else re.sub(r"([\\*_|`])", r"\\\1", part)
    return re.sub(r"(?<=\w)\0(?=`)|(?<=`)\0(?=\w)", r"\\ ", "".join(parts)).replace("\0", "")
