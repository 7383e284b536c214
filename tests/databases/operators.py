"""OpInfo: every operator of PyTorch's database whose name tinynet has."""

import random
import types
import warnings

import numpy as np
import torch
from torch.testing._internal import common_methods_invocations
from torch.testing._internal.common_methods_invocations import op_db

import tinynet
from databases.outcome import Outcome, attempt, described, refusal
from databases.translate import Outside, difference, found, leaves, shown, tensor, tensors, translate
from tinynet.tensor import Tensor

# What is drawn at random, or left unset: shape and type alone are compared.
ANY_VALUE = set("""
    bernoulli cauchy empty empty_like empty_permuted empty_strided exponential geometric log_normal multinomial
    new_empty new_empty_strided nn.functional.alpha_dropout nn.functional.dropout nn.functional.dropout2d
    nn.functional.dropout3d nn.functional.feature_alpha_dropout nn.functional.rrelu normal rand_like randint
    randint_like randn randn_like uniform
    """.split())
DTYPES = {"float64": torch.float64, "float32": torch.float32, "int64": torch.int64, "bool": torch.bool}


def full_name(op):
    return op.name + (f".{op.variant_test_name}" if op.variant_test_name else "")


def text(sample):
    """The arguments of a sample in a line."""
    return f"({', '.join(filter(None, [*map(shown, (sample.input, *sample.args)), shown(sample.kwargs)]))})"


def names_of(op):
    return [op.name, *(alias.name for alias in op.aliases)]


def variants(op):
    """{variant: (tinynet's way, PyTorch's way)} for each way that tinynet has to call the operator."""
    ways = {}
    for name in names_of(op):
        function = found(name)
        if callable(function) and not isinstance(function, type):
            ways[f"{name}()"] = (spoken(op.op) or function, op.op)
        if "." not in name and hasattr(Tensor, name):
            change = on_a_copy if name.endswith("_") and not name.endswith("__") else lambda run: run
            ways[f".{name}"] = (change(method(name)), change(op.method_variant or op.op))
        if hasattr(Tensor, f"{name}_") and op.inplace_variant is not None and not name.endswith("_"):
            ways[f".{name}_"] = (on_a_copy(method(f"{name}_")), on_a_copy(op.inplace_variant))
    return ways


def spoken(function):
    """A function of the database that calls PyTorch with its arguments in another order, calling tinynet instead."""
    if not isinstance(function, types.FunctionType) or function.__module__ != common_methods_invocations.__name__:
        return None
    return types.FunctionType(function.__code__, {**function.__globals__, "torch": tinynet}, function.__name__,
                              function.__defaults__, function.__closure__)


def method(name):
    def call(x, *args, **kwargs):
        if not isinstance(x, Tensor):
            raise TypeError(f"{name}: a method of a tensor, not of {type(x).__name__}")
        attribute = getattr(x, name)
        return attribute(*args, **kwargs) if callable(attribute) else attribute
    return call


def on_a_copy(change):
    return lambda x, *args, **kwargs: change(x.clone(), *args, **kwargs)


ENTRIES = {full_name(op): op for op in op_db if variants(op)}


def outcomes(name, limit=None):
    """All outcomes for an entry; `limit` bounds the samples of each variant and type."""
    op = ENTRIES[name]
    for number, (variant, (ours, theirs)) in enumerate(variants(op).items()):
        for dtype in DTYPES:
            if DTYPES[dtype] in op.supported_dtypes("cpu") and (number == 0 or dtype in ("float64", "int64")):
                yield from good(op, name, variant, dtype, ours, theirs, limit)
    yield from bad(op, name)


def good(op, name, variant, dtype, ours, theirs, limit):
    differentiable = dtype.startswith("float") and op.supports_autograd
    seed()
    samples = few(op.sample_inputs_func(op, "cpu", DTYPES[dtype], differentiable), limit)
    if dtype == "float64":
        samples += [sample.noncontiguous() for sample in few(samples, limit and 3)]
    for sample in samples:
        if variant.endswith("_") and sample.broadcasts_input:
            continue
        try:
            yield compare(op, name, f"{variant} {dtype}", sample, ours, theirs)
        except Outside:
            continue


def seed():
    """The same samples each time. (PyTorch's own wrapper seeds before every sample, which takes most of the time.)"""
    torch.default_generator.manual_seed(0)
    np.random.seed(0)
    random.seed(0)


