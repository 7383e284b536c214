"""Wrong backwards, made from the right ones: each mutant changes one place in the source of a backward function.

What is mutated: the `backward` of every Function, the `slope` of those that are told by their slope, and the NumPy
body of every kernel that a backward calls. What is changed: an operand dropped, an operator or a comparison swapped, a
sign, a number, a factor, two results swapped, a result zeroed, a call skipped, an option ignored, a branch forced.

    cd tests; python -m mutations [NAME ...]           the score, and the mutants that no case catches
"""

import ast
import builtins
import collections
import copy
import dataclasses
import inspect
import sys
from typing import Callable

import numpy as np

import tinynet.nn                                      # noqa: F401  (registers its functions)
from tinynet import kernels
from tinynet.autograd import Function, Node
from tinynet.inspect.gradcheck import prove
from tinynet.inspect.gradcheck.cases import CASES
from tinynet.kernels.machine.backend import kernel

OTHER = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Lt: ast.Gt, ast.Gt: ast.Lt,
         ast.LtE: ast.GtE, ast.GtE: ast.LtE, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.And: ast.Or, ast.Or: ast.And,
         ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd}


@dataclasses.dataclass
class Target:
    """A function to mutate: its name, the function, and how to put another one in its place."""

    name: str
    function: Callable
    replace: Callable


@dataclasses.dataclass
class Mutant:
    target: Target
    change: str                        # the line before and after
    function: Callable

    def __str__(self):
        return f"{self.target.name}: {self.change}"


# What to mutate -------------------------------------------------------------------------------------------------


def targets():
    """{name: Target} for all backward functions of the engine; those that share a source share an entry."""
    found = {}
    for name, kind in Function.registry.items():
        if kind.__module__.startswith("tinynet."):
            for part in ("backward", "slope"):
                function = getattr(kind, part, None)
                if inspect.isfunction(function):
                    owner = next(base for base in kind.__mro__ if part in vars(base))
                    title = f"{name}.{part}" if owner is kind else f"{owner.__name__}.{part}"
                    found[title] = Target(title, function, putting(owner, part))
    for name, body in kernel.registry.items():
        if "backward" in name and not name.startswith("quantized"):
            found[name] = Target(name, body.numpy, lambda function, body=body: setattr(body, "numpy", function))
    return found


def putting(owner, part):
    return lambda function: setattr(owner, part, staticmethod(function))


# How to mutate --------------------------------------------------------------------------------------------------


def tree_of(function):
    """The syntax tree of a function or a lambda, found in its file."""
    code = function.__code__
    module = ast.parse(inspect.getsource(sys.modules[function.__module__]))
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef) and node.name == code.co_name and first_line(node) == code.co_firstlineno:
            node.decorator_list = []
            return node
        if isinstance(node, ast.Lambda) and node.lineno == code.co_firstlineno:
            if built(node, function.__globals__).__code__.co_code == code.co_code:
                return node
    return None


def first_line(node):
    return min([node.lineno, *(d.lineno for d in node.decorator_list)])


def built(node, names):
    """The function that a tree describes."""
    if isinstance(node, ast.Lambda):
        return eval(compile(ast.fix_missing_locations(ast.Expression(copy.deepcopy(node))), "<mutant>", "eval"), names)
    space = {}
    exec(compile(ast.fix_missing_locations(ast.Module([copy.deepcopy(node)], [])), "<mutant>", "exec"), names, space)
    return space[node.name]


def mutants(target):
    """All mutants of a function."""
    tree = tree_of(target.function)
    if tree is None:
        return []
    found, before, asks = [], ast.unparse(tree), questions(tree)
    for place, node in enumerate(ast.walk(tree)):
        for change in changes(node) if id(node) not in asks else ():
            changed = copy.deepcopy(tree)
            put(changed, list(ast.walk(changed))[place], change)
            after = ast.unparse(changed)
            if after != before:
                found.append(Mutant(target, difference(before, after), built(changed, target.function.__globals__)))
    return found


def questions(tree):
    """Ids of the nodes that ask whether a gradient is needed: one that nobody needs may be computed all the same."""
    tests = [node for node in ast.walk(tree)
             if isinstance(node, (ast.If, ast.IfExp)) and "needs" in ast.unparse(node.test)]
    return {id(node) for node in tests} | {id(inner) for node in tests for inner in ast.walk(node.test)}


def put(tree, old, change):
    """Replace a node of `tree` by what `change` makes of it."""
    new = change(old)
    if new is old:                     # changed in its place
        return
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, field, new)
            elif isinstance(value, list) and any(item is old for item in value):
                value[[item is old for item in value].index(True)] = new


def difference(before, after):
    pairs = [(a.strip(), b.strip()) for a, b in zip(before.splitlines(), after.splitlines()) if a != b]
    return " -> ".join(pairs[0]) if pairs else after.splitlines()[-1]


