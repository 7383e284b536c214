"""Random numbers as tensors. They come from a `generator` or else from the stream "user" (`tinynet.random`)."""

import numpy as np

from tinynet import dtypes
from tinynet.creation import full, made, shape_of, type_or
from tinynet.ops.common import listed_as, require_floating, tensor_of
from tinynet.ops.in_place import copy_
from tinynet.random import numbers
from tinynet.tensor import Tensor, attach


@listed_as("size")
def rand(*size, generator=None, dtype=None, requires_grad=False, device=None):
    """Uniform random numbers from [0, 1), of shape `size`: rand(2, 3)."""
    return _uniform("rand", shape_of("rand", size), type_or("rand", dtype, device), requires_grad, generator)


@listed_as("size")
def randn(*size, generator=None, dtype=None, requires_grad=False, device=None):
    """Normally distributed random numbers, mean 0 and variance 1, of shape `size`: randn(2, 3)."""
    return _normal("randn", shape_of("randn", size), type_or("randn", dtype, device), requires_grad, generator)


def rand_like(input, *, generator=None, dtype=None, requires_grad=False, device=None):
    """`rand` in the shape and type of `input`."""
    dtype = type_or("rand_like", dtype, device, input.dtype)
    return _uniform("rand_like", input.shape, dtype, requires_grad, generator)


def randn_like(input, *, generator=None, dtype=None, requires_grad=False, device=None):
    """`randn` in the shape and type of `input`."""
    dtype = type_or("randn_like", dtype, device, input.dtype)
    return _normal("randn_like", input.shape, dtype, requires_grad, generator)


def randint(low, high=None, size=None, *, generator=None, dtype=None, requires_grad=False, device=None):
    """Random integers from [low, high), of shape `size`, int64: randint(low, high, size).

    randint(high, size) begins at 0. ValueError unless low < high.
    """
    if size is None:
        low, high, size = 0, low, high
    if size is None or low >= high:
        raise ValueError(f"randint: expected low < high and a size, got low {low}, high {high}, size {size}")
    dtype = type_or("randint", dtype, device, dtypes.int64)
    values = numbers(generator).integers(low, high, shape_of("randint", (size,)))
    return made(values.astype(dtype, copy=False), requires_grad)


def randperm(n, *, generator=None, dtype=None, requires_grad=False, device=None):
    """0, 1, ..., n - 1 in random order: shape (n,), int64."""
    dtype = type_or("randperm", dtype, device, dtypes.int64)
    return made(numbers(generator).permutation(n).astype(dtype), requires_grad)


def _uniform(name, shape, dtype, requires_grad, generator):
    return made(numbers(generator).random(shape, _floating(name, dtype)), requires_grad)


def _normal(name, shape, dtype, requires_grad, generator):
    return made(numbers(generator).standard_normal(shape, _floating(name, dtype)), requires_grad)


def _floating(name, dtype):
    if not dtypes.is_floating(dtype):
        raise TypeError(f"{name}: expected a floating-point dtype, got {dtype}")
    return dtype


def randint_like(input, low, high=None, *, generator=None, dtype=None, requires_grad=False, device=None):
    """`randint` in the shape and type of `input`: from [low, high), or from [0, low) without `high`."""
    low, high = (0, low) if high is None else (low, high)
    return randint(low, high, input.shape, generator=generator, dtype=dtype or input.dtype,
                   requires_grad=requires_grad, device=device)


def normal(mean, std=1.0, size=None, *, generator=None, dtype=None):
    """Normally distributed numbers: mean and std are numbers, with a `size`, or tensors, which broadcast."""
    if size is not None:
        return randn(size, generator=generator, dtype=dtype) * std + mean
    mean, std = tensor_of(mean), tensor_of(std)
    shape = np.broadcast_shapes(mean.shape, std.shape)
    return randn(shape, generator=generator) * std.detach() + mean.detach()


