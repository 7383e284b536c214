"""Transfer learning: a network that was trained on photographs learns shapes from 500 images.

`tinynet.models.resnet20(weights="cifar10")` comes with weights that were trained on 50,000 photographs
of ten kinds of animals and vehicles. Its last layer scores those ten classes and is of no use here. But the
edges, corners and textures that the other layers have learned to detect are in every image. So keep
these layers unchanged (frozen), and train a new last layer. The same network with random weights shows how much the
photographs help.
"""

import common

import tinynet
from tinynet import data, nn, plots
from tinynet.train import evaluate

args = common.arguments(__doc__)
train, test = common.image_sets(args, 500, 1000)


def with_new_head(weights):
    """The three lines: a body that has learned, frozen, and a head that has everything to learn."""
    model = tinynet.models.resnet20(weights=weights)
    model.requires_grad_(False)
    model.fc = nn.Linear(64, len(train.classes))
    return model


fig = plots.figure(6, 3.6)
axes = fig.add_subplot(xlabel="step", ylabel="loss on shapes")
accuracy = {}
for name, weights in (("random body", None), ("body from photographs", "cifar10")):
    tinynet.manual_seed(0)
    model = with_new_head(weights)
    # In training mode BatchNorm measures the new images; its weights, too, stay as they were.
    losses = common.fit(model, train, epochs=4 if args.quick else 12, lr=0.05)
    accuracy[name] = 100 * evaluate(model, data.Loader(test, 100, shuffle=False)).accuracy
    axes.plot(losses, label=f"{name}: {accuracy[name]:.1f} % right")
    learned = sum(p.numel() for p in model.parameters() if p.requires_grad)
    print(f"{name}: {learned} of {sum(p.numel() for p in model.parameters()):,} parameters trained, "
          f"test accuracy {accuracy[name]:.1f} %")

fig.legend(loc="outside upper center")
plots.write(fig, args.picture)
gain = accuracy["body from photographs"] - accuracy["random body"]
print(f"the photographs were worth {gain:.1f} points; picture: {args.picture}")
