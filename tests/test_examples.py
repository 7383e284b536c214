"""The examples run, in quick mode, as by a reader, and examples/README.md shows what comes out."""

import os
import pathlib
import re
import runpy
import shutil
import subprocess
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parents[1]
FOLDER = ROOT / "examples"
EXAMPLES = sorted(FOLDER.glob("[0-9][0-9]_*.py"))
ENGINE = FOLDER / "00_engine.py"           # draws with letters, and takes no options
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


def test_the_examples_are_in_order():
    numbers = [f"{i:02}" for i in range(17)]
    assert [script.name[:2] for script in EXAMPLES] == numbers
    assert re.findall(r"^## (\d\d) ", PAGE, re.MULTILINE) == numbers


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda script: script.stem)
def test_example_is_short_and_explains_itself(script):
    lines = script.read_text(encoding="utf-8").splitlines()
    assert sum(bool(line.strip()) for line in lines) < 80
    assert lines[0].startswith('"""') and max(map(len, lines)) <= 120
    assert f"`{script.name}`" in section(script)


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda script: script.stem)
def test_example_ends_in_what_the_readme_promises(script, tmp_path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run([sys.executable, str(script), "--quick", "--out", "pictures"], cwd=tmp_path,
                          env=environment, capture_output=True, text=True, timeout=300, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert not re.search(r"\b(nan|inf)\b", done.stdout), done.stdout
    promised = re.search(r"```text\n(.*?)```", section(script), re.DOTALL)[1].splitlines()
    assert form(done.stdout.splitlines()[-1]) == form(promised[-1])
    pictures = re.findall(r"\(images/(\S+?)\)", section(script))
    assert bool(pictures) == (script != ENGINE)
    for name in pictures:
        assert (tmp_path / "pictures" / name).read_bytes().startswith(b"\x89PNG"), name
        assert (FOLDER / "images" / name).is_file(), f"{name} is not committed in examples/images"


def test_the_engine_on_one_screen_needs_nothing_but_numpy(tmp_path):
    """It runs as its own file alone, imports NumPy only, and its gradients are right."""
    alone = pathlib.Path(shutil.copy(ENGINE, tmp_path / "engine.py"))
    assert re.findall(r"^(?:import|from) (\w+)", alone.read_text(encoding="utf-8"), re.MULTILINE) == ["numpy"]
    names = runpy.run_path(str(alone))
    rng, Value = np.random.default_rng(0), names["Value"]
    x, w, b = (rng.standard_normal(shape) for shape in ((4, 3), (3, 2), (1, 2)))

    def loss(x, w, b):
        y = (Value(x) @ Value(w) + Value(b)).tanh()
        return (y * y + y).mean()

    values = [Value(a) for a in (x, w, b)]
    y = (values[0] @ values[1] + values[2]).tanh()
    (y * y + y).mean().backward()
    for i, value in enumerate(values):
        for place in np.ndindex(value.array.shape):
            moved = [[a.copy() for a in (x, w, b)] for _ in range(2)]
            moved[0][i][place] += 1e-5
            moved[1][i][place] -= 1e-5
            slope = (loss(*moved[0]).array - loss(*moved[1]).array) / 2e-5
            assert abs(slope - value.grad[place]) < 1e-8


@pytest.mark.parametrize("name, options", [("conv", ["--channels", "4", "--size", "6", "--batch", "2"]),
                                           ("norm", ["--channels", "3", "--size", "6", "--batch", "4"]),
                                           ("softmax", ["--rows", "64", "--classes", "20"])],
                         ids=["conv", "norm", "softmax"])
def test_the_rungs_of_a_ladder_give_the_same(name, options):
    """A ladder compares each rung with the first one, and stops where they differ."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run([sys.executable, str(FOLDER / f"{name}_ladder.py"), *options], env=environment,
                          capture_output=True, text=True, timeout=300, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) >= 6
