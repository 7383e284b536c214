"""tinynet.graph: boxes, arrows and places; explain_missing_gradients: every reason."""

import itertools

import numpy as np
import pytest

import tinynet
from tinynet import models, nn
from tinynet.autograd import Function
from tinynet.cli import main
from tinynet.inspect.drawing import route
from tinynet.inspect.placing import arrange, distance, size
from tinynet.inspect.subject import find
from tinynet.nn import functional as F
from tinynet.nn.blocks import BasicBlock, MultiheadAttention, SEBlock
from tinynet.tensor import Tensor


def titles(graph):
    return [box.lines[0] for box in graph.boxes]


def test_a_block_operator_by_operator():
    graph = tinynet.graph(BasicBlock(4, 8, stride=2), (4, 6, 6))
    assert titles(graph) == ["input", "Conv2d", "BatchNorm + ReLU", "Conv2d", "Conv2d", "BatchNorm",
                             "BatchNorm + shortcut + ReLU"]
    source, conv1, bn1, conv2, *_, shortcut, end = graph.boxes
    assert source.kind == "input" and source.lines == ["input", "(1, 4, 6, 6)"]
    assert conv1.lines[1:] == ["conv1", "→ (1, 8, 3, 3)", "weight (8, 4, 3, 3)", "saves input (576 B)"]
    assert bn1.lines[-1] == "saves input, output, 2 × (8,) (704 B)" and bn1.above == [conv1]
    assert set(end.above) == {conv2, shortcut}
    assert str(graph).startswith("  0  input; (1, 4, 6, 6)  <- -\n  1  Conv2d")


BLOCKS = {"basic": (lambda: BasicBlock(4, 8, 2), (4, 8, 8)),
          "basic of equal shapes": (lambda: BasicBlock(4, 4, norm="group"), (4, 8, 8)),
          "basic with attention": (lambda: BasicBlock(4, 8, 2, attention="se"), (4, 8, 8)),
          "squeeze and excitation": (lambda: SEBlock(64), (64, 4, 4)),
          "resnet8": (models.resnet8, (3, 32, 32))}


@pytest.mark.parametrize("name", BLOCKS)
def test_every_arrow_ends_in_a_head(name):
    """A head points along the last piece of its line, which therefore has a length."""
    make, shape = BLOCKS[name]
    _, arrows = arrange(tinynet.graph(make(), shape).boxes)
    for arrow in arrows:
        vertices, codes = route(arrow)
        assert len(vertices) == len(codes)
        x, y = np.subtract(vertices[-1], vertices[-2])
        assert x == 0 and y < -0.01, vertices


@pytest.mark.parametrize("text, kind, shape", [
    ("TransformerEncoder(TransformerEncoderLayer(32, 4, 64), 2)", "TransformerEncoder", "10,32"),
    ("Residual(ConvBlock(8, 8), shortcut=ConvBlock(8, 8, 1, activation='none'))", "Residual", "8,4,4"),
    ("Sequential(Conv2d(3, 8, 3), ReLU())", "Sequential", "3,8,8"),
    ("Parallel([ConvBlock(8, 4), ConvBlock(8, 4, 1)], join='cat')", "Parallel", "8,4,4"),
    ("Parallel({'near': ConvBlock(8, 4), 'far': DilatedConv(8, 4, dilation=2)})", "Parallel", "8,4,4"),
    ("Inception(8, 4, (4, 4), (4, 4), 4)", "Inception", "8,4,4")], ids=lambda value: value.partition("(")[0])
def test_blocks_may_be_arguments_of_blocks(text, kind, shape, tmp_path, capsys):
    assert type(find(text, shape)[0]).__name__ == kind
    assert main(["graph", text, "--input", shape, "--out", str(tmp_path / "block.svg")]) == 0
    assert "boxes" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["Residual(ConvBlock(8, 8)", "Residual(open('x'))", "Residual(8 .real)", "(8, 8)",
                                  "Residual(ConvBlock.x(8))", "Parallel({**{}})"])
def test_other_arguments_are_refused(text):
    with pytest.raises(ValueError, match="expected a block with plain arguments|unknown block 'open'"):
        find(text, "8,4,4")


def test_a_network_is_folded_into_modules():
    graph = tinynet.graph(models.resnet20(), (3, 32, 32))
    blocks = [f"layer{i}.{j}" for i in (1, 2, 3) for j in range(3)]
    assert titles(graph) == ["input", "Conv2d", "BatchNorm + ReLU", *blocks, "AdaptiveAvgPool2d", "Reshape",
                             "Linear"]
    assert graph.boxes[3].lines[1:4] == ["BasicBlock, 4 operators", "→ (1, 16, 32, 32)", "4,672 parameters"]
    stages = tinynet.graph(models.resnet8(), (3, 32, 32), depth=1)
    assert titles(stages)[3:6] == ["layer1", "layer2", "layer3"]
    assert titles(tinynet.graph(models.resnet8(), (3, 32, 32), depth=0)) == ["input", "the whole"]


