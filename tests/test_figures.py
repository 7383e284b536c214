"""The measured numbers on the pages are those of the files in docs/results/, which name their machine."""

import json
import pathlib
import re
import runpy
import subprocess
import sys

import pytest

DOCS = pathlib.Path(__file__).parents[1] / "docs"
SCRIPT = runpy.run_path(str(DOCS / "figures.py"))


@pytest.mark.parametrize("page", SCRIPT["pages"](), ids=lambda page: page.name)
def test_pages_are_in_step(page):
    text = page.read_text(encoding="utf-8")
    assert SCRIPT["in_step"](text) == text, "run python docs/figures.py"


def test_a_changed_number_is_noticed_and_mended():
    text = "It took <!-- figure: ms \"ResNet-20 training step, batch 128\" -->1<!-- / --> ms."
    new = SCRIPT["in_step"](text)
    assert new != text and re.search(r"-->[\d,.]+<!-- / --> ms\.$", new) and SCRIPT["in_step"](new) == new


@pytest.mark.parametrize("path", sorted((DOCS / "results").glob("*.json")), ids=lambda path: path.stem)
def test_every_file_of_results_names_its_machine(path):
    content = json.loads(path.read_text(encoding="utf-8"))
    machines = [row["machine"] for row in content["rows"]] if path.stem == "machines" else [
        content.get("machine") or content["facts"]]
    for machine in machines:
        assert machine["processor"] and machine["LLVM target"] and machine["threads"]


def test_every_file_is_used():
    used = "".join(page.read_text(encoding="utf-8") for page in SCRIPT["pages"]())
    functions = (DOCS / "figures.py").read_text(encoding="utf-8")
    for path in (DOCS / "results").glob("*.json"):
        assert f'"{path.stem}"' in functions and path.name in used, f"no page tells of {path.name}"


def test_a_row_that_is_missing_is_named():
    with pytest.raises(ValueError, match="results/bench.json has no row 'x'"):
        SCRIPT["ms"]("x")


@pytest.mark.slow
@pytest.mark.parametrize("study", ["bottleneck", "depth"])
def test_a_study_runs(study):
    """Those of the built-in images; the others take CIFAR-10."""
    path = DOCS / f"studies/{study}.py"
    done = subprocess.run([sys.executable, str(path), "--quick"], capture_output=True, text=True, timeout=600,
                          encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert all(json.loads(line) for line in done.stdout.splitlines())


@pytest.mark.parametrize("page", SCRIPT["pages"](), ids=lambda page: page.name)
def test_no_line_of_prose_starts_with_a_mark(page):
    """Markdown takes a line that starts with a comment out of its paragraph."""
    assert not re.findall(r"^ *<!-- figure: [^\n]*?-->[^\n]+", page.read_text(encoding="utf-8"), re.MULTILINE)
