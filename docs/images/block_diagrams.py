"""What stands in the diagrams of the blocks. The shapes on the arrows come from running the blocks."""

from diagram import Diagram, Fork

import tinynet
from tinynet import nn
from tinynet.nn import blocks
from tinynet.nn.blocks.inception import GOOGLENET

MAPS = 2, 64, 56, 56
EXCITE = ["mean over H, W -> [N, 64]", "{0}fc.0: linear", "{0}fc.1: ReLU", "{0}fc.2: linear",
          "{0}fc.3: sigmoid", "[N, 64, 1, 1]"]
PROJECTION = ["downsample.0: conv 1×1, stride {0}", "downsample.1: BatchNorm"]


def lane(items, value):
    """The items with `value` in the places {0}."""
    return [item.format(value) for item in items]


# name: (title, the block, input, items, notes)
BLOCKS = {
    "conv_block": (
        "ConvBlock(64, 128, stride=2)", lambda: blocks.ConvBlock(64, 128, stride=2), MAPS,
        ["conv: conv 3×3, stride 2", "norm: BatchNorm", "ReLU"]),
    "depthwise_separable": (
        "DepthwiseSeparableConv(64, 128)", lambda: blocks.DepthwiseSeparableConv(64, 128), MAPS,
        ["depthwise.conv: conv 3×3, each channel by itself", "depthwise.norm: BatchNorm · ReLU",
         "pointwise.conv: conv 1×1", "pointwise.norm: BatchNorm · ReLU"]),
    "grouped_conv": (
        "GroupedConv(64, 128, groups=4)", lambda: blocks.GroupedConv(64, 128, 4), MAPS,
        [Fork("concat", *[["[N, 16, 56, 56]", "conv 3×3 -> [N, 32, 56, 56]"]] * 4, even=True),
         "norm: BatchNorm · ReLU"]),
    "dilated_conv": (
        "DilatedConv(64, 64, dilation=2)", lambda: blocks.DilatedConv(64, 64), MAPS,
        ["conv: conv 3×3, dilation 2", "norm: BatchNorm · ReLU"],
        ["3 weights a row span 5 pixels: w · w · w"]),
    "basic_block": (
        "BasicBlock(64, 128, stride=2)", lambda: blocks.BasicBlock(64, 128, 2), MAPS,
        [Fork("+", ["conv1: conv 3×3, stride 2", "bn1: BatchNorm · ReLU", "conv2: conv 3×3",
                    "bn2: BatchNorm"], lane(PROJECTION, 2)), "ReLU"],
        ["Where the shape stays, the shortcut is x itself."]),
    "bottleneck": (
        "Bottleneck(64, 64)", lambda: blocks.Bottleneck(64, 64), MAPS,
        [Fork("+", ["conv1: conv 1×1", "bn1: BatchNorm · ReLU", "conv2: conv 3×3", "bn2: BatchNorm · ReLU",
                    "conv3: conv 1×1", "bn3: BatchNorm"], lane(PROJECTION, 1)), "ReLU"],
        ["4 · 64 channels come out. A stride belongs", "to the 3×3 convolution and to the shortcut."]),
    "preact_block": (
        "PreActBlock(64, 128, stride=2)", lambda: blocks.PreActBlock(64, 128, 2), MAPS,
        ["bn1: BatchNorm · ReLU",
         Fork("+", ["conv1: conv 3×3, stride 2", "bn2: BatchNorm · ReLU", "conv2: conv 3×3"],
              lane(PROJECTION, 2))],
        ["Where the shape stays, the shortcut is x itself,", "from before the first BatchNorm."]),
    "preact_bottleneck": (
        "PreActBottleneck(256, 64)", lambda: blocks.PreActBottleneck(256, 64), (2, 256, 56, 56),
        [Fork("+", ["bn1: BatchNorm · ReLU", "conv1: conv 1×1", "bn2: BatchNorm · ReLU", "conv2: conv 3×3",
                    "bn3: BatchNorm · ReLU", "conv3: conv 1×1"], [])],
        ["Nothing stands in the way of x."]),
    "se_basic_block": (
        "SEBasicBlock(64, 64)", lambda: blocks.SEBasicBlock(64, 64), MAPS,
        [Fork("+", ["conv1: conv 3×3", "bn1: BatchNorm · ReLU", "conv2: conv 3×3", "bn2: BatchNorm",
                    Fork("×", [], lane(EXCITE, "attention."))], []), "ReLU"]),
    "se_bottleneck": (
        "SEBottleneck(256, 64)", lambda: blocks.SEBottleneck(256, 64), (2, 256, 56, 56),
        [Fork("+", ["conv1: conv 1×1", "bn1: BatchNorm · ReLU", "conv2: conv 3×3", "bn2: BatchNorm · ReLU",
                    "conv3: conv 1×1", "bn3: BatchNorm",
                    Fork("×", [], ["mean over H, W -> [N, 256]", *lane(EXCITE[1:-1], "attention."),
                                   "[N, 256, 1, 1]"])], []), "ReLU"]),
    "residual_block": (
        "ResidualBlock(64, hidden_channels=32)", lambda: blocks.ResidualBlock(64, hidden_channels=32), MAPS,
        [Fork("+", ["conv1: conv 3×3", "bn1: BatchNorm · ReLU", "conv2: conv 3×3", "bn2: BatchNorm"], []),
         "ReLU"]),
    "residual_mlp": (
        "ResidualMLP(64, 128)", lambda: blocks.ResidualMLP(64, 128), (2, 64),
        [Fork("+", ["norm: BatchNorm", "fc1: linear", "ReLU · dropout", "fc2: linear", "dropout"], [])]),
    "shortcut": (
        "make_shortcut(64, 128, stride=2)", lambda: Shortcuts(), MAPS,
        [Fork("the same shape",
              ["A: option A: every 2nd pixel -> [N, 64, 28, 28]", "A: 64 channels of zeros behind"],
              ["B.0: option B: conv 1×1, stride 2", "B.1: BatchNorm"], even=True)],
        ["for option B; option A has nothing to learn.", "Where the shape stays, it is x itself."]),
    "stochastic_depth": (
        "StochasticDepth(0.2)", lambda: blocks.StochasticDepth(0.2), MAPS,
        [Fork("×", [], ["draw for each sample -> [N, 1, 1, 1]"])],
        ["In training: 0 with probability 0.2, else 1 / 0.8.", "In evaluation: x as it is.",
         "It ends the branch of a residual block."]),
    "se_block": (
        "SEBlock(64)", lambda: blocks.SEBlock(64), MAPS, [Fork("×", [], lane(EXCITE, ""))],
        ["The gates, 0 to 1, scale the channels."]),
    "self_attention": (
        "SelfAttention(64)", lambda: blocks.SelfAttention(64), (2, 64, 14, 14),
        [Fork("+", [Fork("softmax(q kᵀ / √64) v -> [N, 196, 64]", ["query: q: conv 1×1", "[N, 196, 64]"],
                         ["key: k: conv 1×1", "[N, 196, 64]"], ["value: v: conv 1×1", "[N, 196, 64]"],
                         even=True),
                    "as maps, times γ -> [N, 64, 14, 14]"], [])],
        ["Every one of the 196 pixels looks at all. γ begins at 0."]),
    "multihead_attention": (
        "MultiheadAttention(64, 4, batch_first=True)", lambda: SelfMultihead(), (2, 10, 64),
        [Fork("softmax(q kᵀ / √16) v -> [N, 4, 10, 16]",
              *([f"{name}: {name}: linear, 4 heads -> [N, 4, 10, 16]"] for name in "qkv"), even=True),
         "heads side by side -> [N, 10, 64]", "attention.out_proj: linear"],
        ["10 places; query, key and value are one tensor here."]),
    "feed_forward": (
        "FeedForward(64, 256)", lambda: blocks.FeedForward(64, 256), (2, 10, 64),
        ["linear1: linear", "ReLU · dropout", "linear2: linear"], ["The same at each of the 10 places."]),
    "transformer_encoder_layer": (
        "TransformerEncoderLayer(64, 4, 256, batch_first=True)",
        lambda: blocks.TransformerEncoderLayer(64, 4, 256, batch_first=True), (2, 10, 64),
        [Fork("+", ["self_attn: multi-head attention", "dropout"], []), "norm1: LayerNorm",
         Fork("+", ["linear1: linear", "ReLU · dropout", "linear2: linear", "dropout"], []),
         "norm2: LayerNorm"],
        ["norm_first=True: each LayerNorm at the head of its branch."]),
    "sinusoidal_positions": (
        "SinusoidalPositions(64)", lambda: blocks.SinusoidalPositions(64), (2, 10, 64),
        [Fork("+", [], ["sines and cosines of places 0 to 9 -> [10, 64]"])],
        ["The same table for every sequence."]),
    "learned_positions": (
        "LearnedPositions(64, max_len=32)", lambda: blocks.LearnedPositions(64, max_len=32), (2, 10, 64),
        [Fork("+", [], ["rows 0 to 9 of the weight -> [10, 64]"])],
        ["32 · 64: a row for each place there can be."]),
    "inception": (
        'Inception(*GOOGLENET["3a"])', lambda: blocks.Inception(*GOOGLENET["3a"]), (2, 192, 28, 28),
        [Fork("concat", ["branch1: conv 1×1"], ["branch3.0: conv 1×1", "branch3.1: conv 3×3"],
              ["branch5.0: conv 1×1", "branch5.1: conv 5×5"], ["pool.0: max-pool 3×3", "pool.1: conv 1×1"],
              even=True)],
        ["Each conv is a ConvBlock, with BatchNorm and ReLU."]),
    "parallel": (
        'Parallel(b0, b1, b2, join="cat")', lambda: blocks.Parallel(*some_branches(), join="cat"), MAPS,
        [Fork("concat", ["0: conv 3×3"], ["1: conv 1×1"], ["2: conv 5×5"], even=True)],
        ['Any modules; join="sum" adds them.']),
    "residual": (
        "Residual(branch, shortcut)", lambda: blocks.Residual(*residual_parts()), MAPS,
        [Fork("+", ["branch: any module"], ["shortcut: any module"])],
        ["Without a shortcut, x itself."]),
}


