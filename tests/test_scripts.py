"""Whole scripts, written in the style of public ones, run unchanged under PyTorch and under `tinynet run`.

Each script in tests/scripts prints the losses of ten training steps of one or more networks, which start from the same
weights and see the same data in both libraries. The losses must agree to 1e-5.
"""

import functools
import importlib.util
import json
import pathlib
import subprocess
import sys

import pytest

SCRIPTS = pathlib.Path(__file__).parent / "scripts"
NAMES = sorted(path.stem for path in SCRIPTS.glob("*.py") if path.stem not in ("common", "run_all"))


@functools.cache
def losses(*runner):
    """{script: {network: losses}}, or its error; all scripts run in one process, which starts once for all of them."""
    done = subprocess.run([sys.executable, *runner, "run_all.py"], cwd=SCRIPTS, capture_output=True, text=True,
                          encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("name", NAMES)
def test_losses_are_those_of_pytorch(name):
    theirs, ours = losses()[name], losses("-m", "tinynet", "run")[name]
    assert isinstance(theirs, dict), theirs
    assert isinstance(ours, dict), ours
    assert theirs.keys() == ours.keys()
    for network in theirs:
        assert len(theirs[network]) == 10
        assert ours[network] == pytest.approx(theirs[network], rel=1e-5, abs=1e-5), network


def test_there_are_enough():
    assert len(NAMES) >= 14
