"""Pictures: every one is written, as SVG with the same bytes each time; wrong shapes are refused in words."""

import numpy as np
import pytest

import tinynet
from tinynet import plots
from tinynet.nn.blocks import SEBlock
from tinynet.nn.blocks.attention import watch_gates

RNG = np.random.default_rng(0)
ROWS = [{"epoch": e, "train_loss": 1 / e, "train_accuracy": e / 4, "validation_loss": None if e < 3 else 0.5,
         "validation_accuracy": None if e < 3 else 0.4} for e in (1, 2, 3)]
NORMS = {"conv1": 1.0, "layer1": 1e-3, "fc": 0.0}


def random(*shape):
    return RNG.random(shape, np.float32)


PICTURES = {
    "training_curves": lambda path:
        plots.training_curves({"a": ROWS, "b": ROWS[:2]}, path, {"guessing": 2.3}),
    "gradient_norms": lambda path: plots.gradient_norms({"plain": NORMS, "residual": NORMS}, path),
    "gradient_norms_apart": lambda path:
        plots.gradient_norms({"plain": NORMS, "deep": {"x": np.nan, "y": 2}}, path),
    "confusion_matrix": lambda path: plots.confusion_matrix([[5, 1], [0, 0]], path, ["cat", "dog"]),
    "confusion_matrix_large": lambda path: plots.confusion_matrix(np.eye(30, dtype=int), path),
    "filters": lambda path: plots.filters(random(6, 3, 5, 5), path),
    "filters_deep": lambda path: plots.filters(tinynet.randn(3, 4, 3, 3), path),
    "filters_gray": lambda path: plots.filters(np.zeros((3, 1, 3, 3)), path),
    "feature_maps": lambda path: plots.feature_maps(tinynet.randn(1, 5, 6, 4), path),
    "gates": lambda path:
        plots.gates({"layer1.0.attention": [random(4, 8), random(2, 8)], "b": random(3, 16)}, path),
    "attention_maps": lambda path: plots.attention_maps(random(2, 3, 3), path, "abc"),
    "attention_maps_single": lambda path:
        plots.attention_maps(random(2, 3), path, (["x", "y"], ["a", "b", "c"])),
    "image_sheet": lambda path:
        plots.image_sheet(random(9, 3, 8, 8), path, [0] * 9, [0, 1, 1] * 3, ["cat", "dog"]),
    "image_sheet_gray": lambda path:
        plots.image_sheet(np.zeros((2, 8, 8, 1), np.uint8), path, predictions=[1, 2]),
}


@pytest.mark.parametrize("name", PICTURES)
def test_draws(name, tmp_path):
    assert PICTURES[name](tmp_path / "a.png")._repr_png_().startswith(b"\x89PNG")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_svg_is_the_same_each_time(tmp_path):
    for name in "a.svg", "b.svg":
        PICTURES["gradient_norms"](tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert b"dc:date" not in (tmp_path / "a.svg").read_bytes()


def test_gates_as_recorded(tmp_path):
    model = tinynet.nn.Sequential(SEBlock(8, 2), SEBlock(8, 4))
    with watch_gates(model) as records:
        model(tinynet.randn(4, 8, 5, 5))
    plots.gates(records, tmp_path / "gates.png")


@pytest.mark.parametrize("draw, message", [
    (lambda p: plots.training_curves({}, p),
     "training_curves: expected a dict of label: rows, got an empty one"),
    (lambda p: plots.training_curves([ROWS], p), "training_curves: expected a dict .* got list"),
    (lambda p: plots.training_curves({"a": []}, p), "run 'a': expected rows with epoch, got none"),
    (lambda p: plots.training_curves({"a": [{"epoch": 1}]}, p),
     "expected rows with train_loss, got a row with epoch"),
    (lambda p: plots.gradient_norms({"a": {}}, p), "gradient_norms: run 'a': expected a dict of layer: norm"),
    (lambda p: plots.gradient_norms({"a": {"x": [1, 2]}}, p), "expected a number for each layer"),
    (lambda p: plots.confusion_matrix(np.ones((2, 3)), p),
     r"confusion_matrix: expected counts .* got \(2, 3\)"),
    (lambda p: plots.confusion_matrix(-np.eye(2), p), "0 or more"),
    (lambda p: plots.confusion_matrix(np.eye(2), p, ["cat"]), "expected 2 names, one a class, got 1"),
    (lambda p: plots.filters(random(3, 3), p),
     r"filters: expected a convolution's weight \(K, C, R, S\), got \(3, 3\)"),
    (lambda p: plots.feature_maps(random(2, 3, 4, 4), p), r"feature_maps: .* choose one: maps\[0\]"),
    (lambda p: plots.gates({"se": []}, p), "gates: se: expected gates .* inside watch_gates"),
    (lambda p: plots.gates({"se": random(3)}, p), r"gates: se: expected gates \(N, C\), got \(3,\)"),
    (lambda p: plots.attention_maps(random(2, 2, 3, 3), p),
     r"attention_maps: expected \(L, S\) or \(heads, L, S\)"),
    (lambda p: plots.attention_maps(random(3, 3), p, "ab"),
     "attention_maps: expected 3 tokens .* got 2"),
    (lambda p: plots.image_sheet(random(2, 4, 8, 8), p),
     "image_sheet: expected images .* with 1 or 3 channels"),
    (lambda p: plots.image_sheet(5 * random(2, 3, 8, 8), p), r"undo it: images \* std \+ mean"),
    (lambda p: plots.image_sheet(random(2, 3, 8, 8), p, [1]),
     r"expected 2 labels, whole numbers, got \(1,\)"),
    (lambda p: plots.image_sheet(random(2, 3, 8, 8), p, [1, 2], names="ab"), "expected labels from 0 to 1"),
    (lambda p: plots.filters(np.array(["x"]), p), "filters: expected numbers"),
    (lambda p: plots.write(plots.figure(), p.with_suffix(".jpg")), "expected a path that ends in .png"),
])
def test_refuses(draw, message, tmp_path):
    with pytest.raises((ValueError, TypeError), match=message):
        draw(tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_import_is_cheap():
    import subprocess
    import sys
    code = "import sys, tinynet.plots; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