@attach("bernoulli")
def bernoulli(input, p=None, *, generator=None):
    """1 with the probability that `input` holds (or `p`, a number), else 0, for each element, in the same type.

    ValueError for a value that is not a probability.
    """
    x = input.array if p is None else np.broadcast_to(np.asarray(p, np.float64), input.shape)
    if x.size and not (0 <= x.min() and x.max() <= 1):
        raise ValueError(f"bernoulli: expected probabilities in [0, 1], got {x.min()} to {x.max()}")
    return Tensor((numbers(generator).random(x.shape) < x).astype(input.dtype))


@attach("multinomial")
def multinomial(input, num_samples, replacement=False, *, generator=None):
    """Indices drawn by the weights in each row, (C,) -> (num_samples,), (N, C) -> (N, num_samples).

    TypeError for whole numbers; ValueError for no samples, negative weights, a row of zeros, or more samples without
    replacement than there are weights.
    """
    if input.ndim not in (1, 2) or num_samples < 1:
        raise ValueError("multinomial: expected weights (C,) or (N, C) and at least one sample, "
                         f"got {input.shape} and {num_samples}")
    require_floating("multinomial", input)
    weights = np.atleast_2d(input.array).astype(np.float64)
    if not (np.isfinite(weights).all() and (weights >= 0).all() and (weights.sum(1) > 0).all()):
        raise ValueError("multinomial: expected finite weights of 0 or more, and one above 0 in each row")
    if not replacement and num_samples > (weights > 0).sum(1).min(initial=weights.shape[1]):
        raise ValueError(f"multinomial: expected at most as many samples as weights above 0, got {num_samples}")
    if replacement:
        ends = weights.cumsum(1) / weights.sum(1, keepdims=True)
        drawn = numbers(generator).random((len(weights), num_samples))
        index = np.stack([np.searchsorted(row[:-1], x, "right") for row, x in zip(ends, drawn)])
    else:                                                      # the first of exponential clocks that run at these rates
        with np.errstate(divide="ignore"):
            times = numbers(generator).exponential(size=weights.shape) / weights
        index = np.argsort(times, 1, kind="stable")[:, :num_samples]
    return Tensor(index.reshape(*input.shape[:-1], num_samples).astype(np.int64))


# In place ---------------------------------------------------------------------------------------------------


@attach("normal_")
def normal_(self, mean=0.0, std=1.0, *, generator=None):
    """Write normally distributed numbers of that `mean` and `std` over each element, in place. ValueError: std < 0."""
    if std < 0:
        raise ValueError(f"normal_: expected std of 0 or more, got {std}")
    return _filled(self, numbers(generator).standard_normal(self.shape) * std + mean)


@attach("uniform_")
def uniform_(self, a=0.0, b=1.0, *, generator=None, **bounds):
    """Write uniform random numbers from [a, b) over each element, in place. ValueError unless a <= b.

    PyTorch's own words `from=` and `to=` are `a` and `b`.
    """
    a, b = bounds.pop("from", a), bounds.pop("to", b)
    if bounds:
        raise TypeError(f"uniform_: unexpected arguments {sorted(bounds)}")
    if a > b:
        raise ValueError(f"uniform_: expected a range [a, b), got a {a}, b {b}")
    return _filled(self, numbers(generator).random(self.shape) * (b - a) + a)


@attach("random_")
def random_(self, low=None, high=None, *, generator=None):
    """Write random integers over each element, in place: from [low, high), [0, low), or all that the type holds."""
    if low is None:
        low, high = 0, 2 ** 24 if self.is_floating_point() else np.iinfo(self.dtype).max + 1
    elif high is None:
        low, high = 0, low
    return _filled(self, numbers(generator).integers(low, high, self.shape, np.int64))


@attach("bernoulli_")
def bernoulli_(self, p=0.5, *, generator=None):
    """Write 1 with probability `p` (a number or a tensor), else 0, over each element, in place."""
    return copy_(self, bernoulli(full(self.shape, 0.0), getattr(p, "array", p), generator=generator))


@attach("exponential_")
def exponential_(self, lambd=1.0, *, generator=None):
    """Write exponentially distributed numbers of rate `lambd` over each element, in place."""
    return _filled(self, numbers(generator).exponential(1 / lambd, self.shape))


def _filled(self, values):
    return copy_(self, Tensor(np.asarray(values, self.dtype)))
