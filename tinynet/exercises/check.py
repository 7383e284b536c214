"""Run an answer and explain what is wrong with it.

The gradient checker (`inspect/gradcheck/`) decides whether an answer is right, moving the inputs of the
answer's own forward. The solution only explains: a wrong gradient is compared with the right one, and with
those that the exercise's typical mistakes give.

An answer runs in this process with all that Python may do: it is the student's own code. Who checks other
people's files runs other people's code. An answer that does not end is stopped after `SECONDS`.
"""

import contextlib
import dataclasses
import inspect
import traceback

import numpy as np

from tinynet import kernels
from tinynet.autograd import Function
from tinynet.gradients.modes import no_grad
from tinynet.exercises.diagnose import explain, same
from tinynet.exercises.limit import TimeUp, time_limit
from tinynet.inspect import gradcheck
from tinynet.system import files
from tinynet.tensor import Tensor

SEED = 0
SECONDS = 60                           # the longest that all cases of an answer may take


class Wrong(Exception):
    """What is wrong with an answer, in words."""


def check(exercise, path, seconds=SECONDS, last_resort=None):
    """Prove the answer in the file `path`: (number of cases, worst relative error), or Wrong.

    Wrong, too, if that takes more than so many seconds; `last_resort`: see `time_limit`.
    """
    with files.open_to_read(path) as file:
        source = file.read()
    task = run_file(exercise.text, exercise.name)
    solution = next(value for value in task.values() if is_operator(value))
    names = list(inspect.signature(solution.forward).parameters)[1:]           # without ctx
    cases = [Case(dict(zip(names, args, strict=True))) for args in task["cases"](np.random.default_rng(SEED))]
    mistakes = Mistakes(exercise, task["MISTAKES"], solution.__name__)
    try:
        with time_limit(seconds, last_resort):
            return len(cases), check_cases(exercise, path, source, solution, cases, mistakes)
    except TimeUp as stopped:
        raise Wrong(words_for_time(stopped, seconds, str(path))) from None


def check_cases(exercise, path, source, solution, cases, mistakes):
    """The worst relative error of the answer in `source`."""
    with in_words(exercise, path):
        answer = operator_of(run_file(source, str(path)), solution.__name__)
    watch(answer, cases[0].inputs)
    worst = 0
    for case in cases:
        with in_words(exercise, path, case), kernels.use("numpy"):
            worst = max(worst, prove(answer, solution, case, mistakes))
    for case in cases:                 # a wrong type only matters when all values are right
        with in_words(exercise, path, case), kernels.use("numpy"):
            check_dtypes(answer, case.single())
    return worst


# Running a file -------------------------------------------------------------------------------------------------


def run_file(source, filename):
    """The names that a file defines. Its operators do not stay in the engine's registry."""
    registry = dict(Function.registry)
    names = {"__name__": "exercise", "__file__": filename}
    try:
        exec(compile(source, filename, "exec", dont_inherit=True), names)
    finally:
        Function.registry.clear()
        Function.registry.update(registry)
    return names


def is_operator(value):
    return isinstance(value, type) and issubclass(value, Function) and value is not Function


def operator_of(names, name):
    operator = names.get(name)
    if not is_operator(operator) or not all(hasattr(operator, part) for part in ("forward", "backward")):
        raise Wrong(f"the file has no class {name}(Function) with forward and backward; "
                    "write a fresh one with --out")
    return operator


def watch(operator, inputs):
    """Have the operator's results looked at before the engine gets them: only arrays, one for each input."""
    forward, backward = operator.forward, operator.backward

    def watched_backward(ctx, dy):
        before = dy.copy()
        result = backward(ctx, dy)
        if not np.array_equal(dy, before):
            raise Wrong("backward writes into dy, which others may still need; make a new array")
        if isinstance(result, list):
            raise Wrong("backward returns a list; return a tuple, as in `return da, db`")
        gradients = result if isinstance(result, tuple) else (result,)
        for name, gradient in zip(inputs, gradients):
            check_array(f"d{name}", gradient)
        if len(gradients) != len(inputs):
            expected = ", ".join(f"d{name}" for name in inputs)
            raise Wrong(f"backward returns {len(gradients)} gradients, expected {len(inputs)}: {expected}")
        return result

    operator.forward = staticmethod(lambda ctx, *args: check_array("forward's result", forward(ctx, *args)))
    operator.backward = staticmethod(watched_backward)


def check_array(name, value):
    if value is None:
        raise Wrong(f"{name} is None: is a `return` missing?")
    if not isinstance(value, (np.ndarray, np.generic)) or value.dtype.kind not in "fiub":
        raise Wrong(f"{name} is of type {type(value).__name__}, expected an array of numbers")
    return value


@contextlib.contextmanager
def in_words(exercise, path, case=None):
    """Make Wrong of whatever the answer raises, with the line; add the case."""
    try:
        yield
    except Exception as error:
        words = str(error) if isinstance(error, Wrong) else words_for(error, exercise, str(path))
        if words is None:
            raise
        tried = case is not None and not isinstance(error, NotImplementedError)
        raise Wrong(words + (f"\nTried with {case}." if tried else "")) from error


