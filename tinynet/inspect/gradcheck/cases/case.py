"""A case: a function of a library and of tensors, its inputs, and its options.

    case("add", lambda lib, x, y: x + y, (2, 3), (3,))

tinynet has PyTorch's names, so the same function runs on both libraries: `lib` is one of them. The first argument is
the name of the case: the operator and, if there are several cases of it, a word about this one. The others are inputs:

- a shape: random values of that shape, all different, none near 0;
- a function of a random generator, such as `positive(2, 3)`, `integers(4, 5)` or `mask(2, 3)`;
- an array, which is taken as it is. Arrays of integers and of bools have no gradient.

`functional` is `case` for a function of `nn.functional`, `layer` for a module with its parameters:

    functional("elu", lambda F, x, **o: F.elu(x, **o), (3, 4), alpha=[0.5])
    layer("Linear", lambda nn, **o: nn.Linear(4, 3, **o), (2, 4), bias=[False])

Options are lists of values to try. The case is checked without options, with each value of each option, and with each
pair of values of two options. `unless` is a function of the options that is true for options that exclude each other. A
value that is an array is given to the function as a tensor without a gradient. A shape that depends on an option is
written as a function, with `by`:

    functional("conv2d", lambda F, x, w, **o: F.conv2d(x, w, **o), (2, 4, 6, 5),
               by(lambda groups=1: (4, 4 // groups, 3, 3)), stride=[2, (2, 1)], padding=[1, "same"], groups=[2, 4],
               unless=lambda o: o.get("padding") == "same" and "stride" in o)

`reference` is a function of PyTorch and the tensors, for an operator that PyTorch does not have, or has under another
name. `convention` says that the gradient is PyTorch's, but not the derivative (the gradient of a padding row is zero).
Then it is compared with PyTorch's gradient, and not with differences. `reference=False` says that PyTorch draws other
random numbers: then only differences are checked.
"""

import dataclasses
import inspect
import itertools
from typing import Callable

import numpy as np

from tinynet.inspect.gradcheck.differences import distinct

CASES = []


@dataclasses.dataclass
class Case:
    """`run(lib, *tensors)`; `inputs(rng)` makes the arrays; `reference(torch, *tensors)` where PyTorch differs.

    With `convention` the gradient is PyTorch's, but not the derivative: it is compared with PyTorch's gradient only.
    """

    name: str
    run: Callable
    inputs: Callable
    reference: Callable = None
    convention: bool = False

    @property
    def operator(self):
        """The first word of the name."""
        return self.name.split()[0]


def case(name, run, *inputs, reference=None, unless=None, convention=False, **options):
    """Add a case, and one for each option and each pair of options."""
    for chosen in combinations(options, unless):
        CASES.append(Case(" ".join([name, *map(shown, chosen.items())]), with_options(run, chosen),
                          lambda rng, chosen=chosen: [make(x, rng, chosen) for x in inputs],
                          reference and with_options(reference, chosen), convention))


def functional(name, run, *inputs, reference=None, unless=None, convention=False, **options):
    """`case` for a function of `nn.functional`: `run(F, *tensors)`."""
    def of_functional(function):
        return lambda lib, *tensors, **chosen: function(lib.nn.functional, *tensors, **chosen)

    case(name, of_functional(run), *inputs, reference=reference and of_functional(reference), unless=unless,
         convention=convention, **options)


def layer(name, build, *inputs, unless=None, shift=0.0, convention=False, **options):
    """`case` for a module in training: gradients with respect to its inputs and to all its parameters."""
    def run(lib, *tensors, **chosen):
        module = build(lib.nn, **chosen).double()
        return with_parameters(module, tensors[len(inputs):], tensors[:len(inputs)])

    for chosen in combinations(options, unless):
        def arrays(rng, chosen=chosen):
            import tinynet.nn
            shapes = [p.shape for p in build(tinynet.nn, **chosen).parameters()]
            return [*(make(x, rng, chosen) + shift for x in inputs), *(0.5 * rng.standard_normal(s) for s in shapes)]

        CASES.append(Case(" ".join([name, *map(shown, chosen.items())]), with_options(run, chosen), arrays,
                          convention=convention))


def combinations(options, unless):
    """The dicts of options to try: none, each value alone, each pair of values of two options."""
    single = [[(name, value) for value in values] for name, values in options.items()]
    chosen = [(), *((option,) for values in single for option in values)]
    for one, other in itertools.combinations(single, 2):
        chosen += itertools.product(one, other)
    return [dict(c) for c in chosen if unless is None or not unless(dict(c))]


def with_options(run, chosen):
    """`run` with these options; an array among them becomes a tensor."""
    if not chosen:
        return run
    return lambda lib, *tensors: run(lib, *tensors, **{
        name: lib.tensor(value) if isinstance(value, np.ndarray) else value for name, value in chosen.items()})


def shown(option):
    name, value = option
    return name if isinstance(value, np.ndarray) else f"{name}={value}"


def with_parameters(module, values, inputs):
    """Run `module` with tensors in the place of its parameters."""
    for (path, _), value in zip(list(module.named_parameters()), values, strict=True):
        owner, _, name = path.rpartition(".")
        owner = module.get_submodule(owner)
        del owner._parameters[name]
        object.__setattr__(owner, name, value)
    return module(*inputs)


# Inputs ---------------------------------------------------------------------------------------------------------


class by:
    """An input that depends on options: `by(lambda groups=1: (4, 4 // groups))`."""

    def __init__(self, spec):
        self.spec = spec


def make(x, rng, chosen):
    """The array for one input of a case."""
    if isinstance(x, by):
        known = inspect.signature(x.spec).parameters
        x = x.spec(**{name: value for name, value in chosen.items() if name in known})
    if isinstance(x, tuple):
        return distinct(x, rng)
    return np.array(x(rng) if callable(x) else x)


def positive(*shape):
    """Random values of at least 0.5."""
    return lambda rng: np.abs(distinct(shape, rng)) + 0.5


def normal(*shape):
    """Values from the standard normal distribution."""
    return lambda rng: rng.standard_normal(shape)


def uniform(low, high, *shape):
    """Values from an interval."""
    return lambda rng: rng.uniform(low, high, shape)


def shifted(*shape):
    """Values like those of a shape, but shifted, so that the two inputs have no equal values."""
    return lambda rng: distinct(shape, rng) + 0.013


def integers(high, *shape):
    """Random integers from 0 to high - 1."""
    return lambda rng: rng.integers(0, high, shape)


def mask(*shape):
    """Random bools."""
    return lambda rng: rng.random(shape) < 0.4
