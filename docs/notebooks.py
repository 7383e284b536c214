"""The essays, the cookbook and the examples as notebooks: python docs/notebooks.py OUT

The sources stay the Markdown pages and the scripts; a notebook is made from them by jupytext, and never committed.
What a page shows as printed, a notebook prints itself, so that it is left out. `tinynet` commands become cells.

    pip install ".[docs]"
    python docs/notebooks.py notebooks             # notebooks/essays/attention.ipynb and so on
    python docs/notebooks.py notebooks --quick     # the examples in quick mode: less data, fewer steps, seconds
"""

import argparse
import ast
import base64
import json
import os
import pathlib
import re
import shutil
import sys

import jupytext
from nbformat.v4 import new_code_cell, new_markdown_cell

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGES = [*sorted(ROOT.glob("docs/essays/*.md")), ROOT / "docs/cookbook.md"]
EXAMPLES = sorted(ROOT.glob("examples/[0-9][0-9]_*.py"))
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
BLOCK = re.compile(r"^(?:<!-- (?P<note>(?:from|not run).*?) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```\n",
                   re.MULTILINE | re.DOTALL)
IMAGE = re.compile(r"!\[([^]]*)\]\(([^)\s]+)\)")
LINK = re.compile(r"(?<!!)\[([^]]*)\]\((?!https?:)([^)\s#]+)(?:#[^)\s]*)?\)")
NEEDS_TORCH = """
*One cell compares with PyTorch, and stops without it (`pip install torch`). Later cells use names from this cell.*
"""
TYPES = {".svg": "image/svg+xml", ".png": "image/png"}


def name_of(path):
    """Where the notebook of a source stands in the folder of notebooks: essays/attention.ipynb."""
    return path.relative_to(ROOT).with_suffix(".ipynb").as_posix().removeprefix("docs/")


def notebook(path, quick=False):
    """The notebook of a page or an example, without outputs."""
    text = path.read_text(encoding="utf-8")
    made = from_page(text) if path.suffix == ".md" else from_script(text, path.name, quick)
    made.metadata = dict(KERNEL)
    for i, cell in enumerate(made.cells):
        cell.id = f"cell-{i}"                          # not random: the same source gives the same notebook
        if cell.cell_type == "markdown":
            attach_pictures(cell, path)
            cell.source = LINK.sub(lambda link: relinked(link, path), cell.source)
    return made


def from_page(text):
    needs = NEEDS_TORCH if re.search(r"^import .*\btorch\b", text, re.MULTILINE) else ""
    text = re.sub(r"^<!-- .*? -->\n", "", BLOCK.sub(as_cell, text), flags=re.MULTILINE)
    title, _, rest = text.partition("\n")
    return jupytext.reads(f"{title}\n{needs}{rest}", fmt="md")


def as_cell(block):
    """A block of a page as jupytext reads it: code to run as ```python, everything else as something to look at."""
    language, text = block["language"], block["text"]
    if block["note"]:
        return f"```py\n{text}```\n"                   # a quotation: shown, not run
    if language == "math":
        return f"$$\n{text}$$\n"
    if language == "text":
        return ""
    commands = re.findall(r"^\$ tinynet (.*)\n", text, re.MULTILINE)
    if language == "console" and commands:
        return "```python\n" + "\n".join(f"%run -m tinynet {command}" for command in commands) + "\n```\n"
    return block[0]


def from_script(text, name, quick=False):
    """An example: its docstring as text, the options of its command line, its code, and the picture that it wrote."""
    first, story = ast.parse(text).body[0], ast.get_docstring(ast.parse(text))
    title, _, rest = story.partition("\n")
    made = jupytext.reads("\n".join(text.splitlines()[first.end_lineno:]).strip("\n"), fmt="py:light")
    cells = [new_markdown_cell(f"# {name.removesuffix('.py')}: {title}\n{rest}")]
    if "args.picture" in text:
        options = [name, "--quick"] if quick else [name]
        cells.append(new_code_cell(f"import sys\n\nsys.argv = {json.dumps(options)}"
                                   '                  # as on the command line; "--quick" is faster'))
        made.cells.append(new_code_cell("from IPython.display import Image\n\nImage(args.picture)"))
    made.cells[:0] = cells
    return made


def attach_pictures(cell, path):
    """Put the pictures of a text cell into the notebook, which is then one file that needs no other."""
    for picture in {path.parent / target for _, target in IMAGE.findall(cell.source)}:
        content = base64.b64encode(picture.read_bytes()).decode("ascii")
        cell.setdefault("attachments", {})[picture.name] = {TYPES[picture.suffix]: content}
    cell.source = IMAGE.sub(lambda image: f"![{image[1]}](attachment:{pathlib.Path(image[2]).name})", cell.source)


def relinked(link, path):
    """A link of a text cell: to the notebook of a page that has one, else the name of the file in the repository."""
    target = (path.parent / link[2]).resolve()
    if target in (*PAGES, *EXAMPLES):
        return f"[{link[1]}]({os.path.relpath(name_of(target), pathlib.Path(name_of(path)).parent)})"
    name = f"`{target.relative_to(ROOT).as_posix()}`"
    return name if link[1].endswith((".md", ".py", "`")) else f"{link[1]} ({name})"


def as_page(path):
    """The notebook of an example as Markdown, with what examples/README.md tells and shows about it."""
    readme = (ROOT / "examples/README.md").read_text(encoding="utf-8")
    title, told = re.search(rf"^## ({path.name[:2]} .*?)\n(.*?)(?=^## |\Z)", readme, re.MULTILINE | re.DOTALL).groups()
    story, *code = [cell for cell in notebook(path).cells if not re.search("sys.argv|IPython", cell.source)]
    cells = [cell.source if cell.cell_type == "markdown" else f"```python\n{cell.source}\n```" for cell in code]
    story = story.source.partition("\n")[2]
    return "\n\n".join([f"# {title}", story, "## What comes out", told, "## The code", *cells, ""])


def write_notebooks(out, quick=False):
    """Write all notebooks, and what the examples share, into the folder `out`."""
    for path in (*PAGES, *EXAMPLES):
        target = out / name_of(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(jupytext.writes(notebook(path, quick), fmt="ipynb"), encoding="utf-8")
    shutil.copy(ROOT / "examples/common.py", out / "examples")


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=pathlib.Path, metavar="OUT", help="the folder to write into")
    parser.add_argument("--quick", action="store_true", help="the examples in quick mode")
    args = parser.parse_args(arguments)
    write_notebooks(args.out, args.quick)
    print(f"{len(PAGES) + len(EXAMPLES)} notebooks are in {args.out}")


if __name__ == "__main__":
    main(sys.argv[1:])
