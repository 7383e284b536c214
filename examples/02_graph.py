"""The graph and the backward pass: what `backward()` does, done by hand.

While a formula is computed, every operation adds a node to the graph. The node holds the operation, its saved values,
and edges to the nodes that made its inputs. The backward pass starts at the loss with the gradient 1 and visits nodes
from the latest to the earliest. Each one turns the gradient of its output into gradients of its inputs, by
multiplying with its own slope. Where paths meet, gradients add up.
"""

import common
import numpy as np

import tinynet
from tinynet import plots
from tinynet.autograd import Accumulate

args = common.arguments(__doc__)
w = tinynet.tensor(2.0, requires_grad=True)
b = tinynet.tensor(1.0, requires_grad=True)
names = {id(w): "w", id(b): "b"}

y = w * 3.0 + b
loss = y * y * w                       # y is used twice, w in two places


def backward_pass(root):
    """Yield (node, gradient that arrived at it) in the order of the backward pass."""
    arrived = {root: np.array(1.0)}
    while arrived:
        node = max(arrived, key=lambda n: n.number)        # the latest: all that use its output are done
        gradient = arrived.pop(node)
        yield node, gradient
        if isinstance(node, Accumulate):                   # a leaf: nothing lies before it
            continue
        for edge, part in zip(node.edges, node.run([gradient])):
            if edge is not None:                           # None: a constant, such as 3.0
                before, _ = edge                           # _: which of its outputs (Mul and Add have one)
                arrived[before] = arrived.get(before, 0.0) + part


def title(node):
    return names[id(node.leaf)] if isinstance(node, Accumulate) else node.name.removesuffix("Backward")


visits = list(backward_pass(loss.grad_fn))
for node, gradient in visits:
    print(f"{title(node):4} receives {gradient:g}")

by_hand = {title(node): gradient for node, gradient in visits}
loss.backward()

# The picture: every node with the gradient that arrived; the backward pass goes from left to right.
fig = plots.figure(9, 2.4)
axes = fig.add_subplot(xlim=(-0.4, len(visits) - 0.6), ylim=(-0.3, 1))
axes.set_axis_off()
places = {node: place for place, (node, _) in enumerate(visits)}
for node, gradient in visits:
    style = {"boxstyle": "round", "facecolor": "moccasin" if isinstance(node, Accumulate) else "lightblue"}
    axes.text(places[node], 0, f"{title(node)}\n{gradient:g}", ha="center", va="center", bbox=style)
    befores = [before for before, _ in filter(None, node.edges)]
    for i, before in enumerate(befores):
        second = before in befores[:i]                     # y * y: a second edge to the same node, bent down
        bend = 0.5 if second else 0 if places[before] == places[node] + 1 else -0.3
        axes.annotate("", (places[before], 0), (places[node], 0), arrowprops={
            "arrowstyle": "->", "shrinkA": 22, "shrinkB": 22, "color": "tab:red",
            "connectionstyle": f"arc3,rad={bend}"})
plots.write(fig, args.picture)
print(f"by hand: {by_hand['w']:g} and {by_hand['b']:g}; by backward(): {w.grad.item():g} and "
      f"{b.grad.item():g}; picture: {args.picture}")
