"""`utils.checkpoint`: the values and gradients of a plain run, with less memory."""

import gc
import tracemalloc

import numpy as np
import pytest

import tinynet
from tinynet import models, nn
from tinynet.nn import functional as F
from tinynet.utils import checkpoint


def images(*shape):
    return tinynet.Tensor(np.random.default_rng(1).standard_normal(shape).astype(np.float32))


def plain(fn, *inputs):
    return fn(*inputs)


def run(make, forward, save, x):
    """Output, gradients and buffers after a step of a new `make()`; `save` is plain or checkpoint."""
    tinynet.manual_seed(0)
    model, x = make(), tinynet.Tensor(x.array, requires_grad=True)
    y = forward(model, x, save)
    (y * y).mean().backward()
    after = tinynet.rand(3)                        # randomness goes on where it would have
    return [y, x.grad, *(p.grad for p in model.parameters()), *model.buffers(), after]


def assert_same(make, forward, x):
    expected, found = (run(make, forward, save, x) for save in (plain, checkpoint))
    for a, b in zip(expected, found, strict=True):
        assert a.array.tobytes() == b.array.tobytes()


def network():
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.3),
                         models.resnet.BasicBlock(8, 8, stochastic_depth=0.5), nn.MaxPool2d(2), nn.Flatten(),
                         nn.Dropout(0.2), nn.Linear(8 * 9, 5), nn.BatchNorm1d(5, momentum=None))


def halves(model, x, save):
    return save(model[4:], save(model[:4], x))


def nested(model, x, save):
    def outer(x):
        return save(model[2:], save(lambda x: save(model[1:2], save(model[:1], x)), x))
    return save(outer, x)


@pytest.mark.parametrize("forward", [halves, nested, lambda model, x, save: save(model, x)],
                         ids=["halves", "nested", "whole"])
def test_the_same_bits_with_dropout_and_batchnorm(forward):
    assert_same(network, forward, images(4, 3, 6, 6))


def test_what_a_function_has_around_it_gets_its_gradient_too():
    def forward(model, x, save):
        mask = F.relu(x).sum(1, keepdim=True)                       # a tensor of the graph, not an argument
        return save(lambda y: model(y) * mask, x * 2)
    assert_same(lambda: nn.Conv2d(3, 4, 3, padding=1), forward, images(2, 3, 6, 6))


def test_inputs_without_gradients_and_several_outputs():
    def forward(model, x, save):
        a, b = save(lambda x: (model(x), model(x) * 2), x.detach())
        return a * b + x.sum()
    assert_same(lambda: nn.Linear(4, 4), forward, images(3, 4))


def test_in_place_operators_inside():
    def forward(model, x, save):
        return save(lambda x: F.relu(model(x), inplace=True) * 2, x)
    assert_same(lambda: nn.Conv2d(3, 4, 3), forward, images(2, 3, 6, 6))


def test_the_function_runs_a_second_time_only_for_backward():
    runs = []

    def f(x):
        runs.append(x)
        return x * x

    x = tinynet.tensor([3.0], requires_grad=True)
    with tinynet.no_grad():
        assert not checkpoint(f, x).requires_grad
    y = checkpoint(f, x, use_reentrant=False)
    assert len(runs) == 2
    y.backward(retain_graph=True)
    y.backward()
    assert len(runs) == 3 and x.grad.item() == 12
    with pytest.raises(RuntimeError, match="freed by an earlier"):
        y.backward()


def test_keyword_arguments_go_to_the_function():
    assert checkpoint(F.leaky_relu, tinynet.tensor([-2.0]), negative_slope=0.5).item() == -1


def test_changes_in_between_are_refused():
    layer, x = nn.Linear(2, 2), tinynet.tensor([[1.0, 2.0]])
    y = checkpoint(layer, x).sum()
    x += 1
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()
    x = tinynet.tensor([[1.0, 2.0]], requires_grad=True)
    y = checkpoint(layer, x).sum()
    layer.weight.array += 1
    layer.weight.bump()
    with pytest.raises(RuntimeError, match="LinearBackward: a tensor saved for backward was changed"):
        y.backward()


def test_a_function_that_changes_its_mind_is_refused():
    moods = iter([F.relu, F.silu])
    y = checkpoint(lambda x: next(moods)(x), tinynet.tensor([1.0], requires_grad=True))
    with pytest.raises(RuntimeError, match="did not record the same operators"):
        y.backward()


def blockwise(model, x, save):
    x = F.relu(model.bn1(model.conv1(x)))
    for stage in model.stages:
        for block in getattr(model, stage):
            x = save(block, x)
    return model.head(x)


def peak(save, batch):
    """The most bytes that arrays took at a time in a training step of ResNet-110."""
    model, x = models.resnet110(), images(batch, 3, 32, 32)
    gc.collect()
    tracemalloc.start()
    try:
        blockwise(model, x, save).sum().backward()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_resnet110_takes_a_fraction_of_the_memory():
    blockwise(models.resnet8(), images(2, 3, 32, 32), checkpoint).sum().backward()   # compiles
    before, after = (peak(save, batch=8) for save in (plain, checkpoint))
    print(f"ResNet-110, batch 8: {before / 1e6:.0f} MB, a checkpoint for each block: {after / 1e6:.0f} MB")
    assert after < 0.5 * before


def test_nothing_is_left_behind():
    x, layer = images(64, 64), nn.Linear(64, 64)
    tracemalloc.start()
    try:
        checkpoint(layer, x).sum().backward()
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(20):
            layer.zero_grad()
            checkpoint(lambda x: checkpoint(layer, F.relu(x)), x).sum().backward()
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < 40_000      # one activation has 16 kB
    finally:
        tracemalloc.stop()
