"""ModuleInfo: every layer of PyTorch's database whose name tinynet has, with the same weights."""

import itertools

import torch
from torch.testing._internal.common_modules import ModuleErrorEnum, module_db

import tinynet
from databases.operators import DTYPES, difference_of_gradients, few, quietly, seed
from databases.outcome import Outcome, described, refusal
from databases.translate import Outside, difference, found, shown, tensors, translate

DRAWN = {"nn.Dropout", "nn.Dropout1d", "nn.Dropout2d", "nn.Dropout3d", "nn.AlphaDropout"}   # in training
ENTRIES = {info.name: info for info in module_db if isinstance(found(info.name), type)}


def outcomes(name, limit=None):
    """All outcomes for a layer: in training and in evaluation; `limit` bounds the samples of each type."""
    info = ENTRIES[name]
    for dtype, training in itertools.product(("float64", "float32"), (True, False)):
        if DTYPES[dtype] not in info.supported_dtypes("cpu") or not training and not info.train_and_eval_differ:
            continue
        seed()
        how = f"{dtype} {'training' if training else 'evaluation'}"
        for sample in few(info.module_inputs_func(info, "cpu", DTYPES[dtype], True, training), limit):
            yield from compare(name, how, sample, dtype, training)
    yield from bad(info, name)


def call(run, inputs):
    return quietly(run, *inputs.args, **inputs.kwargs)


def compare(name, how, sample, dtype, training):
    """The outcome of one sample: result, gradients of inputs and parameters, buffers afterwards."""
    text = f"{shown(sample.constructor_input.args)} {shown(sample.constructor_input.kwargs)} {sample.desc}"
    theirs, error = call(getattr(torch.nn, name.removeprefix("nn.")), sample.constructor_input)
    try:
        args, kwargs = translate((sample.constructor_input.args, sample.constructor_input.kwargs))
        inputs = translate((sample.forward_input.args, sample.forward_input.kwargs))
    except Outside:
        return
    if error is not None:
        return
    ours, error = quietly(found(name), *args, **kwargs)
    if error is None:
        ours, error = quietly(prepared, ours, theirs.to(DTYPES[dtype]).train(training), dtype, training)
    if error is None:
        result, error = quietly(ours, *inputs[0], **inputs[1])
    if error is not None:
        yield Outcome(name, how, "refused", described(error), text)
        return
    expected, error = call(theirs, sample.forward_input)
    if error is not None or any(t.is_complex() for t in tensors(expected)) or name in DRAWN and training:
        return
    what = difference(result, expected) or difference_of_gradients(
        result, expected, [*tensors(inputs), *ours.parameters()],
        [*tensors(sample.forward_input.args, sample.forward_input.kwargs), *theirs.parameters()])
    what = what or difference(dict(ours.named_buffers()), dict(theirs.named_buffers()))
    yield Outcome(name, how, "differs" if what else "agrees", what, text)


def prepared(ours, theirs, dtype, training):
    """tinynet's layer with PyTorch's weights, under the same keys."""
    ours = ours.to(getattr(tinynet, dtype)).train(training)
    ours.load_state_dict({key: translate(value.detach()) for key, value in theirs.state_dict().items()})
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        p.requires_grad = q.requires_grad
    return ours


def bad(info, name):
    """The outcomes for constructor arguments and inputs that PyTorch says are wrong."""
    if info.module_error_inputs_func is None:
        return
    seed()
    for wrong in info.module_error_inputs_func(info, "cpu", torch.float64, False, True):
        sample = wrong.module_error_input
        try:
            args, kwargs = translate((sample.constructor_input.args, sample.constructor_input.kwargs))
            ours, error = quietly(found(name), *args, **kwargs)
            if error is None and wrong.error_on == ModuleErrorEnum.FORWARD_ERROR:
                inputs = translate((sample.forward_input.args, sample.forward_input.kwargs))
                for p in ours.parameters() if hasattr(ours, "parameters") else ():
                    p.data = p.data.double()           # and not the buffers: one of a wrong type must be refused
                _, error = quietly(ours, *inputs[0], **inputs[1])
        except Outside:
            continue
        text = f"{shown(sample.constructor_input.args)} {shown(sample.constructor_input.kwargs)}"
        yield refusal(name, "bad input", error, f"{text} ({wrong.error_regex})")
