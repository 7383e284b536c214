"""A complete deep-learning engine, built from nothing but NumPy: values, graph, backward pass, a network that learns.

tinynet is this program, made fast and complete. `examples/README.md` names the file of tinynet for each
part. Two spirals of points wind around each other; the network learns which point lies on which spiral.
"""

import numpy as np


class Value:
    """An array that remembers how it was computed."""

    def __init__(self, array, inputs=(), backward_step=None):
        self.array = np.asarray(array, dtype=float)
        self.grad = np.zeros_like(self.array)          # how much the loss grows when the array grows
        self.inputs = inputs                           # the values it was computed from: the edges of the graph
        self.backward_step = backward_step             # takes the gradient of the output, gives one for each input

    def __add__(self, other):                          # y = a + b: the gradient passes unchanged
        return Value(self.array + other.array, (self, other), lambda dy: (dy, dy))

    def __mul__(self, other):                          # y = a·b: each factor gets dy times the other factor
        return Value(self.array * other.array, (self, other), lambda dy: (dy * other.array, dy * self.array))

    def __matmul__(self, other):                       # Y = A·B: dA = dY·Bᵀ, dB = Aᵀ·dY
        return Value(self.array @ other.array, (self, other), lambda dy: (dy @ other.array.T, self.array.T @ dy))

    def tanh(self):                                    # y = tanh(x): the slope is 1 - y²
        y = np.tanh(self.array)
        return Value(y, (self,), lambda dy: (dy * (1 - y ** 2),))

    def mean(self):                                    # every element has the same share of the mean
        return Value(self.array.mean(), (self,), lambda dy: (dy * np.ones_like(self.array) / self.array.size,))

    def backward(self):
        """Add to `grad` of every value in the graph: the slope of this value with respect to it."""
        self.grad = np.ones_like(self.array)
        for value in reversed(inputs_first(self, set())):     # a value's gradient is complete before it is passed on
            if value.backward_step is not None:
                for x, dx in zip(value.inputs, value.backward_step(value.grad)):
                    x.grad = x.grad + sum_to(dx, x.array.shape)      # added, because paths can meet


def inputs_first(value, seen):
    """All values that `value` was computed from, and itself, each after its inputs and each once."""
    if value in seen:
        return []
    seen.add(value)
    return [v for x in value.inputs for v in inputs_first(x, seen)] + [value]


def sum_to(dx, shape):
    """Undo broadcasting: where NumPy repeated a value, the gradients of all copies are summed."""
    dx = dx.sum(axis=tuple(range(dx.ndim - len(shape))))
    return dx.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True)


rng = np.random.default_rng(0)
radius, spiral = np.sqrt(rng.random(400)), np.repeat([1.0, -1.0], 200)                   # two spirals, 1 and -1
angle = 6 * radius
points = np.stack([spiral * radius * np.cos(angle), spiral * radius * np.sin(angle)], axis=1)
layers = [(Value(rng.normal(size=(m, n)) / np.sqrt(m)), Value(np.zeros(n))) for m, n in ((2, 24), (24, 24), (24, 1))]


def network(x):
    for w, b in layers:
        x = (x @ w + b).tanh()
    return x


for step in range(1501):
    error = network(Value(points)) + Value(-spiral[:, None])
    loss = (error * error).mean()
    loss.backward()
    for parameter in (p for layer in layers for p in layer):
        parameter.array -= 0.3 * parameter.grad        # gradient descent: a small step against the gradient
        parameter.grad = np.zeros_like(parameter.array)
    if step % 500 == 0:
        print(f"step {step:4}: loss {loss.array:.3f}")

plane = np.stack(np.meshgrid(np.linspace(-1, 1, 64), np.linspace(1, -1, 28)), axis=-1)
for row in network(Value(plane.reshape(-1, 2))).array.reshape(28, 64):                  # the answer everywhere
    print("".join("#" if value > 0 else "." for value in row))
correct = (network(Value(points)).array[:, 0] * spiral > 0).mean()
print(f"{100 * correct:.1f} % of the points are classified correctly")
