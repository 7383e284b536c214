"""No public name goes without what a reader needs to know. (tests/test_site.py builds the reference.)

Every public name has a docstring of its own, and in it, unless one of the sets below exempts it,

- shapes: a tuple of arguments or of letters that docs/api/index.rst explains, or words such as "any shape";
- units: each argument whose default is a number is named, here or in the units of docs/api/index.rst;
- errors: every exception that its own code raises for more than a wrong shape or a wrong type;
- the source: an author with a year, or PyTorch.
"""

import ast
import inspect
import numbers
import pathlib
import re
import runpy
import textwrap

import pytest

from tinynet.nn import Module
from tinynet.tensor import Tensor

API = pathlib.Path(__file__).parents[1] / "docs" / "api"
OPENING = (API / "index.rst").read_text(encoding="utf-8")
NAMES = runpy.run_path(str(API / "names.py"))
PUBLIC = {module: NAMES["public"](module) for module in NAMES["MODULES"]}

# What has to do with no array, and what shows none: switches, containers, base classes, errors, files.
SHAPELESS = set("""
    device get_rng_state inference_mode set_grad_enabled set_rng_state
    Function Module ModuleDict ModuleList Parts Settings calculate_gain detect_anomaly enable_grad
    explain_missing_gradients figure get_num_threads inspect.gradcheck.Comparison
    inspect.gradcheck.GradientError inspect.graph.Graph inspect.profile.Profile inspect.profile.Share
    inspect.summary.Layer inspect.summary.Summary is_grad_enabled load manual_seed no_grad save
    set_num_threads are_deterministic_algorithms_enabled device finfo iinfo get_default_device get_default_dtype
    get_float32_matmul_precision memory_format set_printoptions set_default_device set_default_dtype
    set_default_tensor_type set_float32_matmul_precision set_num_interop_threads use_deterministic_algorithms
    Generator initial_seed seed as_torch promote_types result_type stopping.Stopped
    weights.WeightFileError weights.unwrap DataError gradient_norms load_parts load_run
    training_curves write
    LRScheduler LambdaLR StepLR MultiStepLR ExponentialLR LinearLR CosineAnnealingLR OneCycleLR SequentialLR
    MultiplicativeLR ConstantLR PolynomialLR CosineAnnealingWarmRestarts CyclicLR ReduceLROnPlateau ChainedScheduler
    SWALR get_ema_multi_avg_fn get_swa_multi_avg_fn update_bn
    DistributedTrainer barrier destroy_process_group get_backend get_rank get_world_size init_process_group is_available
    is_gloo_available is_initialized is_mpi_available is_nccl_available is_torchelastic_launched
    """.split())
# What stems from no paper: arithmetic and the moving of elements, containers, tools of tinynet's own. By the
# modules where they are at home, and by name.
HOMES = tuple(f"tinynet.{home}" for home in """
    autograd creation devices dtypes explorer gradients interop data.arrays data.dataset data.loader data.shapes
    data.image_folder data.parts data.sources inspect
    kernels ops plots random sampling tensor train vision.transforms
    """.split())
PLAIN = set("""
    FeatureExtractor Flatten Identity Module ModuleDict ModuleList Parameter ParameterDict ParameterList Sequential
    Sigmoid Tanh watch_gates build constant constant_ create eye eye_ weights.WeightFileError weights.unwrap load
    normal_ ones_ save normal uniform uniform_ zeros_ load_run export_onnx
    """.split())

TERMS = re.findall(r"^(?:``\w+`` ?)+$", OPENING, re.MULTILINE)    # what they are stands in the lines below
KNOWN = set(re.findall(r"\w+", " ".join(TERMS)))
WORDS = re.compile(r"[Ee]ach element|element by element|(over|along) `dim`|broadcast|\d+x\d+ images|"
                   r"\b([Aa]ny|common|one|of|same|the|its|that) shape\b|\b[Ss]hapes (and|are)\b")
TUPLE = re.compile(r"(?<!\w)\(((?:[^()]|\([^()]*\))*)\)")
SOURCE = re.compile(r"[A-Z]\w+( et al\.)? (19|20)\d\d\b|(?<!Not in )PyTorch|torchvision|`torch\.")


def gaps(name, thing):
    """What the docstring of a public name fails to say."""
    text = text_of(thing)
    if not text:
        return [f"{name} has no docstring"]
    arguments = arguments_of(thing)
    found = [f"{name}: what is {argument}?" for argument, value in arguments.items() if is_number(value)
             and argument not in KNOWN and not re.search(rf"\b{argument}\b", text)]
    if name not in SHAPELESS and not shows_shape(text, KNOWN | arguments.keys()):
        found.append(f"{name} shows no shape")
    if name not in PLAIN and not thing.__module__.startswith(HOMES) and not SOURCE.search(text):
        found.append(f"{name} names no source")
    found += [f"{name} does not name its {error}" for error in sorted(unnamed_errors(thing))]
    return found


def text_of(thing):
    """The docstring as one line; nothing if it is not its own."""
    text = thing.__doc__ or ""
    if inspect.isclass(thing) and text == thing.__base__.__doc__:
        return ""
    return " ".join([*text.split(), *NAMES["options"](thing)])


