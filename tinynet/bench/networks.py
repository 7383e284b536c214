"""The measured networks in plain, unfused code, written once for tinynet and PyTorch.

`lib` is either library. This is how a user of `nn` writes a ResNet; names of modules are torchvision's, as in
`tinynet.models`, so that one network's weights fit the other (a test feeds both the same and compares).
"""


def plain_resnet(lib, name):
    """The plain twin of `tinynet.models.NAME`: "resnet20" and its CIFAR family (option A), or "resnet18"."""
    if name == "resnet18":
        return make_resnet(lib, [2, 2, 2, 2], [64, 128, 256, 512], small_images=False, num_classes=1000)
    blocks = (int(name.removeprefix("resnet")) - 2) // 6
    return make_resnet(lib, [blocks] * 3, [16, 32, 64], small_images=True, num_classes=10)


def make_resnet(lib, depths, widths, small_images, num_classes):
    """He et al. 2015: small images get a 3x3 stem and padded shortcuts, others a 7x7 stem and projections."""
    nn, F = lib.nn, lib.nn.functional
    Block = make_block(lib, pad_shortcut if small_images else projection)

    def stage(depth, channels, width):
        first = Block(channels, width, stride=1 if channels == width else 2)
        return nn.Sequential(first, *(Block(width, width, stride=1) for _ in range(depth - 1)))

    class ResNet(nn.Module):
        def __init__(self):
            super().__init__()
            kernel, stride, padding = (3, 1, 1) if small_images else (7, 2, 3)
            self.conv1 = nn.Conv2d(3, widths[0], kernel, stride, padding, bias=False)
            self.bn1 = nn.BatchNorm2d(widths[0])
            for i, (depth, channels, width) in enumerate(zip(depths, [widths[0], *widths], widths)):
                setattr(self, f"layer{i + 1}", stage(depth, channels, width))
            self.fc = nn.Linear(widths[-1], num_classes)

        def forward(self, x):
            x = F.relu(self.bn1(self.conv1(x)))
            if not small_images:
                x = F.max_pool2d(x, 3, stride=2, padding=1)
            for i in range(len(depths)):
                x = getattr(self, f"layer{i + 1}")(x)
            return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))

    return ResNet()


def make_block(lib, make_shortcut):
    """The class of the residual block of two 3x3 convolutions."""
    nn, F = lib.nn, lib.nn.functional

    class Block(nn.Module):
        def __init__(self, channels, width, stride):
            super().__init__()
            self.conv1 = nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(width)
            self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(width)
            self.downsample = nn.Identity() if channels == width else make_shortcut(lib, channels, width)

        def forward(self, x):
            y = F.relu(self.bn1(self.conv1(x)))
            y = self.bn2(self.conv2(y))
            return F.relu(y + self.downsample(x))

    return Block


def pad_shortcut(lib, channels, width):
    """Option A: every second pixel, zeros for the missing channels."""

    class PadShortcut(lib.nn.Module):
        def forward(self, x):
            return lib.nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, width - channels))

    return PadShortcut()


def projection(lib, channels, width):
    """Option B: a 1x1 convolution with stride 2."""
    nn = lib.nn
    return nn.Sequential(nn.Conv2d(channels, width, 1, stride=2, bias=False), nn.BatchNorm2d(width))


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