def words_for(error, exercise, filename):
    """None if the error is not the answer's."""
    if isinstance(error, SyntaxError) and error.filename == filename:
        return f"line {error.lineno} is not Python: {error.msg}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == filename]
    if not frames:
        return f"the file cannot be read as Python: {error}" if isinstance(error, SyntaxError) else None
    line = frames[-1]
    if isinstance(error, NotImplementedError):
        return f"line {line.lineno} waits for your code in the place of `{line.line}`: {exercise.todo}"
    return f"line {line.lineno} stops with {type(error).__name__}: {error}\n  {line.line}"


def words_for_time(stopped, seconds, filename):
    frames = [frame for frame in traceback.extract_tb(stopped.__traceback__) if frame.filename == filename]
    if not frames:
        return f"the check was stopped after {seconds:g} seconds"
    line = frames[-1]
    return (f"stopped after {seconds:g} seconds, in line {line.lineno}: does a loop never end?\n"
            f"  {line.line}")


# Proving and explaining -----------------------------------------------------------------------------------------


@dataclasses.dataclass
class Case:
    """An operator's arguments by name. Arrays of floats are differentiated, all others passed as they are."""

    args: dict

    @property
    def inputs(self):
        return [name for name, a in self.args.items() if is_float(a)]

    @property
    def arrays(self):
        return [self.args[name] for name in self.inputs]

    def bind(self, operator):
        """The operator as a function of the differentiated arguments alone."""
        return lambda *tensors: operator.apply(*{**self.args, **dict(zip(self.inputs, tensors))}.values())

    def single(self):
        """The same in float32."""
        return Case({name: a.astype(np.float32) if is_float(a) else a for name, a in self.args.items()})

    def __str__(self):
        return ", ".join(f"{name} {getattr(a, 'shape', a)}" for name, a in self.args.items())


def is_float(value):
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def output(operator, case):
    with no_grad():
        return case.bind(operator)(*map(Tensor, case.arrays)).array


def gradients(operator, case, seed=SEED):
    """What backward makes of a random cotangent; of the same one for the same seed."""
    return gradcheck.analytic_gradients(case.bind(operator), case.arrays, np.random.default_rng(seed))[1]


class Mistakes:
    """The typical wrong answers to an exercise, run when there is something to explain."""

    def __init__(self, exercise, codes, name):
        self.codes = {words: (exercise.filled(code), name) for words, code in codes.items()}

    def give(self, function):
        """Pairs (`function` of the wrong operator, words); those that stop with an error are left out."""
        for words, (source, name) in self.codes.items():
            with contextlib.suppress(Exception):
                yield function(run_file(source, "mistake")[name]), words


def prove(answer, solution, case, mistakes):
    """The worst relative error of the answer's gradients."""
    found, right = output(answer, case), output(solution, case)
    if not same(found, right):
        raise Wrong("forward: " + explain(found, right, mistakes.give(lambda wrong: output(wrong, case))))
    worst = gradcheck.compare(case.bind(answer), case.arrays, np.random.default_rng(SEED))
    if not worst.error <= gradcheck.TOLERANCE:
        raise Wrong("\n".join(explain_gradients(answer, solution, case, mistakes, worst)))
    return worst.error


def explain_gradients(answer, solution, case, mistakes, worst):
    """A line for each wrong gradient, and one for the worst element."""
    found, right = gradients(answer, case), gradients(solution, case)
    for i, name in enumerate(case.inputs):
        if not same(found[i], right[i]):
            suspects = suspected(answer, case, found, right, mistakes, i)
            yield f"d{name}: {explain(found[i], right[i], suspects)}."
    if found[worst.input].shape == right[worst.input].shape:
        yield (f"Worst at index {worst.index} of d{case.inputs[worst.input]}: "
               f"backward gives {worst.analytic:.4g}, the central difference {worst.numeric:.4g}.")


def suspected(answer, case, found, right, mistakes, i):
    """What the gradient of input i may be in the place of the right one: pairs (array, words)."""
    yield from mistakes.give(lambda wrong: gradients(wrong, case)[i])
    if found[i].any():
        other_dy = gradients(answer, case, SEED + 1)[i]
        yield other_dy, "it is the same for any dy: the chain rule multiplies by dy"
    for name, mine, other in zip(case.inputs, found, right):
        if not same(mine, other):
            yield other, f"this is d{name}: return the gradients in the order of the inputs"


def check_dtypes(answer, case):
    results = {"forward's result": output(answer, case)}
    results.update((f"d{name}", dx) for name, dx in zip(case.inputs, gradients(answer, case)))
    for name, array in results.items():
        if array.dtype != np.float32:
            raise Wrong(f"{name}: the values are right, but for float32 inputs it is {array.dtype}, expected "
                        "float32; give new arrays a dtype, as in np.zeros(shape, dy.dtype) or np.zeros_like(x)")