def changes(node):
    """The functions that each make a wrong node of this one."""
    if isinstance(node, ast.BinOp):
        if type(node.op) in OTHER:
            yield lambda n: ast.BinOp(n.left, OTHER[type(n.op)](), n.right)
        yield lambda n: n.left
        yield lambda n: n.right
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not, ast.Invert)):
        yield lambda n: n.operand
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in OTHER:
        yield lambda n: ast.Compare(n.left, [OTHER[type(n.ops[0])](), *n.ops[1:]], n.comparators)
    elif isinstance(node, ast.BoolOp):
        yield lambda n: ast.BoolOp(OTHER[type(n.op)](), n.values)
    elif isinstance(node, (ast.If, ast.IfExp)):
        yield lambda n: type(n)(ast.Constant(True), n.body, n.orelse)
        yield lambda n: type(n)(ast.Constant(False), n.body, n.orelse)
    elif isinstance(node, ast.Constant):
        yield from changes_of_constant(node)
    elif isinstance(node, ast.Call) and node.args and not isinstance(node.args[0], ast.Starred) and not of_type(node):
        yield lambda n: n.args[0]
    elif isinstance(node, ast.AugAssign):
        yield lambda n: ast.Assign([n.target], n.value, lineno=n.lineno)
    elif isinstance(node, ast.Return) and node.value is not None:
        yield from changes_of_results(node)


def of_type(node):
    """Whether a call changes the type or the place in memory alone, and no value."""
    return isinstance(node.func, ast.Attribute) and node.func.attr in {"astype", "type", "ascontiguousarray"}


def changes_of_constant(node):
    if isinstance(node.value, bool):
        yield lambda n: ast.Constant(not n.value)
    elif isinstance(node.value, (int, float)):
        yield lambda n: ast.Constant(n.value + 1)


def changes_of_results(node):
    """Signs, factors and zeros for the results; two of them swapped."""
    for factor in (-1, 0, 1.01, 2):
        for i in range(len(node.value.elts) if isinstance(node.value, ast.Tuple) else 1):
            def scaled(n, i=i, factor=factor):
                n.value = ast.Call(ast.Name(SCALED, ast.Load()), [n.value, ast.Constant(factor), ast.Constant(i)], [])
                return n
            yield scaled

    def swapped(n):
        n.value = ast.Call(ast.Name(SWAPPED, ast.Load()), [n.value], [])
        return n
    yield swapped


def scaled_result(results, factor, i):
    """The gradient number `i`, among those that are arrays, times a factor."""
    if not isinstance(results, tuple):
        return wrong(results, factor)
    places = [k for k, result in enumerate(results) if result is not None]
    if i >= len(places):
        raise NotImplementedError("fewer results")
    return tuple(wrong(r, factor) if k == places[i] else r for k, r in enumerate(results))


def wrong(gradient, factor):
    """The gradient times a factor; ones in the place of zeros."""
    return gradient * factor if np.any(gradient) else gradient + gradient.dtype.type(1)


def swapped_results(results):
    """The first two gradients, changed for each other; one alone is no mutant."""
    if not isinstance(results, tuple) or len(results) < 2:
        raise NotImplementedError("one result")
    return (results[1], results[0], *results[2:])


SCALED, SWAPPED = "__scaled", "__swapped"
builtins.__dict__.update({SCALED: scaled_result, SWAPPED: swapped_results})    # mutants find them under these names


# Whether a case catches it ----------------------------------------------------------------------------------------


def users(names):
    """{name of a target: the cases whose backward runs it}, the shortest names of cases first."""
    found, running = collections.defaultdict(list), set()
    spies = []
    for target in targets().values():
        def spy(*args, target=target, **kwargs):
            running.add(target.name)
            return target.function(*args, **kwargs)
        target.replace(spy)
        spies.append(target)
    try:
        for case in sorted(CASES, key=lambda c: len(c.name)):
            running.clear()
            prove.value_and_gradients(tinynet, case.run, case.inputs(np.random.default_rng(0)))
            for name in running:
                found[name].append(case)
    finally:
        for target in spies:
            target.replace(target.function)
    return found


MANY = 24                              # cases that are tried for a mutant; what all operators use is in every case


def verdict(mutant, cases):
    """"caught" by a wrong gradient, "stopped" by an error in every case it could run in, or "missed"."""
    mutant.target.replace(mutant.function)
    try:
        for case in cases:
            try:
                if not prove.prove(case, parity=case.convention).passed:
                    return "caught"
            except Exception:
                return "stopped"
        return "missed"
    finally:
        mutant.target.replace(mutant.target.function)


