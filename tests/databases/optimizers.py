"""OptimizerInfo: every optimizer of PyTorch's database whose name tinynet has, and the schedules that come with it."""

import numpy as np
import torch
from torch.testing._internal import common_optimizers
from torch.testing._internal.common_optimizers import OptimizerErrorEnum, optim_db

import tinynet
from databases.operators import quietly, seed
from databases.outcome import Outcome, described, refusal
from databases.translate import Outside, different_values, found, shown, translate
from tinynet.nn import Parameter

ENTRIES = {f"optim.{info.name}": info for info in optim_db if found(f"optim.{info.name}")}
STEPS = 6
SHAPES = [(3, 4), (5,), ()]


def outcomes(name, limit=None):
    """All outcomes: each set of options in both types; each schedule with the options' defaults."""
    info = ENTRIES[name]
    for dtype in ("float64", "float32"):
        seed()
        for sample in info.optim_inputs_func(device="cpu", dtype=getattr(torch, dtype)):
            yield from compare(info, name, dtype, sample)
    for number in range(len(info.scheduler_inputs)):
        yield from compare_schedule(info, name, number)
    yield from bad(info, name)


class Fit:
    """The same parameters, gradients and steps in a library. `lib` is tinynet or torch."""

    def __init__(self, lib, parameter, info, dtype, kwargs):
        self.lib, self.dtype, self.rng = lib, dtype, np.random.default_rng(0)
        shapes = [shape for shape in SHAPES if info.name != "Muon" or len(shape) == 2]
        self.params = [parameter(self.draw(shape)) for shape in shapes]
        self.optimizer = getattr(lib.optim, info.name)(self.params, **kwargs)

    def draw(self, shape):
        return self.lib.tensor(self.rng.standard_normal(shape).astype(self.dtype))

    def closure(self):
        """A loss whose gradients are new random numbers beside the parameters."""
        self.optimizer.zero_grad()
        loss = sum(((p - self.draw(tuple(p.shape))) ** 2).sum() for p in self.params)
        loss.backward()
        return loss

    def run(self, schedules=()):
        """The values of all parameters and the learning rate after each step."""
        schedules = [make(self.optimizer) for make in schedules]
        trace = []
        for _ in range(STEPS * (4 if schedules else 1)):
            loss = self.optimizer.step(self.closure)
            for schedule in schedules:
                schedule.step(*([float(loss.detach())] if type(schedule).__name__ == "ReduceLROnPlateau" else []))
            trace += [np.array(p.detach()) for p in self.params]
            trace.append(np.array(float(self.optimizer.param_groups[0]["lr"])))
        return trace


def compare(info, name, dtype, sample):
    if sample.params is not None:
        return
    try:
        kwargs = translate(sample.kwargs)
    except Outside:
        return
    expected, error = quietly(lambda: Fit(torch, torch.nn.Parameter, info, dtype, sample.kwargs).run())
    if error is not None:
        return
    yield traced(info, name, dtype, kwargs, expected, f"{shown(sample.kwargs)} ({sample.desc})")


def traced(info, name, how, kwargs, expected, text, schedules=()):
    ours, error = quietly(lambda: Fit(tinynet, Parameter, info, how.split()[0], kwargs).run(schedules))
    if error is not None:
        return Outcome(name, how, "refused", described(error), text)
    what = next(filter(None, map(different_values, ours, expected)), "")
    return Outcome(name, how, "differs" if what else "agrees", what, text)


def compare_schedule(info, name, number):
    """The schedules of one list, made by the same lambdas with PyTorch's classes and with tinynet's."""
    kinds = {kind: value for kind, value in vars(torch.optim.lr_scheduler).items() if isinstance(value, type)}
    ours = {kind: found(f"optim.lr_scheduler.{kind}") for kind in kinds}
    if not all(ours.get(kind) for make in info.scheduler_inputs[number] for kind in make.__code__.co_names
               if kind in kinds):
        return
    expected = Fit(torch, torch.nn.Parameter, info, "float64", {"lr": 0.01}).run(info.scheduler_inputs[number])
    text = ", ".join(kind for make in info.scheduler_inputs[number] for kind in make.__code__.co_names)
    theirs = {kind: getattr(common_optimizers, kind) for kind in ours if hasattr(common_optimizers, kind)}
    vars(common_optimizers).update({kind: ours[kind] for kind in theirs})
    try:
        yield traced(info, name, "float64 schedule", {"lr": 0.01}, expected, text, info.scheduler_inputs[number])
    finally:
        vars(common_optimizers).update(theirs)


def bad(info, name):
    """The outcomes for options and parameters that PyTorch says are wrong."""
    if info.optim_error_inputs_func is None:
        return
    seed()
    for wrong in info.optim_error_inputs_func(device="cpu", dtype=torch.float64):
        sample = wrong.optimizer_error_input
        if issubclass(wrong.error_type, Warning) or wrong.error_on == OptimizerErrorEnum.STEP_ERROR:
            continue                                   # PyTorch warns, or the step needs sparse gradients
        try:
            params, kwargs = translate((sample.params, sample.kwargs))
        except Outside:
            continue
        params = [Parameter(tinynet.ones(2, 2))] if params is None else params
        _, error = quietly(found(name), params, **kwargs)
        yield refusal(name, "bad input", error, f"{shown(sample.kwargs)} ({sample.desc})")
