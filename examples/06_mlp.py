"""A multi-layer perceptron: with hidden layers, the border between classes can bend.

A straight line cannot separate two spirals. With hidden layers of 32 numbers, each cut off at zero (ReLU), the network
can fold the plane before it draws its line. Without ReLU all layers would be one, since a matrix times a matrix is a
matrix.

New here: `nn.Module` keeps the parameters together, an optimiser makes the steps. All later training runs have the
loop of `train`.
"""

import common
import numpy as np

import tinynet
from tinynet import nn, optim, plots
from tinynet.nn import functional as F

args = common.arguments(__doc__)
tinynet.manual_seed(0)                                                 # the same start for everybody


def spirals(count, rng):
    """Points (2 count, 2) on two arms, and which arm each is on."""
    radius = np.sqrt(rng.random(2 * count))
    arm = np.arange(2 * count) % 2
    angle = 7 * radius + np.pi * arm + 0.15 * rng.standard_normal(2 * count)
    points = 3 * radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    return tinynet.tensor(points.astype(np.float32)), tinynet.tensor(arm)


def train(model, points, arm, steps):
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    for step in range(steps):
        optimizer.zero_grad()                          # forget the last gradients
        loss = F.cross_entropy(model(points), arm)     # forward
        loss.backward()                                # backward
        optimizer.step()                               # one step against the gradient


rng = np.random.default_rng(0)
points, arm = spirals(300, rng)
new_points, new_arm = spirals(300, rng)
models = {"linear": nn.Linear(2, 2),
          "two hidden layers": nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(),
                                             nn.Linear(32, 2))}

# The picture: the answer of each model at every point of the plane.
axis = np.linspace(-3.3, 3.3, 150, dtype=np.float32)
plane = tinynet.tensor(np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2))
fig = plots.figure(9, 4.4)
right = []                                             # the share of new points that each classifies correctly, in %
for axes, (name, model) in zip(fig.subplots(1, 2), models.items()):
    train(model, points, arm, 100 if args.quick else 1000)
    with tinynet.no_grad():
        right.append(100 * (model(new_points).argmax(1) == new_arm).numpy().mean())
        probability = F.softmax(model(plane), 1)[:, 1].reshape(150, 150)
    axes.contourf(axis, axis, probability, levels=np.linspace(0, 1, 11), cmap="RdBu", alpha=0.7)
    axes.scatter(*new_points.numpy().T, c=new_arm, cmap="RdBu", s=8, edgecolors="black", linewidths=0.3)
    axes.set(title=f"{name}: {right[-1]:.1f} %", aspect="equal")
    count = sum(p.numel() for p in model.parameters())
    print(f"{name}: {count} parameters, {right[-1]:.1f} % of new points right")
plots.write(fig, args.picture)
print(f"the layers in between are worth {right[1] - right[0]:.1f} points; picture: {args.picture}")
