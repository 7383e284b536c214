"""The checker is proven to catch wrong gradients, and every operator has a case."""

import numpy as np
import pytest

import tinynet
from tinynet.autograd import Function
from tinynet.inspect.gradcheck import prove
from tinynet.inspect.gradcheck.cases import CASES
from tinynet.inspect.gradcheck import GradientError, gradcheck
from tinynet.ops.common import unbroadcast


def wrong(forward, backward):
    """A function with a planted backward, kept out of the registry."""
    planted = type("Planted", (Function,), {"forward": staticmethod(forward), "backward": staticmethod(backward)})
    del Function.registry["Planted"]
    return planted.apply


def saved(f):
    def forward(ctx, *arrays):
        ctx.save(*arrays)
        return f(*arrays)
    return forward


X = np.random.default_rng(1).standard_normal((3, 4))
Y = np.random.default_rng(2).standard_normal((3, 4))
SQUARE = saved(lambda x: x * x)


def softmax(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def unfold_twice(x):
    """Each element lands in two places, as in im2col."""
    return np.concatenate([x, x], 1)


def overwrite(ctx, dy):                # `=` where `+=` belongs
    dx = np.zeros_like(X)
    for part in (dy[:, :4], dy[:, 4:]):
        dx[...] = part
    return dx


PLANTED = {
    "zero": (SQUARE, lambda ctx, dy: np.zeros_like(dy), [X]),
    "zero softmax": (saved(softmax), lambda ctx, dy: np.zeros_like(dy), [X]),
    "scaled": (SQUARE, lambda ctx, dy: dy * ctx.saved[0], [X]),
    "slightly scaled": (SQUARE, lambda ctx, dy: dy * ctx.saved[0] * 2.0001, [X]),
    "sign": (SQUARE, lambda ctx, dy: -2 * dy * ctx.saved[0], [X]),
    "= for +=": (saved(unfold_twice), overwrite, [X]),
    "detached input": (saved(np.multiply), lambda ctx, dy: (dy * ctx.saved[1], None), [X, Y]),
    "swapped axis": (saved(lambda x: x * X[:3, :3]), lambda ctx, dy: dy * X[:3, :3].T, [X[:3, :3]]),
    "one index": (SQUARE, lambda ctx, dy: np.where(X == X.max(), 0, 2 * dy * ctx.saved[0]), [X]),
    "no sum over the broadcast axis": (saved(lambda x, b: x + b), lambda ctx, dy: (dy, dy[0]), [X, Y[0]]),
    "wrong shape": (saved(lambda x, b: x + b), lambda ctx, dy: (dy, dy), [X, Y[0]]),
    "nan": (SQUARE, lambda ctx, dy: dy * np.nan, [X]),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_wrong_backward_is_rejected(name):
    forward, backward, inputs = PLANTED[name]
    with pytest.raises(GradientError, match="wrong gradient"):
        gradcheck(wrong(forward, backward), inputs)


def test_the_same_forwards_with_right_backwards_pass():
    gradcheck(wrong(SQUARE, lambda ctx, dy: 2 * dy * ctx.saved[0]), [X])
    gradcheck(wrong(saved(unfold_twice), lambda ctx, dy: dy[:, :4] + dy[:, 4:]), [X])
    gradcheck(wrong(saved(lambda x, b: x + b), lambda ctx, dy: (dy, unbroadcast(dy, (4,)))), [X, Y[0]])


def test_large_inputs_are_checked_along_random_directions():
    x = np.random.default_rng(3).standard_normal((40, 40))
    assert gradcheck(wrong(SQUARE, lambda ctx, dy: 2 * dy * ctx.saved[0]), [x]).error < 1e-6
    with pytest.raises(GradientError, match="random direction"):
        gradcheck(wrong(SQUARE, lambda ctx, dy: 2.01 * dy * ctx.saved[0]), [x])


def test_the_worst_index_is_reported_with_both_values():
    backward = lambda ctx, dy: np.where(np.arange(12).reshape(3, 4) == 6, 5.0, 2 * dy * ctx.saved[0])
    with pytest.raises(GradientError, match=r"index \(1, 2\): backward gives 5, the central difference"):
        gradcheck(wrong(SQUARE, backward), [X])


def test_an_output_cut_off_from_its_input_is_rejected():
    with pytest.raises(GradientError, match="no output is connected"):
        gradcheck(lambda x: tinynet.Tensor(x.array * 2), [X])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_operator(case):
    row = prove.prove(case)
    assert row.passed, row.failure


def test_every_operator_has_a_case(monkeypatch):
    used = set()
    original = tinynet.autograd.Node.run

    def noted(self, gradients):
        used.add(self.function.__name__)
        return original(self, gradients)

    monkeypatch.setattr(tinynet.autograd.Node, "run", noted)
    for case in CASES:
        arrays = case.inputs(np.random.default_rng(0))
        prove.value_and_gradients(tinynet, case.run, arrays)
    own = {name for name, kind in Function.registry.items() if kind.__module__.startswith("tinynet.")}
    missing = own - used
    assert not missing, f"these operators have no gradient-check case: {sorted(missing)}"


def test_the_gradient_of_a_cast_comes_back_in_the_type_of_its_input():
    x = tinynet.tensor(X, requires_grad=True)
    (x.float() * 3).sum().backward()
    assert x.grad.dtype == np.float64 and (x.grad.array == 3).all()


def test_a_broken_backward_fails_the_command(monkeypatch, capsys):
    from tinynet.cli import main
    from tinynet.ops.pointwise import Exp
    assert main(["gradcheck", "exp"]) == 0
    monkeypatch.setattr(Exp, "backward", staticmethod(lambda ctx, dy: dy))
    assert main(["gradcheck", "exp"]) == 1
    assert "FAILED" in capsys.readouterr().out


def test_without_pytorch_the_command_says_so(monkeypatch, capsys):
    from tinynet.cli import main
    monkeypatch.setattr(prove, "torch_or_none", lambda: None)
    assert main(["gradcheck", "neg"]) == 0
    expected = ("1 of 1 operators and layers have the right gradients, in 1 cases "
                "(PyTorch is not installed: differences alone)")
    assert expected in capsys.readouterr().out


def test_an_unknown_operator_is_refused_with_the_nearest_name(capsys):
    from tinynet.cli import main
    assert main(["gradcheck", "conv2b"]) == 1
    assert "Conv2d" in capsys.readouterr().err
