"""The reference builds without a warning, and no public name goes without what a reader needs to know.

The rule: everything has a docstring; what takes tensors, and every layer, says something about shapes.
"""

import inspect
import pathlib
import re
import runpy
import subprocess
import sys

import pytest

from tinynet.nn import Module, ModuleDict, ModuleList
from tinynet.optim import Optimizer
from tinynet.optim.lr_scheduler import LRScheduler
from tinynet.tensor import Tensor

API = pathlib.Path(__file__).parents[1] / "docs" / "api"
NAMES = runpy.run_path(str(API / "names.py"))
TENSORS = {"input", "tensor", "tensors", "size", "query", "weight", "maps", "images", "matrix"}
SHAPE = re.compile(r"\((\.\.\.|[A-Z0-9][\w·]*|n|steps|classes)?[,)]"     # (N, C, H, W), (), (n,), zeros(2, 3)
                   r"|[Ss]hape|broadcast|everywhere|ax[ei]s|`dim|([Ee]ach|[Ee]very|by) element")


def lacks(name, thing):
    """What the docstring of a public name fails to say, or None."""
    text = inspect.cleandoc(thing.__doc__ or "")
    if not text or inspect.isclass(thing) and text == inspect.cleandoc(thing.__base__.__doc__ or ""):
        return f"{name} has no docstring"
    if speaks_of_arrays(thing) and not SHAPE.search(text):
        return f"{name} says nothing about shapes: {text}"
    return None


def speaks_of_arrays(thing):
    if inspect.isclass(thing):
        return issubclass(thing, Module) and thing not in (Module, ModuleList, ModuleDict)
    return bool(TENSORS & inspect.signature(thing).parameters.keys())


@pytest.mark.parametrize("module", NAMES["MODULES"])
def test_public_names_say_what_they_do(module):
    names = NAMES["public"](module)
    assert names
    found = [lacks(f"{module}.{name}", thing) for name, thing in names.items()]
    assert [gap for gap in found if gap] == []


@pytest.mark.parametrize("kind", [Tensor, Module, Optimizer, LRScheduler])
def test_methods_say_what_they_do(kind):
    """Of the classes whose methods users call. Lambdas, such as `Tensor.float`, say it themselves."""
    methods = {name: getattr(thing, "fget", getattr(thing, "__func__", thing))
               for name, thing in vars(kind).items()}
    assert [name for name, method in methods.items()
            if inspect.isfunction(method) and not name.startswith("_") and method.__name__ != "<lambda>"
            and not method.__doc__] == []


def test_every_module_has_a_page():
    pages = "\n".join(page.read_text() for page in API.glob("*.rst"))
    assert sorted(re.findall(r"^PUBLIC (\S+)$", pages, re.MULTILINE)) == sorted(NAMES["MODULES"])
    listed = set(re.findall(r"^   (\w+)$", (API / "index.rst").read_text(), re.MULTILINE))
    assert listed == {page.stem for page in API.glob("*.rst")} - {"index"}


def test_rule_finds_gaps():
    def silent(input):
        pass

    def vague(input):
        """The best of it."""

    def good(input):
        """The largest. (N, C) -> (N,)."""

    class Layer(Module):
        """A layer."""

    class Child(Tensor):
        pass

    assert lacks("silent", silent) == "silent has no docstring"
    assert lacks("Child", Child) == "Child has no docstring"
    assert lacks("vague", vague) and lacks("Layer", Layer)
    assert lacks("good", good) is None


def test_plain_text_becomes_restructured_text():
    translate = runpy.run_path(str(API / "conf.py"))["translate"]
    lines = ["relu_(|x|) * 2, of `a*`s and `b`:", "", "    y = x_ * 2", "", "- one", "  more",
             "name    what it is"]
    translate(lines)
    assert lines == [r"relu\_(\|x\|) \* 2, of ``a*``\ s and ``b``:", "", "::", "", "        y = x_ * 2", "",
                     "- one", "  more", "", "::", "", "    name    what it is", ""]


def test_reference_builds_without_warnings(tmp_path):
    pytest.importorskip("sphinx", reason="builds the reference with Sphinx, which is not installed")
    options = ["-q", "-W", "--keep-going", "-b", "html", "-d", tmp_path / "trees"]
    done = subprocess.run([sys.executable, "-m", "sphinx", *options, API, tmp_path / "html"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "html" / "functional.html").read_text()
    assert "tinynet.nn.functional.conv2d" in page and "Cross-correlation" in page
