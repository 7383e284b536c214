"""Run the cases: each operator against central differences and, where it is installed, against PyTorch."""

import dataclasses
import time
import warnings

import numpy as np

from tinynet.inspect import gradcheck
from tinynet.inspect.cases import CASES

PARITY_TOLERANCE = 1e-9                # float64 on both sides: a few thousand roundings


@dataclasses.dataclass
class Row:
    """What was found for one case. `parity` is None without PyTorch."""

    name: str
    differences: gradcheck.Comparison
    parity: float | None
    seconds: float
    failure: str = ""

    @property
    def passed(self):
        return not self.failure


def torch_or_none():
    try:
        import torch
        return torch
    except ImportError:
        return None


def prove(case, seed=0):
    """Check one case in both ways."""
    import tinynet
    rng = np.random.default_rng(seed)
    arrays, start, failure = case.inputs(rng), time.perf_counter(), ""
    worst = gradcheck.compare(lambda *tensors: case.run(tinynet, *tensors), arrays, rng)
    if not worst.error <= gradcheck.TOLERANCE:
        failure = str(worst)
    torch, parity = torch_or_none(), None
    if torch is not None:
        parity = distance_from_torch(case, arrays, torch)
        if not parity <= PARITY_TOLERANCE:
            failure = failure or f"differs from PyTorch by {parity:.2e} of the largest value"
    return Row(case.name, worst, parity, time.perf_counter() - start, failure)


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
    """The cases whose name, or whose name's first word, is among `names`; all without names."""
    if not names:
        return list(CASES)
    chosen = [c for c in CASES if c.name in names or c.name.split()[0] in names]
    known = {c.name for c in CASES} | {c.name.split()[0] for c in CASES}
    for name in names:
        if name not in known:
            import difflib
            near = difflib.get_close_matches(name, known, 3) or sorted(known)[:5]
            raise ValueError(f"unknown operator {name!r}; the nearest names are {', '.join(near)}")
    return chosen
