"""backward_pass: go through a recorded graph from its end to its beginning, and add where paths meet.

    nodes[0] is x. Every other node was computed from earlier nodes:
    nodes[i] = f(nodes[j], nodes[k], ...)
    inputs[i] = [(j, ∂nodes[i]/∂nodes[j]), (k, ∂nodes[i]/∂nodes[k]), ...]

The forward pass has recorded, for every node, which nodes it was computed from, and the slope with respect to
each of them. Everything is element by element, so that a slope is an array of x's shape. The last node is the
result y, and dy is its gradient. What is missing is the backward pass: the gradient of x.

Shapes: x, y, dy, dx and every slope (N,). `inputs` has a list of pairs for each node; that of x is empty.

Hints
  1. Keep a list of gradients, one for each node: dy for the last one, zeros for all others.
  2. A node may send its gradient on when all of it has arrived. The nodes that use it have larger numbers.
  3. A node gets a gradient from each of its uses. Do not write into dy.

Fill the part marked TODO, then: tinynet exercise backward_pass --check FILE
"""

import numpy as np

from tinynet.autograd import Function


class Graph(Function):
    """y = steps(x): each step (name, i, j) multiplies or adds two nodes, or takes the tanh of one."""

    @staticmethod
    def forward(ctx, x, steps):
        nodes, inputs = [x], [[]]
        for name, *used in steps:
            a, b = nodes[used[0]], nodes[used[-1]]
            if name == "mul":
                y, slopes = a * b, [b, a]
            elif name == "add":
                y, slopes = a + b, [np.ones_like(a), np.ones_like(b)]
            else:
                y = np.tanh(a)
                slopes = [1 - y * y]
            nodes.append(y)
            inputs.append(list(zip(used, slopes)))
        ctx.recorded = inputs
        return nodes[-1]

    @staticmethod
    def backward(ctx, dy):
        inputs = ctx.recorded
        # TODO: return dx, the gradient of node 0
        gradients = [np.zeros_like(dy) for _ in inputs[:-1]] + [dy]
        for i in reversed(range(len(inputs))):
            for j, slope in inputs[i]:
                gradients[j] = gradients[j] + gradients[i] * slope
        return gradients[0]
        # END


# CHECK

from tinynet.inspect.gradcheck import distinct


def cases(rng):
    yield distinct((4,), rng), [("tanh", 0), ("mul", 0, 1)]                                # x tanh(x)
    yield distinct((3,), rng), [("tanh", 0), ("add", 0, 1), ("mul", 2, 1), ("mul", 3, 2)]  # a fork, used again


GIVEN = """
gradients = [np.zeros_like(dy) for _ in inputs[:-1]] + [dy]
for i in {order}:
    for j, slope in inputs[i]:
        gradients[j] = {sent}
return gradients[0]
"""
DOWN, SENT = "reversed(range(len(inputs)))", "gradients[j] + gradients[i] * slope"
MISTAKES = {
    "the last gradient that arrives replaces the others; where paths meet, gradients are added":
        GIVEN.format(order=DOWN, sent="gradients[i] * slope"),
    "nodes handed their gradients on before all of these had arrived: go from the last node to the first":
        GIVEN.format(order="range(len(inputs))", sent=SENT),
    "the slopes are missing: what a node sends is its own gradient times the slope":
        GIVEN.format(order=DOWN, sent="gradients[j] + gradients[i]"),
    "the gradients are missing: what a node sends is the slope times its own gradient":
        GIVEN.format(order=DOWN, sent="gradients[j] + slope"),
}
