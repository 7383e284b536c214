"""Wrong backwards made by mutation: the cases of `tinynet gradcheck` catch them. See mutations.py."""

import collections
import pathlib
import re

import pytest

import mutations
from tinynet.autograd import Function
from tinynet.inspect.gradcheck.prove import torch_or_none

README = pathlib.Path(__file__).parents[1] / "README.md"


def test_backwards_are_mutated():
    """All but a few slopes that are lambdas, whose source is not found."""
    targets = mutations.targets()
    without = [name for name, target in targets.items() if not mutations.mutants(target)]
    assert len(without) < 0.1 * len(targets) and all(name.endswith(".slope") for name in without)
    of_engine = [name for name, kind in Function.registry.items() if kind.__module__.startswith("tinynet.")]
    assert len(targets) > 0.8 * len(of_engine)


@pytest.mark.parametrize("name", ["Mul.backward", "Softmax.backward", "softmax.softmax_backward",
                                  "PadConstant.backward"])
def test_mutants_are_caught(name):
    found = mutations.results([name])
    assert len(found) >= 4
    assert [mutant for mutant, end in found.items() if end == "missed" and not mutations.equivalent(mutant)] == []
    right = mutations.targets()[name]
    assert "__scaled" not in right.function.__code__.co_names          # the right one is back in its place


@pytest.mark.slow
def test_the_cases_catch_the_mutants():
    """At least 95 % of the mutants that are wrong; README names the shares, with PyTorch's help and without."""
    found = mutations.results()
    missed = [mutant for mutant, end in found.items() if end == "missed" and not mutations.equivalent(mutant)]
    caught = collections.Counter(found.values())["caught"]
    share = caught / (caught + len(missed))
    assert share >= 0.95, missed
    shown = re.search(r"([\d.]+) % of ([\d,]+) wrong backward.* caught, ([\d.]+) % by finite differences alone",
                      README.read_text(encoding="utf-8"))
    assert share >= float(shown[1 if torch_or_none() else 3]) / 100 - 0.005
    assert abs(caught + len(missed) - int(shown[2].replace(",", ""))) < 0.1 * caught
    assert [row for row in mutations.EQUIVALENT if not any(row in mutant for mutant in found)] == []
