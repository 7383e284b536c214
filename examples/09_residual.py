"""A residual block, and why depth fails without it.

Two networks have 22 layers and the same parameters. A block of the plain network replaces its input,
y = relu(f(x)). A block of the residual network adds to it, y = relu(x + f(x)). In the backward pass, each layer of the
plain network multiplies the gradient by a small factor, until almost nothing reaches the first layer. In the residual
network the addition passes the gradient on unchanged, past every block. (He et al. 2015, "Deep Residual Learning for
Image Recognition".)

Good initial weights and BatchNorm keep the gradient of the plain network large, too. But a deep plain network is still
harder to train than a shallow one, while a residual network gains from depth (section 4 of that paper).
"""

import common

import tinynet
from tinynet import nn, plots
from tinynet.nn import functional as F

args = common.arguments(__doc__, data=True)
train, _ = common.image_sets(args, 4000)
tinynet.set_num_threads(1)             # such small layers are faster on one core than shared out


class Deep(nn.Module):
    """A convolution, 10 blocks of two, and a linear layer: 22 layers."""

    def __init__(self, residual, blocks=10, channels=16):
        super().__init__()
        self.residual = residual
        self.stem = nn.Conv2d(3, channels, 3, stride=4, padding=1)                     # to 8x8, to be quick
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(),
                          nn.Conv2d(channels, channels, 3, padding=1)) for _ in range(blocks))
        self.head = nn.Linear(channels * 8 * 8, 10)

    def forward(self, x):
        x = F.relu(self.stem(x))
        for block in self.blocks:
            x = F.relu(x + block(x)) if self.residual else F.relu(block(x))           # all the difference
        return self.head(x.flatten(1))


def gradient_norms(model, images, labels):
    """{layer: size of its weight's gradient}, from the first layer to the last."""
    model.zero_grad()
    F.cross_entropy(model(images), labels).backward()
    weights = {name: p for name, p in model.named_parameters() if name.endswith("weight")}
    return {name.removesuffix(".weight"): p.grad.square().sum().sqrt().item() for name, p in weights.items()}


runs, losses = {}, {}
for name, residual in (("plain", False), ("residual", True)):
    tinynet.manual_seed(0)                                     # the same initial weights for both
    model = Deep(residual)
    runs[name] = norms = gradient_norms(model, *common.batch(train, 64))
    print(f"{name}: gradient of the first layer {norms['stem']:.0e}, of the last {norms['head']:.0e}")
    losses[name] = common.fit(model, train, epochs=2 if args.quick else 4, lr=0.05)

plots.gradient_norms(runs, args.picture)
last = {name: sum(steps[-10:]) / 10 for name, steps in losses.items()}
print(f"loss after training: plain {last['plain']:.2f}, residual {last['residual']:.2f} (guessing: 2.30); "
      f"picture: {args.picture}")
