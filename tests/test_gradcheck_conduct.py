"""The checker sees faults beside wrong numbers: memory order, a second backward, writing, small gradients."""

import numpy as np
import pytest

import tinynet
from tinynet.inspect.gradcheck import GradientError, gradcheck
from test_gradcheck import saved, wrong

RNG = np.random.default_rng(5)
IMAGES = RNG.standard_normal((2, 3, 4, 5))
X, Y = RNG.standard_normal((3, 4)), RNG.standard_normal((3, 4))
SQUARE = saved(lambda x: x * x)


def refused(function, inputs, words):
    with pytest.raises(GradientError, match=words):
        gradcheck(function, inputs)


def by_memory(ctx, dy):
    """Right for rows first: it multiplies in the order of memory, whatever the axes are."""
    (x,) = ctx.saved
    flat = x.ravel("K") * dy.ravel("K") * 2
    return flat.reshape(x.shape)


def rows_first(ctx, dy):
    """Right where the last axis is the fastest: it reads the strides of a C array out of x's memory."""
    (x,) = ctx.saved
    if x.flags.c_contiguous:
        return 2 * x * dy
    memory = x if x.base is None else x.base
    return 2 * np.resize(np.ravel(memory, "K"), x.shape) * dy


@pytest.mark.parametrize("backward", [by_memory, rows_first])
@pytest.mark.parametrize("inputs", [[X], [IMAGES]], ids=["matrix", "images"])
def test_a_backward_that_is_right_for_one_order_of_memory_alone(backward, inputs):
    refused(wrong(SQUARE, backward), inputs, "memory")


def channels_first_alone(ctx, dy):
    """Wrong for inputs with the channels last in memory, right for all others."""
    (x,) = ctx.saved
    return 2 * x * dy * (1 if x.strides[1] > x.strides[-1] or x.flags.f_contiguous else 1.5)


def columns_wrong(ctx, dy):
    """Wrong for Fortran order."""
    (x,) = ctx.saved
    return 2 * x * dy * (1 if x.flags.c_contiguous or not x.flags.f_contiguous else 0.5)


def order_of_dy(ctx, dy):
    """Right for any x, wrong for a gradient of another order."""
    (x,) = ctx.saved
    return 2 * x * (dy if dy.flags.c_contiguous else np.ravel(dy, "K").reshape(dy.shape))


@pytest.mark.parametrize("backward, words", [
    (channels_first_alone, "channels last"), (columns_wrong, "Fortran"), (order_of_dy, "memory")],
    ids=["channels last", "Fortran", "cotangent"])
def test_the_order_is_named(backward, words):
    refused(wrong(SQUARE, backward), [IMAGES], words)


def forgets(ctx, dy):
    """The first time right; the second time what was saved is gone."""
    first, ctx.again = not hasattr(ctx, "again"), True
    return 2 * ctx.saved[0] * dy * first


def adds_up(ctx, dy):
    """Keeps its own result and adds to it when it runs again."""
    ctx.total = getattr(ctx, "total", 0) + 2 * ctx.saved[0] * dy
    return ctx.total


@pytest.mark.parametrize("backward", [forgets, adds_up])
def test_a_second_backward_must_give_the_same(backward):
    refused(wrong(SQUARE, backward), [X], "a second backward")


def into_dy(ctx, dy):
    dy *= 2 * ctx.saved[0]
    return dy


def into_saved(ctx, dy):
    (x,) = ctx.saved
    y = x.copy()
    x *= 2
    return y * 2 * dy


def into_its_own(ctx, dy):
    """Writes into an array that forward made and saved."""
    (twice,) = ctx.saved
    twice *= dy
    return twice


def saves_its_own(ctx, x):
    ctx.save(2 * x)
    return x * x


@pytest.mark.parametrize("forward, backward, words", [
    (SQUARE, into_dy, "the gradient that it was given"), (SQUARE, into_saved, "wrote into input 0"),
    (saves_its_own, into_its_own, "PlantedBackward saved")], ids=["given", "input", "saved"])
def test_a_backward_may_write_into_nothing_that_is_not_its_own(forward, backward, words):
    refused(wrong(forward, backward), [X], words)


@pytest.mark.parametrize("size", [1e-3, 1e-6, 1e-8])
def test_a_small_gradient_counts_as_much_as_a_large_one_beside_it(size):
    forward = saved(lambda x, y: 1000 * x + size * y)
    gradcheck(wrong(forward, lambda ctx, dy: (1000 * dy, size * dy)), [X * 1e-4, Y])
    refused(wrong(forward, lambda ctx, dy: (1000 * dy, np.zeros_like(dy))), [X * 1e-4, Y], "at input 1")
    refused(wrong(forward, lambda ctx, dy: (1000 * dy, 1.5 * size * dy)), [X * 1e-4, Y], "at input 1")


def test_all_gradients_small():
    gradcheck(lambda x: x * 1e-6, [X])
    refused(wrong(SQUARE, lambda ctx, dy: 2 * dy * ctx.saved[0] * 1.001), [X * 1e-3], "at input 0")


def test_right_backwards_pass_in_all_orders():
    for inputs in [X], [IMAGES], [np.asfortranarray(IMAGES)], [IMAGES.transpose(0, 2, 3, 1)]:
        gradcheck(wrong(SQUARE, lambda ctx, dy: 2 * dy * ctx.saved[0]), inputs)
    gradcheck(lambda x, w: tinynet.nn.functional.conv2d(x, w, padding=1), [IMAGES, RNG.standard_normal((2, 3, 3, 3))])
