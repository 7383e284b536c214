"""Squeeze-excitation gates watched: a network that chooses channels for each image.

A convolution treats all images alike. Squeeze-excitation first takes the mean of every channel over the whole map
(squeeze). Two small linear layers and a sigmoid (excitation) compute from it a gate from 0 to 1 for each channel, which
scales the map. So each image chooses the channels that matter for it. (Hu, Shen & Sun 2018, "Squeeze-and-Excitation
Networks".)
"""

import common
import numpy as np

import tinynet
from tinynet import plots
from tinynet.nn.blocks.attention import watch_gates

args = common.arguments(__doc__, data=True)
train, test = common.image_sets(args, 4000, 1000)
tinynet.manual_seed(0)

# A ResNet-8 from a description; every residual branch ends with an SEBlock.
model = tinynet.models.build({"stem": "cifar", "blocks": [1, 1, 1], "channels": [16, 32, 64],
                              "attention": "se", "reduction": 4, "head": {"num_classes": 10}})
images, labels = common.batch(test, len(test))


@tinynet.no_grad()
def gates_of(model):
    """{block: gates (N, C)} for the test images."""
    model.eval()
    with watch_gates(model) as records:
        model(images)
    model.train()
    return {path.removesuffix(".attention"): np.concatenate(passes) for path, passes in records.items()}


before = gates_of(model)
common.fit(model, train, epochs=1 if args.quick else 4)
after = gates_of(model)
for block in after:
    print(f"{block}: gates from {before[block].min():.2f} to {before[block].max():.2f} before training, "
          f"from {after[block].min():.2f} to {after[block].max():.2f} after")


def by_class(gates):
    """The mean gates of each class, (classes, C)."""
    return np.stack([gates[labels.numpy() == i].mean(0) for i in range(10)])


# Which gate of the last block depends most on the class?
means = by_class(after["layer3.0"])
channel = np.ptp(means, 0).argmax()
most, least = means[:, channel].argmax(), means[:, channel].argmin()
print(f"channel {channel} of layer3.0 opens to {means[most, channel]:.2f} for {test.classes[most]}, "
      f"to {means[least, channel]:.2f} for {test.classes[least]}")

# The picture: for every block the mean gate of each channel, and its range over the test images.
plots.gates(after, args.picture)
spread = [by_class(gates["layer3.0"]).std(0).mean() for gates in (before, after)]
print(f"spread of a gate between classes: {spread[0]:.3f} before training, {spread[1]:.3f} after; "
      f"picture: {args.picture}")
