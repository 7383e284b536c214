"""Vanishing gradients and degradation: bottleneck networks of 20 and 56 layers, plain and residual, on shapes.

A plain block is a Bottleneck without its addition. For each network: the size of the gradient of every 3x3
convolution at the first step and after training, the training loss at the end, and the test accuracy. Without norms
only the first step is looked at. Writes depth.json.
"""

import study

import tinynet
from tinynet import models
from tinynet.nn import functional as F
from tinynet.nn.blocks import Bottleneck
from tinynet.nn.blocks.common import norm_relu

SEEDS, STEPS, BATCH, RATE = 2, 400, 32, 0.05


class Plain(Bottleneck):
    """A Bottleneck whose output is relu(F(x)) alone; the shape may change as it likes."""

    def forward(self, x):
        y = norm_relu(self.bn1, self.conv1(x))
        y = norm_relu(self.bn2, self.conv2(y))
        return norm_relu(self.bn3, self.conv3(y))


def network(block, layers, norm="batch"):
    """Three stages of bottlenecks, 32 channels outside and 8 in the middle: 3 layers a block, and two more."""
    return models.ResNet(block, [(layers - 2) // 9] * 3, [8, 8, 8], "imagenet", 10, norm=norm)


def gradients(model):
    """The size of the gradient of each 3x3 convolution of the blocks, from the first to the last."""
    return [float(f"{p.grad.square().sum().sqrt().item():.4g}")
            for name, p in model.named_parameters() if name.endswith("conv2.weight")]


def main():
    args, rows = study.arguments(__doc__), []
    train, test = study.sets("shapes", args, 6000)
    for kind, block in ("plain", Plain), ("residual", Bottleneck):
        for layers in 20, 56:
            losses, found, first, last = [], [], [], []

            def watch(step, model):
                if step in (0, STEPS - 1):
                    (last if step else first).append(gradients(model))

            for seed in range(1 if args.quick else SEEDS):
                tinynet.manual_seed(seed)
                model = network(block, layers)
                ends = study.fit(model, train, BATCH, 2 if args.quick else STEPS, RATE, seed, watch)[-30:]
                losses.append(sum(ends) / len(ends))
                found.append(study.accuracy(model, test))
            rows.append(study.tell(kind=kind, layers=layers, norm="batch", loss=study.spread(losses),
                                   accuracy=study.spread(found), first=first[0], last=last[0] if last else None))
            tinynet.manual_seed(0)
            model = network(block, layers, "none")
            images, labels = next(iter(study.Loader(train, BATCH, prefetch=0)))
            F.cross_entropy(model(images), labels).backward()
            rows.append(study.tell(kind=kind, layers=layers, norm="none", first=gradients(model)))
    if not args.quick:
        study.write("depth", {"data": "shapes", "steps": STEPS, "batch": BATCH, "rate": RATE,
                              "channels": "32 outside, 8 in the middle"}, rows)


if __name__ == "__main__":
    main()
