"""The pictures of the docs: a script draws all that are there, with the shapes that the blocks give."""

import pathlib
import subprocess
import sys

import pytest

IMAGES = pathlib.Path(__file__).parents[1] / "docs" / "images"


@pytest.fixture(scope="module")
def scripts():
    sys.path.insert(0, str(IMAGES))
    import block_diagrams, cookbook, draw
    yield block_diagrams, cookbook, draw
    sys.path.remove(str(IMAGES))


def test_all_pictures_are_there(scripts):
    drawn = set(scripts[2].pictures("bench.json"))
    found = {path.name for path in IMAGES.iterdir() if path.suffix in (".svg", ".png")}
    assert found | {"speed.svg"} == drawn | {"speed.svg"}


def test_svgs_are_small_and_undated():
    for path in IMAGES.glob("*.svg"):
        content = path.read_text(encoding="utf-8")
        assert len(content) < 200_000 and "dc:date" not in content, path.name


def test_diagrams_end_with_what_the_blocks_give(scripts):
    blocks, cookbook, _ = scripts
    for name in blocks.BLOCKS:
        blocks.diagram(name)           # raises where the block gives something else
    ends = {step: [diagram.lane.outgoing for diagram in cookbook.diagrams(step)] for step in cookbook.STEPS}
    assert ends[6] == [(32, 128, 28, 28)] and ends[9] == [(32, 1000)]


def test_command_draws_what_is_named(tmp_path):
    def run(*args):
        return subprocess.run([sys.executable, IMAGES / "draw.py", *args], capture_output=True, text=True,
                              encoding="utf-8")

    done = run("--out", tmp_path / "new", "im2col.svg", "cookbook_1.svg")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["cookbook_1.svg", "im2col.svg"]
    wrong = run("--out", tmp_path, "x.svg")
    assert wrong.returncode == 2 and "no picture x.svg; there are block_conv_block.svg" in wrong.stderr
