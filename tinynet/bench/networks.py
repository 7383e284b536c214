"""The measured networks in plain, unfused code, written once for tinynet and PyTorch.

`lib` is either library. This is how a user of `nn` writes a network; names of modules are torchvision's, as in
`tinynet.models`, so that one network's weights fit the other (a test feeds both the same and compares).
"""

from collections import namedtuple

# make(lib): the network; shape: of one input; classes: of its scores; model: the name and the options of tinynet's own
Network = namedtuple("Network", "make shape classes model", defaults=(None,))
CIFAR, IMAGENET = (3, 32, 32), (3, 224, 224)


def small_resnet(depth, widths=(16, 32, 64), model=None, **options):
    """He et al. 2015, "Deep Residual Learning", section 4.2, with option A shortcuts."""
    return Network(lambda lib: make_resnet(lib, [(depth - 2) // 6] * 3, widths, True, 10, **options), CIFAR, 10,
                   model or (f"resnet{depth}", {}))


def large_resnet(depths, name, **options):
    """He et al. 2015, "Deep Residual Learning", section 4.1, with projections."""
    return Network(lambda lib: make_resnet(lib, depths, (64, 128, 256, 512), False, 1000, **options), IMAGENET, 1000,
                   (name, {}))


def make_resnet(lib, depths, widths, small_images, num_classes, **options):
    """A 3x3 stem and padded shortcuts for small images, else a 7x7 stem and projections; options of `make_block`."""
    nn, F = lib.nn, lib.nn.functional
    Block = make_block(lib, pad_shortcut if small_images else projection, **options)

    def stage(depth, channels, width, stride):
        first = Block(channels, width, stride)
        return nn.Sequential(first, *(Block(width * Block.expansion, width, stride=1) for _ in range(depth - 1)))

    class ResNet(nn.Module):
        def __init__(self):
            super().__init__()
            kernel, stride, padding = (3, 1, 1) if small_images else (7, 2, 3)
            self.conv1 = nn.Conv2d(3, widths[0], kernel, stride, padding, bias=False)
            self.bn1 = nn.BatchNorm2d(widths[0])
            channels = widths[0]
            for i, (depth, width) in enumerate(zip(depths, widths)):
                setattr(self, f"layer{i + 1}", stage(depth, channels, width, stride=1 if i == 0 else 2))
                channels = width * Block.expansion
            self.fc = nn.Linear(channels, num_classes)

        def forward(self, x):
            x = F.relu(self.bn1(self.conv1(x)))
            if not small_images:
                x = F.max_pool2d(x, 3, stride=2, padding=1)
            for i in range(len(depths)):
                x = getattr(self, f"layer{i + 1}")(x)
            return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))

    return ResNet()


def make_block(lib, make_shortcut, bottleneck=False, groups=1, base_width=64, excite=False):
    """The class of the residual block: two 3x3 convolutions, or 1x1, 3x3 in groups, 1x1; `excite` adds a gate (SE)."""
    nn, F = lib.nn, lib.nn.functional

    def convolutions(channels, width, stride):
        """(in, out, kernel, stride, groups) of each."""
        if not bottleneck:
            return (channels, width, 3, stride, 1), (width, width, 3, 1, 1)
        inner = width * base_width // 64 * groups
        return (channels, inner, 1, 1, 1), (inner, inner, 3, stride, groups), (inner, 4 * width, 1, 1, 1)

    class Block(nn.Module):
        expansion = 4 if bottleneck else 1

        def __init__(self, channels, width, stride):
            super().__init__()
            made = convolutions(channels, width, stride)
            self.last, out = len(made), width * self.expansion
            for i, (c, k, kernel, step, parts) in enumerate(made, 1):
                setattr(self, f"conv{i}", nn.Conv2d(c, k, kernel, step, kernel // 2, groups=parts, bias=False))
                setattr(self, f"bn{i}", nn.BatchNorm2d(k))
            self.attention = gate(lib, out) if excite else nn.Identity()
            same = channels == out and stride == 1
            self.downsample = nn.Identity() if same else make_shortcut(lib, channels, out, stride)

        def forward(self, x):
            y = x
            for i in range(1, self.last + 1):
                y = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(y))
                y = F.relu(y) if i < self.last else y
            return F.relu(self.attention(y) + self.downsample(x))

    return Block


def gate(lib, channels):
    """Squeeze-and-excitation (Hu, Shen & Sun 2018): two linear layers make each channel's scale from all means."""
    nn = lib.nn
    inner = channels // min(16, channels)

    class Gate(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Sequential(nn.Linear(channels, inner, bias=False), nn.ReLU(),
                                    nn.Linear(inner, channels, bias=False), nn.Sigmoid())

        def forward(self, x):
            return x * self.fc(x.mean((2, 3)))[:, :, None, None]

    return Gate()


def pad_shortcut(lib, channels, width, stride):
    """Option A: every second pixel, zeros for the missing channels."""

    class PadShortcut(lib.nn.Module):
        def forward(self, x):
            return lib.nn.functional.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, 0, width - channels))

    return PadShortcut()


