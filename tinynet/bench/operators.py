"""The hot operators that are measured one by one, each a function of `lib` that gives an `Operator`."""

from collections import namedtuple

# call: tensors to a tensor; shapes: of its inputs; cost(x, y): work of forward, work of backward, their unit;
# images: whether inputs of four axes are images, which each library has in the order of memory that it likes.
Operator = namedtuple("Operator", "call shapes cost images", defaults=(True,))


def flops(weight):
    """2 operations per output and weight of its filter; backward makes two gradients, of input and weight."""
    def cost(x, y):
        forward = 2 * y.numel() * weight[0].numel()
        return forward, 2 * forward, "FLOP"
    return cost


def memory(forward, backward):
    """(inputs, outputs): how often an array of the input's and of the output's size must pass at least."""
    def cost(x, y):
        def bytes_moved(inputs, outputs):
            return 4 * (inputs * x.numel() + outputs * y.numel())
        return bytes_moved(*forward), bytes_moved(*backward), "B"
    return cost


def conv(lib, channels, out, size, kernel=3, stride=1, groups=1, batch=128):
    layer = lib.nn.Conv2d(channels, out, kernel, stride, padding=kernel // 2, groups=groups, bias=False)
    return Operator(layer, [(batch, channels, size, size)], flops(layer.weight))


def linear(lib, features, out, batch=128):
    layer = lib.nn.Linear(features, out)
    return Operator(layer, [(batch, features)], flops(layer.weight))


NORM = memory(forward=(2, 1), backward=(3, 2))     # x twice, y; then x and dy twice each (sums, then dx), dx


def batch_norm(lib, channels, size, batch=128):
    return Operator(lib.nn.BatchNorm2d(channels), [(batch, channels, size, size)], NORM)


def batch_norm_relu(lib, channels, size, batch=128):
    """tinynet's fused function; elsewhere the two it stands for."""
    fused = lib.__name__ == "tinynet"

    class BatchNormReLU(lib.nn.BatchNorm2d):
        def forward(self, x):
            return super().forward(x, relu=True) if fused else lib.nn.functional.relu(super().forward(x))

    return Operator(BatchNormReLU(channels), [(batch, channels, size, size)], NORM)


def max_pool(lib, channels, size, batch):
    return Operator(lib.nn.MaxPool2d(3, 2, 1), [(batch, channels, size, size)], memory((1, 1), (1, 1)))


def avg_pool(lib, channels, size, batch):
    return Operator(lib.nn.AvgPool2d(2), [(batch, channels, size, size)], memory((1, 1), (1, 1)))


def relu(lib, channels, size, batch=128):
    return Operator(lib.nn.functional.relu, [(batch, channels, size, size)], memory((1, 1), (1, 2)))


def pointwise(function):
    """One element in, one out; backward reads the gradient and what was saved."""
    def operator(lib, channels, size, batch=128):
        return Operator(getattr(lib, function), [(batch, channels, size, size)], memory((1, 1), (1, 2)))
    return operator


sigmoid = pointwise("sigmoid")


def multiply(lib, channels, size, batch=128):
    shape = (batch, channels, size, size)
    return Operator(lambda a, b: a * b, [shape, shape], memory((2, 1), (4, 1)))


def mean(lib, channels, size, batch=128):
    """Over H and W, as before a classifier."""
    return Operator(lambda x: x.mean((2, 3)), [(batch, channels, size, size)], memory((1, 1), (1, 1)))


def by_rows(function, shapes_of=lambda rows, features: [(rows, features)]):
    def operator(lib, rows, features, batch=1):
        return Operator(lambda *xs: function(lib, *xs), shapes_of(batch * rows, features), memory((1, 1), (1, 2)))
    return operator


gelu = by_rows(lambda lib, x: lib.nn.functional.gelu(x))
softmax = by_rows(lambda lib, x: lib.nn.functional.softmax(x, -1))
layer_norm = by_rows(lambda lib, x, w, b: lib.nn.functional.layer_norm(x, (x.shape[-1],), w, b),
                     lambda rows, features: [(rows, features), (features,), (features,)])


def attention(lib, heads, tokens, features, batch=16):
    def cost(x, y):
        products = 4 * tokens * x.numel()          # q·k and p·v, 2 operations each
        return products, 2.5 * products, "FLOP"
    shape = (batch, heads, tokens, features)
    return Operator(lib.nn.functional.scaled_dot_product_attention, [shape] * 3, cost, images=False)


def add(lib, channels, size, batch=128):
    """The residual sum of two activations; its backward hands the same gradient to both."""
    shape = (batch, channels, size, size)
    return Operator(lambda a, b: a + b, [shape, shape], memory((2, 1), (2, 1)))


def cross_entropy(lib, classes, batch=128):
    labels = lib.tensor([7 * i % classes for i in range(batch)])
    loss = lib.nn.functional.cross_entropy
    return Operator(lambda x: loss(x, labels), [(batch, classes)], memory((1, 0), (2, 0)))


OPERATORS = {
    "conv": conv, "linear": linear, "batch_norm": batch_norm, "batch_norm_relu": batch_norm_relu, "max_pool": max_pool,
    "avg_pool": avg_pool, "relu": relu, "sigmoid": sigmoid, "add": add, "multiply": multiply, "mean": mean,
    "gelu": gelu, "softmax": softmax, "layer_norm": layer_norm, "attention": attention, "cross_entropy": cross_entropy}