def arguments_of(thing):
    """{name: default}, without what is not for users."""
    is_error = inspect.isclass(thing) and issubclass(thing, Exception)
    parameters = {} if is_error else inspect.signature(thing).parameters
    return {name: p.default for name, p in parameters.items() if not name.startswith("_")}


def is_number(value):
    return isinstance(value, (numbers.Real, tuple)) and not isinstance(value, bool)


def shows_shape(text, known):
    return bool(WORDS.search(text)) or any(is_shape(inside, known) for inside in TUPLE.findall(text))


def is_shape(inside, known):
    """Whether what stands in parentheses are sizes: none, dots, or several of them, (N, ceil(H / stride))."""
    words = set(re.findall(r"[^\W\d]\w*", inside)) - {"ceil"}
    return inside in ("", "...") or "," in inside and words <= known and (bool(words) or "..." in inside)


def unnamed_errors(thing):
    """The exceptions that the code raises for more than shapes and types, and its docstrings do not name."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(thing)))
    texts = [ast.get_docstring(node) or "" for node in ast.walk(tree)
             if isinstance(node, (ast.ClassDef, ast.FunctionDef))]
    raised = [node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise)]
    beyond = {ast.unparse(error.func) for error in raised
              if isinstance(error, ast.Call) and "shape" not in ast.unparse(error)} - {"TypeError"}
    return {error for error in beyond if error not in " ".join([thing.__doc__, *texts])}


@pytest.mark.parametrize("module", PUBLIC)
def test_public_names_say_what_they_do(module):
    assert PUBLIC[module]
    assert [gap for name, thing in PUBLIC[module].items() for gap in gaps(name, thing)] == []


@pytest.mark.parametrize("module", PUBLIC)
def test_methods_say_what_they_do(module):
    """Or what the method of that name does in a base class."""
    classes = [thing for thing in PUBLIC[module].values() if inspect.isclass(thing)]
    assert [f"{kind.__name__}.{name}" for kind in classes for name, thing in vars(kind).items()
            if not name.startswith("_")
            and (inspect.isroutine(thing) or isinstance(thing, (classmethod, property, staticmethod)))
            and not inspect.getdoc(getattr(kind, name))] == []


def test_methods_of_tensors_show_their_shapes():
    """Those that are operators; what a tensor is and holds stands in tensor.py."""
    methods = {name: getattr(thing, "fget", thing) for name, thing in vars(Tensor).items()}
    operators = {name: thing for name, thing in methods.items() if not name.startswith("_")
                 and inspect.isfunction(thing) and thing.__module__.startswith("tinynet.ops.")}
    assert len(operators) > 90
    assert [gap for name, thing in operators.items() for gap in gaps(name, thing)] == []


def test_exempt_names_exist():
    names = {name for found in PUBLIC.values() for name in found}
    assert SHAPELESS | PLAIN <= names


def test_every_module_has_a_page():
    pages = "\n".join(page.read_text(encoding="utf-8") for page in API.glob("*.rst"))
    assert sorted(re.findall(r"^PUBLIC (\S+)$", pages, re.MULTILINE)) == sorted(NAMES["MODULES"])
    listed = set(re.findall(r"^   (\w+)$", (API / "index.rst").read_text(encoding="utf-8"), re.MULTILINE))
    assert listed == {page.stem for page in API.glob("*.rst")} - {"index"}


GOOD = "The best, (N, C) -> (N,), by `decay`. ValueError below 0. Smith 2020."


@pytest.mark.parametrize("old, new, gaps_left", [
    ("", "", []),
    (GOOD, "", ["best has no docstring"]),
    ("(N, C) -> (N,)", "of each (x, y, z)", ["best shows no shape"]),
    ("(N, C) -> (N,)", "in shape (or so, or so)", ["best shows no shape"]),
    ("`decay`", "a decaying share", ["best: what is decay?"]),
    ("ValueError", "Error", ["best does not name its ValueError"]),
    ("Smith 2020", "Smith, of 2020", ["best names no source"]),
    ("Smith 2020", "Not in PyTorch", ["best names no source"])])
def test_rule_finds_gaps(old, new, gaps_left):
    def best(input, decay=0.1):
        if input.ndim != 2:
            raise RuntimeError(f"best: expected (N, C), got {input.shape}")
        if input.dtype != "float32":
            raise TypeError("best: expected float32")
        if decay < 0:
            raise ValueError("best: expected a decay of at least 0")

    best.__doc__ = GOOD.replace(old, new)
    assert gaps("best", best) == gaps_left


def test_inherited_docstring_is_none():
    class Child(Tensor):
        pass

    assert gaps("Child", Child) == ["Child has no docstring"]


def test_plain_text_becomes_restructured_text(monkeypatch):
    monkeypatch.syspath_prepend(API)
    translate = runpy.run_path(str(API.parent / "book" / "docstrings.py"))["translate"]
    lines = ["relu_(|x|) * 2, of `a*`s and `b`:", "", "    y = x_ * 2", "", "- one", "  more",
             "name    what it is"]
    translate(lines)
    assert lines == [r"relu\_(\|x\|) \* 2, of ``a*``\ s and ``b``:", "", "::", "", "        y = x_ * 2", "",
                     "- one", "  more", "", "::", "", "    name    what it is", ""]