def projection(lib, channels, width, stride):
    """Option B: a 1x1 convolution."""
    nn = lib.nn
    return nn.Sequential(nn.Conv2d(channels, width, 1, stride=stride, bias=False), nn.BatchNorm2d(width))


def separable(lib):
    """Depthwise separable convolutions (Howard et al. 2017): 3x3 in each channel, then 1x1 across channels."""
    nn = lib.nn

    def step(channels, width, stride):
        return [nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False), nn.BatchNorm2d(channels),
                nn.ReLU(), nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]

    return nn.Sequential(nn.Conv2d(3, 32, 3, 1, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
                         *step(32, 64, 1), *step(64, 128, 2), *step(128, 128, 1),
                         *step(128, 256, 2), *step(256, 256, 1),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 10))


def airbench(lib):
    """A fixed 2x2 convolution, then three blocks of two convolutions with BatchNorm and GELU (Jordan 2024)."""
    nn, F = lib.nn, lib.nn.functional

    def norm(channels):
        layer = nn.BatchNorm2d(channels, eps=1e-12, momentum=0.4)
        layer.weight.requires_grad = False
        return layer

    class Block(nn.Module):
        def __init__(self, channels, width):
            super().__init__()
            self.conv1, self.norm1 = nn.Conv2d(channels, width, 3, padding=1, bias=False), norm(width)
            self.conv2, self.norm2 = nn.Conv2d(width, width, 3, padding=1, bias=False), norm(width)

        def forward(self, x):
            x = F.gelu(self.norm1(F.max_pool2d(self.conv1(x), 2)))
            return F.gelu(self.norm2(self.conv2(x)))

    class Airbench(nn.Module):
        def __init__(self):
            super().__init__()
            self.whitening = nn.Conv2d(3, 24, 2)
            self.whitening.weight.requires_grad = False
            self.blocks = nn.Sequential(Block(24, 64), Block(64, 256), Block(256, 256))
            self.fc = nn.Linear(256, 10, bias=False)

        def forward(self, x):
            x = self.blocks(F.gelu(self.whitening(x)))
            return self.fc(F.max_pool2d(x, 3).flatten(1)) / 9

    return Airbench()


def perceptron(lib):
    nn = lib.nn
    return nn.Sequential(nn.Flatten(), nn.Linear(3072, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(),
                         nn.Linear(512, 10))


def transformer(lib):
    """Four encoder layers of 128 channels and four heads, with GELU (Vaswani et al. 2017)."""
    nn = lib.nn

    class Transformer(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList(nn.TransformerEncoderLayer(128, 4, 512, dropout=0.0, activation="gelu",
                                                                   batch_first=True) for _ in range(4))
            self.fc = nn.Linear(128, 10)

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
            return self.fc(x.mean(1))

    return Transformer()


NETWORKS = {
    "resnet8": small_resnet(8), "resnet20": small_resnet(20), "resnet32": small_resnet(32),
    "resnet44": small_resnet(44), "resnet56": small_resnet(56), "resnet110": small_resnet(110),
    "se_resnet20": small_resnet(20, model=("se_resnet20", {}), excite=True),
    "wide_resnet20": small_resnet(20, (64, 128, 256), ("resnet", {"depths": [3] * 3, "widths": [64, 128, 256]})),
    "resnet18": large_resnet([2, 2, 2, 2], "resnet18"),
    "resnet50": large_resnet([3, 4, 6, 3], "resnet50", bottleneck=True),
    "resnext50": large_resnet([3, 4, 6, 3], "resnext50_32x4d", bottleneck=True, groups=32, base_width=4),
    "airbench94": Network(airbench, CIFAR, 10, ("airbench94", {})),
    "separable": Network(separable, CIFAR, 10),
    "perceptron": Network(perceptron, CIFAR, 10),
    "transformer": Network(transformer, (128, 128), 10),
}


def plain(lib, name):
    """The network `name` in unfused code of `lib`."""
    return NETWORKS[name].make(lib)


def count_flops(model, x):
    """Floating-point operations of `model(x)` in convolutions and linear layers (others hardly count)."""
    total = 0

    def count(module, inputs, y):
        nonlocal total
        total += 2 * y.numel() * module.weight[0].numel()      # each output sums products over one filter

    layers = [m for m in model.modules() if type(m).__name__ in ("Conv2d", "Linear")]
    handles = [layer.register_forward_hook(count) for layer in layers]
    model(x)
    for handle in handles:
        handle.remove()
    return total