def closest(name, cases):
    """The cases to try: those that use the fewest targets first would be best; names that resemble come close."""
    word = name.split(".")[-2 if name.endswith((".backward", ".slope")) else -1].removesuffix("_backward").lower()
    return sorted(cases, key=lambda c: c.operator.replace("_", "").lower() != word.replace("_", ""))[:MANY]


def results(names=(), tell=lambda mutant, end: None):
    """{mutant, as text: verdict} for the targets whose names begin so, or all; `tell` hears of each at once."""
    found = {}
    with kernels.use("numpy"):
        cases = users(names)
        for target in targets().values():
            if not names or any(target.name.startswith(n) for n in names):
                for mutant in mutants(target):
                    found[str(mutant)] = verdict(mutant, closest(target.name, cases[target.name]))
                    tell(str(mutant), found[str(mutant)])
    return found


# Mutants that are no faults: what they change has no effect on a gradient. {part of the mutant's text: the reason}
EQUIVALENT = {
    "reshape(-2": "NumPy takes any negative size as the one to find out",
    "// groups, -2)": "NumPy takes any negative size as the one to find out",
    "w.shape[3], -2)": "NumPy takes any negative size as the one to find out",
    "def gelu_backward": "a default that every caller gives",
    "def batch_norm_backward": "a default that every caller gives",
    "(n, c, -2)": "NumPy takes any negative size as the one to find out",
    "(-2, np.prod": "NumPy takes any negative size as the one to find out",
    "Pow.backward: flat = (x == 0) & (y >= 0) -> flat = x == 0": "differs only at 0 to a negative power: infinite",
    "where(y == 0, 2, y - 1)": "stands in for a power that is not used",
    "where(flat, 2, x)": "stands in for a logarithm that is not used",
    "where(y == 0, 2, 2 * y)": "stands in for a divisor that is not used",
    "Amax.backward: if ctx.beside_nan": "has an effect beside NaN alone, which the tests of odd numbers judge",
    "Amax.backward: equal |= ": "has an effect beside NaN alone, which the tests of odd numbers judge",
    "Prod.backward: if x.all(): -> if False": "the general way gives the same as the quick one",
    "PNorm.backward: if p == 1: -> if False": "the general way gives the same as the quick one",
    "slope = x / y if False": "the general way gives the same as the quick one",
    "AddReLU.backward: return (dx, dx) -> return __swapped": "both gradients are the same array",
    "PartOf.backward: flat = np.zeros(": "a size of another type",
    "Matmul.backward: if columns.ndim == 2: -> if False": "the general way gives the same as the quick one",
    "Index.backward: if _repeats(advanced)": "adding up gives the same where nothing repeats",
    "-> part = dz[basic] if False": "indexing with nothing adds an axis that is summed again",
    "ByValueAndSlope.backward": "a copy of the result",
    "-> return np.where(x > 0, scale, scale * alpha * rate * np.exp(rate * x))": "guards against overflow alone",
    "np.exp(rate * np.minimum(x, 1)))": "guards against overflow alone",
    "-> return (dx, dw, channel_sum(rows)) if True": "a gradient more than there are inputs is not used",
    "-> for axis, source in ctx.sources.items()": "the axes are independent: their order is free",
    "all_finite(": "has an effect beside infinities alone, which the tests of odd numbers judge",
    "Conv2d.backward: branch = conv if": "has an effect beside infinities alone, which the tests of odd numbers judge",
    "taps.conv2d_backward_weight(x, dy, w.shape, ctx.geometry) -> dw = x": "runs beside infinities alone",
    "taps.conv2d_backward_weight(z, dy, w.shape, ctx.geometry) -> dw = z": "runs beside infinities alone",
    "NormConv2d.backward: z = norm.batch_norm_eval": "runs beside infinities alone",
    "BCE.backward: dx = dloss * (x - y) / np.maximum": "guards against a division by zero alone",
    "ScatterExtreme.backward: part = dy / np.maximum(count, 1) -> part = dy / count": "has an effect beside NaN alone",
    "Embedding.backward: if ctx.indices.size: -> if True": "nothing adds up to nothing",
}


def equivalent(mutant):
    """The reason why a mutant is no fault, or None."""
    return next((reason for text, reason in EQUIVALENT.items() if text in mutant), None)


def main():
    def tell(mutant, end):
        if end == "missed":
            print(mutant, f"   [{equivalent(mutant)}]" if equivalent(mutant) else "", flush=True)

    found = results(sys.argv[1:], tell)
    missed = [mutant for mutant, end in found.items() if end == "missed" and not equivalent(mutant)]
    n = collections.Counter(found.values())
    print(f"{n['caught']} of {n['caught'] + len(missed)} wrong backwards caught, "
          f"{n['caught'] / max(1, n['caught'] + len(missed)):.1%}; {n['stopped']} more stopped with an error, "
          f"{n['missed'] - len(missed)} are no faults")


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()
