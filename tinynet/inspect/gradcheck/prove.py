"""Run the cases: each against central differences and, where PyTorch is installed, against PyTorch."""

import dataclasses
import time
import warnings

import numpy as np

from tinynet.inspect.gradcheck import check
from tinynet.inspect.gradcheck.cases import CASES
from tinynet.inspect.gradcheck.differences import TOLERANCE
from tinynet.system.suggest import nearest_names

PARITY_TOLERANCE = 1e-9                # float64 on both sides: a few thousand roundings
EVERY = 40                             # elements that are changed one by one; random directions are faster for more


@dataclasses.dataclass
class Row:
    """The result of one case, or the worst result of several. `parity` is None without PyTorch."""

    name: str
    error: float                       # the worst error against central differences
    parity: float | None               # and against PyTorch
    seconds: float
    failure: str = ""
    cases: int = 1

    @property
    def passed(self):
        return not self.failure


def torch_or_none():
    """PyTorch, where it is installed."""
    try:
        import torch
        return torch
    except ImportError:
        return None


def prove(case, seed=0, parity=True):
    """Check one case against differences and against PyTorch; without `parity`, against differences alone."""
    import tinynet
    rng = np.random.default_rng(seed)
    arrays, start, failure = case.inputs(rng), time.perf_counter(), ""
    if case.convention:
        worst = check.conduct_alone(lambda *tensors: case.run(tinynet, *tensors), arrays, rng)
    else:
        worst = check.compare(lambda *tensors: case.run(tinynet, *tensors), arrays, rng, EVERY)
    if not worst.error <= TOLERANCE:
        failure = str(worst)
    torch, distance = torch_or_none() if parity else None, None
    if torch is not None and not failure and case.reference is not False:
        distance = distance_from_torch(case, arrays, torch)
        if not distance <= PARITY_TOLERANCE:
            failure = f"differs from PyTorch by {distance:.2e} of the largest value"
    return Row(case.name, worst.error, distance, time.perf_counter() - start, failure)


def prove_together(operator, cases):
    """One row for all cases of an operator: the worst errors, the first failure."""
    rows = [prove(case) for case in cases]
    parities = [row.parity for row in rows if row.parity is not None]
    failed = [row for row in rows if not row.passed]
    failure = f"{failed[0].name}: {failed[0].failure}" if failed else ""
    return Row(operator, max(row.error for row in rows), max(parities, default=None),
               sum(row.seconds for row in rows), failure, len(rows))


def distance_from_torch(case, arrays, torch):
    """The largest relative difference in value and gradients between tinynet and PyTorch, in float64."""
    import tinynet
    ours = value_and_gradients(tinynet, case.run, arrays)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Using padding='same'")       # PyTorch's remark on its own speed
        theirs = value_and_gradients(torch, case.reference or case.run, arrays)
    return max(relative(a, b) for a, b in zip(ours, theirs, strict=True))


def value_and_gradients(lib, run, arrays):
    """[y, dx, dw, ...] as arrays, for a random cotangent that depends on the size of y alone."""
    tensors = []
    for x in arrays:
        tensors.append(lib.tensor(x))
        if x.dtype.kind == "f":
            tensors[-1].requires_grad_()
    y = run(lib, *tensors)
    v = np.random.default_rng(y.numel()).standard_normal(tuple(y.shape))
    if y.requires_grad:
        y.backward(lib.tensor(v))
    gradients = [t.grad for t in tensors if t.requires_grad]
    return [np.asarray(y.detach()), *(None if g is None else np.asarray(g) for g in gradients)]


def relative(a, b):
    """The largest |a - b|, relative to the largest |b| or 1; a missing gradient counts as zeros."""
    if a is None and b is None:
        return 0.0
    a = np.zeros_like(b) if a is None else a
    b = np.zeros_like(a) if b is None else b
    if a.shape != b.shape:
        return np.inf
    return float(np.abs(a - b).max(initial=0) / max(1.0, np.abs(b).max(initial=0)))


def select(names):
    """{operator: its cases} for operators or whole names of cases; all of them without names."""
    known = {case.name for case in CASES} | {case.operator for case in CASES}
    for name in names:
        if name not in known:
            raise ValueError(f"unknown operator {name!r}{nearest_names(name, sorted(known))}")
    chosen = {}
    for case in CASES:
        if not names or case.name in names or case.operator in names:
            chosen.setdefault(case.operator, []).append(case)
    return chosen