def test_a_module_used_twice_is_two_boxes():
    block = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    graph = tinynet.graph(nn.Sequential(block, nn.Sigmoid(), block), (4,), depth=1)
    assert titles(graph) == ["input", "0", "Sigmoid", "0"] and len(graph.boxes) == 4
    assert [len(box.above) for box in graph.boxes] == [0, 1, 1, 1]


@pytest.mark.parametrize("model, size_", [
    (models.resnet20(), (3, 32, 32)), (models.googlenet(), (3, 64, 64)), (SEBlock(16), (16, 4, 4)),
    (BasicBlock(4, 8, 2), (4, 6, 6))], ids=["resnet20", "googlenet", "se", "basic"])
def test_arrows_point_down_and_boxes_do_not_overlap(model, size_):
    boxes, arrows = arrange(tinynet.graph(model, size_).boxes)
    for arrow in arrows:
        assert all(upper.y - size(upper)[1] / 2 > lower.y + size(lower)[1] / 2
                   for upper, lower in zip(arrow, arrow[1:]))
    items = {*boxes, *(item for arrow in arrows for item in arrow)}
    for item, other in itertools.combinations(items, 2):
        other_row = abs(item.y - other.y) >= (size(item)[1] + size(other)[1]) / 2
        assert other_row or abs(item.x - other.x) >= distance(item, other) - 1e-6


def test_constants_and_several_inputs():
    x, y = (Tensor(np.ones((1, 3, 8), np.float32), requires_grad=True) for _ in range(2))
    graph = tinynet.graph(MultiheadAttention(8, 2, batch_first=True), (x, y, y))
    assert titles(graph).count("input") == 2
    with pytest.raises(ValueError, match="nothing was recorded"):
        tinynet.graph(nn.ReLU(), tinynet.ones(2))
    with pytest.raises(ValueError, match="depth of at least 0, got -1"):
        tinynet.graph(nn.ReLU(), (2,), depth=-1)


def test_command(tmp_path, capsys):
    for name, beginning in ("block.svg", b"<?xml"), ("block.png", b"\x89PNG"):
        assert main(["graph", "resnet8:layer2.0", "--out", str(tmp_path / name)]) == 0
        assert (tmp_path / name).read_bytes().startswith(beginning)
    assert "6 boxes" in capsys.readouterr().out
    assert main(["graph", "SEBlock(16)", "--input", "16,4,4", "--out", str(tmp_path / "se.gif")]) == 1
    assert main(["graph", "resnet8:layer2.0.attention"]) == 1


# Missing gradients ------------------------------------------------------------------------------------------


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        for name in ("used", "frozen", "idle", "silent", "cut"):
            self.add_module(name, nn.Linear(2, 2, bias=False))
        self.frozen.requires_grad_(False)

    def forward(self, x):
        with tinynet.no_grad():
            x = x + self.silent(x)
        return self.used(x) + self.frozen(x) + self.cut(x).detach()


def test_every_missing_gradient_has_its_reason():
    model = Net()
    loss = model(tinynet.ones(1, 2)).sum()
    before = tinynet.explain_missing_gradients(model, loss)
    assert "backward() was not called" in before["used.weight"]
    loss.backward()
    reasons = tinynet.explain_missing_gradients(model, loss)
    assert list(reasons) == ["frozen.weight", "idle.weight", "silent.weight", "cut.weight"]
    assert reasons["frozen.weight"] == "requires_grad is False"
    assert "not reached from the loss: no recorded operator has used it" in reasons["idle.weight"]
    assert reasons["silent.weight"] == reasons["idle.weight"]
    assert "or were detached" in reasons["cut.weight"]


def test_losses_without_a_graph_and_complete_ones():
    model = nn.Linear(2, 2)
    with tinynet.no_grad():
        loss = model(tinynet.ones(1, 2)).sum()
    assert "the loss has no graph" in tinynet.explain_missing_gradients(model, loss)["weight"]
    loss = F.cross_entropy(model(tinynet.ones(1, 2)), tinynet.tensor([0]))
    loss.backward()
    assert tinynet.explain_missing_gradients(model, loss) == {}
    with pytest.raises(TypeError, match="expected the loss as a tensor, got float"):
        tinynet.explain_missing_gradients(model, 1.5)


def test_an_operator_that_returns_no_gradient():
    class Half(Function):
        @staticmethod
        def forward(ctx, x, w):
            return x * w

        @staticmethod
        def backward(ctx, dy):
            return dy, None

    del Function.registry["Half"]
    model = nn.Sequential(nn.Linear(2, 2))
    model.scale = nn.Parameter(np.ones(2, np.float32))
    loss = Half.apply(model(tinynet.ones(1, 2)), model.scale).sum()
    loss.backward()
    assert tinynet.explain_missing_gradients(model, loss) == {
        "scale": "reached from the loss, but HalfBackward returned no gradient for it"}