def few(samples, limit):
    """`limit` of the samples, spread evenly: neighbours resemble each other."""
    samples = list(samples)
    if limit is None or len(samples) <= limit:
        return samples
    return [samples[i] for i in np.linspace(0, len(samples) - 1, limit).astype(int)]


def compare(op, name, how, sample, ours, theirs):
    """The outcome for one sample: forward, and backward for a random cotangent."""
    arguments = (sample.input, sample.args, sample.kwargs)
    x, args, kwargs = copies = translate(arguments)
    expected, error = quietly(theirs, sample.input, *sample.args, **sample.kwargs)
    if any(t.is_complex() for t in tensors(expected)):
        raise Outside("a complex result")
    result, our_error = quietly(ours, x, *args, **kwargs)
    if error is not None:
        return refusal(name, how, our_error, text(sample))
    if our_error is not None:
        return Outcome(name, how, "refused", described(our_error), text(sample))
    if op.name in ANY_VALUE or sample.kwargs.get("dropout_p"):
        what = difference_in_kind(result, expected)
    else:
        what = difference(result, expected) or difference_of_gradients(
            result, expected, tensors(copies), tensors(arguments))
    return Outcome(name, how, "differs" if what else "agrees", what, text(sample))


def quietly(run, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return attempt(run, *args, **kwargs)


def difference_in_kind(ours, theirs):
    """Whether number, shapes and types differ."""
    zeros = [np.zeros(t.shape, t.dtype) for t in leaves(ours)]
    return difference(list(map(Tensor, zeros)), [torch.zeros_like(t) for t in leaves(theirs)])


def difference_of_gradients(ours, theirs, our_inputs, their_inputs):
    """How the gradients differ for the same random cotangents, or ""."""
    if not any(t.requires_grad for t in their_inputs):
        return ""
    pairs = [(a, b) for a, b in zip(leaves(ours), leaves(theirs))
             if isinstance(b, torch.Tensor) and b.dtype.is_floating_point]
    if [a.requires_grad for a, _ in pairs] != [b.requires_grad for _, b in pairs]:
        return "requires_grad of a result differs"
    for t in their_inputs:
        t.grad = None                                  # a sample may serve several variants
    rng, largest = np.random.default_rng(0), 0
    for a, b in pairs:
        if b.requires_grad:
            cotangent = torch.tensor(rng.standard_normal(tuple(b.shape)), dtype=b.dtype)
            largest = max(largest, *cotangent.abs().flatten().tolist(), 0)
            if quietly(b.backward, cotangent, retain_graph=True)[1] is not None:
                raise Outside("what PyTorch cannot differentiate")
            _, error = quietly(a.backward, tensor(cotangent), retain_graph=True)
            if error is not None:
                return f"backward: {described(error)}"
    different = (difference_of_gradient(a, b, largest) for a, b in zip(our_inputs, their_inputs)
                 if b.requires_grad and b.is_leaf)
    return next(filter(None, different), "")


def difference_of_gradient(ours, theirs, cotangent):
    """How two gradients differ. A missing gradient counts as zeros.

    An error is relative to the largest gradient, or to a tenth of the largest cotangent: the sums of a
    normalization cancel, and of a gradient that is zero in exact arithmetic nothing but rounding is left.
    """
    ours = tinynet.zeros_like(ours) if ours.grad is None else ours.grad
    theirs = torch.zeros_like(theirs) if theirs.grad is None else theirs.grad
    what = difference(ours, theirs, loose=10, scale=cotangent / 10)
    return what and f"gradient: {what}"


def bad(op, name):
    """The outcomes for inputs that PyTorch says are wrong."""
    if op.error_inputs_func is None:
        return
    ours, theirs = next(iter(variants(op).values()))
    seed()
    for wrong in op.error_inputs_func(op, "cpu"):
        sample = wrong.sample_input
        try:
            x, args, kwargs = translate((sample.input, sample.args, sample.kwargs))
        except Outside:
            continue
        _, expected = quietly(theirs, sample.input, *sample.args, **sample.kwargs)
        if expected is not None:                       # a method may be called in another way than the function
            _, error = quietly(ours, x, *args, **kwargs)
            yield refusal(name, "bad input", error, f"{text(sample)} ({described(expected)})")