OF_ANYTHING = {"parallel", "residual"}              # made of modules of the user's choice


class Shortcuts(nn.Module):
    def __init__(self):
        super().__init__()
        self.A, self.B = (blocks.make_shortcut(64, 128, 2, option) for option in "AB")

    def forward(self, x):
        self.A(x)
        return self.B(x)


class SelfMultihead(nn.Module):
    """Attention of a sequence to itself; q, k and v, which are one product, count as one module each."""

    def __init__(self):
        super().__init__()
        self.attention = blocks.MultiheadAttention(64, 4, batch_first=True)
        self.q, self.k, self.v = nn.Identity(), nn.Identity(), nn.Identity()

    def forward(self, x):
        return self.attention(self.q(x), self.k(x), self.v(x))


def some_branches():
    return nn.Conv2d(64, 32, 3, padding=1), nn.Conv2d(64, 64, 1), nn.Conv2d(64, 16, 5, padding=2)


def residual_parts():
    return nn.Conv2d(64, 128, 3, padding=1), nn.Conv2d(64, 128, 1)


def run(module, shape, n="N"):
    """The shapes that the modules give for an input of `shape`: {path: shape}, the output's under ''."""
    shapes = {}

    def keep(path):
        def hook(module, inputs, output):
            output = output[0] if isinstance(output, tuple) else output
            shapes[path] = (n, *output.shape[1:])
        return hook

    for path, part in module.named_modules():
        part.register_forward_hook(keep(path))
    with tinynet.no_grad():
        module(tinynet.zeros(*shape))
    return shapes


def parameters(module):
    return sum(p.numel() for p in module.parameters())


def diagram(name, labels=True):
    """The diagram of a block, checked: the shape at its end is what the block gave."""
    title, make, shape, items, *notes = BLOCKS[name]
    block = make()
    shapes = run(block, shape)
    lines = notes[0] if notes else []
    if name not in OF_ANYTHING:
        lines = [f"{parameters(block):,} parameters", *lines]
    if not labels:
        title, lines = title.split("(")[0], []
    result = Diagram(title, items, ("N", *shape[1:]), shapes, lines, labels)
    end = result.lane.outgoing
    if end != shapes[""]:
        raise ValueError(f"{name}: the diagram ends with {end}, but the block gives {shapes['']}")
    return result
