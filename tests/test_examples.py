"""The examples run, in quick mode, as by a reader, and examples/README.md shows what comes out."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
FOLDER = ROOT / "examples"
EXAMPLES = sorted(FOLDER.glob("[0-9][0-9]_*.py"))
PAGE = (FOLDER / "README.md").read_text(encoding="utf-8")
NUMBER = re.compile(r"-?\d[\d,.]*(e[-+]\d+)?")


def section(script):
    """What the README says about an example: from its heading to the next one."""
    found = re.search(rf"^## {script.name[:2]} .*?(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"examples/README.md has no section on {script.name}"
    return found[0]


def form(line):
    """A line without its numbers: what quick mode and the full run have in common."""
    return NUMBER.sub("#", line)


def test_there_are_fifteen_examples_in_order():
    assert [script.name[:2] for script in EXAMPLES] == [f"{i:02}" for i in range(1, 16)]
    assert re.findall(r"^## (\d\d) ", PAGE, re.MULTILINE) == [f"{i:02}" for i in range(1, 16)]


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda script: script.stem)
def test_example_is_short_and_explains_itself(script):
    lines = script.read_text(encoding="utf-8").splitlines()
    assert len(lines) < 80
    assert lines[0].startswith('"""') and max(map(len, lines)) <= 120
    assert f"`{script.name}`" in section(script)


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda script: script.stem)
def test_example_ends_in_what_the_readme_promises(script, tmp_path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run([sys.executable, str(script), "--quick", "--out", "pictures"], cwd=tmp_path,
                          env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert not re.search(r"\b(nan|inf)\b", done.stdout), done.stdout
    promised = re.search(r"```text\n(.*?)```", section(script), re.DOTALL)[1].splitlines()
    assert form(done.stdout.splitlines()[-1]) == form(promised[-1])
    pictures = re.findall(r"\(images/(\S+?)\)", section(script))
    assert pictures
    for name in pictures:
        assert (tmp_path / "pictures" / name).read_bytes().startswith(b"\x89PNG"), name
        assert (FOLDER / "images" / name).is_file(), f"{name} is not committed in examples/images"
