"""Texts are read and written as UTF-8 under any locale: every call in the project that opens one says so."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[1]
SOURCES = sorted(path for folder in ("tinynet", "tests", "examples", "docs") for path in (ROOT / folder).rglob("*.py"))


def without_encoding(call):
    """Whether the call opens a text, or reads what a process prints, in the encoding of the locale."""
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if "encoding" in given or None in given:
        return False
    if isinstance(call.func, ast.Name) and call.func.id == "open" or dotted(call.func) == "os.fdopen":
        mode = given.get("mode", call.args[1] if len(call.args) > 1 else ast.Constant("r"))
        return isinstance(mode, ast.Constant) and "b" not in str(mode.value)
    if isinstance(call.func, ast.Attribute) and call.func.attr in ("read_text", "write_text"):
        return dotted(call.func) != "files.read_text"                   # tinynet's own is UTF-8 always
    return any(isinstance(given.get(name), ast.Constant) and given[name].value is True
               for name in ("text", "universal_newlines"))


def dotted(function):
    return f"{function.value.id}.{function.attr}" if (
        isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name)) else ""


def faults(source):
    return [node.lineno for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Call) and without_encoding(node)]


@pytest.mark.parametrize("folder", ["tinynet", "tests", "examples", "docs"])
def test_every_text_is_opened_as_utf8(folder):
    found = [f"{path.relative_to(ROOT)}:{line}" for path in SOURCES if path.is_relative_to(ROOT / folder)
             for line in faults(path.read_text(encoding="utf-8"))]
    assert not found, "these lines open a text without encoding='utf-8'"


def test_the_check_itself():
    bad = ["open(p)", "open(p, 'w')", "open(p, mode='a')", "p.read_text()", "p.write_text('a')", "run(x, text=True)",
           "os.fdopen(3, 'w')"]
    good = ["open(p, 'rb')", "open(p, encoding='utf-8')", "p.read_text(encoding='utf-8')", "run(x, text=False)",
            "files.read_text(p, 10)", "p.read_bytes()", "os.fdopen(3, 'wb')", "open(p, **options)"]
    assert all(faults(line) for line in bad) and not any(faults(line) for line in good)
