"""What README.md and docs/ show was run: every block of every page is executed here and its output compared.

The blocks of a page run in order, in one namespace, in a temporary folder (with `examples/` in it).

    ```python    is executed; a ```text block behind it must equal what it printed
    ```console   `$ tinynet ...` and `$ python ...` are run, the lines below must equal what they print;
                 lines `(Pdb) ...` among these are typed into the debugger that runs
    ```math      is a formula, written for TeX
    <!-- not run: REASON -->       above a block: it is only shown
    <!-- from tinynet/FILE.py -->  above a block: it is a quotation, `...` stands for lines that are left out

A python block that starts with `# NAME.py` is saved under that name, too. In what is expected, `...` stands
for anything and all white space is alike.
"""

import contextlib
import dataclasses
import doctest
import io
import itertools
import os
import pathlib
import re
import shlex
import subprocess
import sys
import traceback

import numpy as np
import pytest

import tinynet
from tinynet import cli, kernels

ROOT = pathlib.Path(__file__).parents[1]
PAGES = [str(page.relative_to(ROOT)) for page in [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]]
FENCED = re.compile(r"(?:^<!-- (.*?) -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)[^)]*\)|(?:src|srcset)=\"([^\"]+)\"")
ELSEWHERE = re.compile(r"[a-z]+:")                             # https:, mailto:
TORCH = re.compile(r"^ *(import|from)\b.*\btorch\b", re.MULTILINE)       # also in: import tinynet, torch
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclasses.dataclass
class Block:
    line: int                          # of the fence that opens it
    language: str
    note: str                          # the comment above it
    text: str


class Mismatch(Exception):
    """What was printed is not what the page shows."""


def blocks_of(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = [Block(1 + text.count("\n", 0, found.start(2)), found[2], found[1] or "", found[3])
              for found in FENCED.finditer(text)]
    assert 2 * len(blocks) == text.count("```"), f"{page}: a fence that opens no block, or closes none"
    return blocks


@pytest.mark.parametrize("page", PAGES)
def test_blocks(page, workplace):
    blocks = blocks_of(page)
    if any(TORCH.search(block.text) for block in blocks):
        pytest.importorskip("torch")
    names = {"__name__": "__main__"}
    for block, behind in itertools.zip_longest(blocks, blocks[1:]):
        what = failure(page, block, behind, names)
        if what:
            pytest.fail(f"{page}, line {block.line}:\n{block.text}\n{what}", pytrace=False)


def failure(page, block, behind, names):
    try:
        run(page, block, behind, names)
    except Mismatch as found:
        return str(found)
    except Exception:
        return traceback.format_exc(limit=-4)


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder of its own for a page; what pages switch is switched back."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.setattr(tinynet.Function, "registry", dict(tinynet.Function.registry))
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    threads = tinynet.get_num_threads()
    with kernels.use(kernels.backend()), np.printoptions():
        yield tmp_path
    tinynet.set_num_threads(threads)


def run(page, block, behind, names):
    assert block.language in ("python", "console", "text", "math", ""), f"unknown kind of block: {block.language}"
    if block.note.startswith("from "):
        check_quotation(block.text, ROOT / block.note.removeprefix("from "))
    elif block.note.startswith("not run: "):
        save(block)
    elif block.language == "python":
        printed = run_python(page, block, names)
        if behind is not None and behind.language == "text":
            compare(behind.text, printed)
    elif block.language == "console":
        for command, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block.text, re.MULTILINE):
            run_command(command, expected)


def save(block):
    """Save a block that begins with its name."""
    if name := re.match(r"# (\w+\.py)\n", block.text):
        pathlib.Path(name[1]).write_text(block.text, encoding="utf-8")


def run_python(page, block, names):
    save(block)
    code = compile("\n" * block.line + block.text, ROOT / page, "exec")        # the page's own line numbers
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(code, names)
    return printed.getvalue()


def run_command(command, expected):
    words = shlex.split(command, comments=True)
    settings = dict(word.split("=", 1) for word in itertools.takewhile(re.compile(r"[A-Z_]+=").match, words))
    program, *arguments = words[len(settings):]
    assert program in ("tinynet", "python"), f"only tinynet and python are run here, not {program}"
    if program == "tinynet" and not settings and arguments[0] != "run":      # a script needs a process of its own
        status, printed = run_tinynet(arguments)
    else:
        arguments = ["-m", "tinynet", *arguments] if program == "tinynet" else arguments
        done = subprocess.run(
            [sys.executable, *arguments], capture_output=True, text=True, encoding="utf-8",
            input="\n".join(re.findall(r"^\(Pdb\) (.*)$", expected, re.MULTILINE)),
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **settings})
        status, printed = done.returncode, done.stdout + (done.stderr if done.returncode else "")
    if expected.strip():
        compare(re.sub(r"^(\(Pdb\)) .*$", r"\1", expected, flags=re.MULTILINE), printed)
    else:
        assert not status, f"{command} ended with status {status}:\n{printed}"


def run_tinynet(arguments):
    """(exit status, what it printed; what went to stderr only if it failed)"""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        try:
            status = cli.main(arguments)
        except SystemExit as end:      # argparse, also after --help
            status = end.code
    return status, out.getvalue() + (err.getvalue() if status else "")


def compare(expected, printed):
    rules = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    if not doctest.OutputChecker().check_output(expected, printed, rules):
        raise Mismatch(f"expected:\n{expected}\nprinted:\n{printed}")


def check_quotation(text, path):
    source = " ".join(path.read_text(encoding="utf-8").split())
    for piece in re.split(r"^ *\.\.\.$", text, flags=re.MULTILINE):
        if " ".join(piece.split()) not in source:
            raise Mismatch(f"this does not stand in {path.name}:\n{piece}")


@pytest.mark.parametrize("page", PAGES)
def test_links_and_pictures_exist(page):
    prose = re.sub(r"`[^`\n]+`", "", FENCED.sub("", (ROOT / page).read_text(encoding="utf-8")))
    for link in (found[1] or found[2] for found in LINK.finditer(prose)):
        if ELSEWHERE.match(link):
            continue
        path, _, heading = link.partition("#")
        target = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        assert target.exists(), f"{page}: {link} does not exist"
        assert not heading or heading in anchors(target), f"{page}: {link}: no such heading"


def anchors(path):
    """The names of a page's headings, as GitHub makes them."""
    headings = HEADING.findall(FENCED.sub("", path.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("shown", ["```python\nprint(1 + 1)\n```\n```text\n3\n```\n",
                                   "```python\n1 / 0\n```\n",
                                   "```console\n$ tinynet gradchek\n```\n", "```sh\nls\n```\n",
                                   "<!-- from tinynet/cli.py -->\n```python\nimport torch\n```\n"])
def test_a_wrong_page_is_caught(shown, workplace):
    (workplace / "page.md").write_text(shown, encoding="utf-8")
    page = str(workplace / "page.md")
    block, *behind = blocks_of(page)
    assert failure(page, block, behind[0] if behind else None, {})


def test_every_page_is_on_the_map():
    found = LINK.findall((ROOT / "docs/README.md").read_text(encoding="utf-8"))
    linked = {(ROOT / "docs" / link.partition("#")[0]).resolve() for link, _ in found}
    pages = {ROOT / page for page in PAGES if page.startswith("docs/") and not page.startswith("docs/api/")}
    assert not pages - linked - {ROOT / "docs/README.md"}
