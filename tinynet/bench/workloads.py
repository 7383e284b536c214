"""The measured code, as functions of a library: each prepares its data and returns a `Workload`.

The time of `run` is measured. `work()` is the least work of one run, in `unit`: floating-point operations (FLOP) or
bytes to and from memory (B). It is called after the measurement.
"""

from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tinynet.bench import operators
from tinynet.bench.networks import NETWORKS, count_flops, plain

Workload = namedtuple("Workload", "run work unit")


def random_array(*shape):
    return np.asarray(np.random.default_rng(0).standard_normal(shape, np.float32))


def make_network(library, net, batch, fused, form=None):
    """(network, input, function that counts the FLOP of a forward pass). `fused`: tinynet's own network.

    `form` is a method of the library that makes another network of it, in eval mode: "fold" or "quantize".
    """
    model = library.fused_network(net) if fused and NETWORKS[net].model else plain(library.lib, net)
    shape = NETWORKS[net].shape
    x = library.tensor(random_array(batch, *shape))

    def flops():
        was_training = model.training
        with library.inference():
            count = count_flops(model.eval(), library.tensor(random_array(1, *shape)))
        model.train(was_training)
        return batch * count

    changed = getattr(library, form)(model.eval(), x) if form else model
    return library.network(changed), x, flops


def train(library, net, batch, fused=False):
    """One training step: forward, backward (counted as twice the forward), SGD with momentum."""
    model, x, flops = make_network(library, net, batch, fused)
    lib = library.lib
    labels = lib.tensor([i % 10 for i in range(batch)])
    optimizer = lib.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

    def step():
        optimizer.zero_grad()
        loss = lib.nn.functional.cross_entropy(model(x), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return Workload(step, lambda: 3 * flops(), "FLOP")


def infer(library, net, batch, fused=False, form=None):
    """The logits of a batch in eval mode, nothing recorded; the network as trained, or in another `form`."""
    model, x, flops = make_network(library, net, batch, fused, form)
    model.eval()

    def run():
        with library.inference():
            return model(x)

    return Workload(run, flops, "FLOP")


def make_operator(library, name, options):
    """(call, inputs, cost, images): inputs and parameters require gradients, as in the middle of a network."""
    call, shapes, cost, images = operators.OPERATORS[name](library.lib, **options)
    if isinstance(call, library.lib.nn.Module):
        call = library.network(call)
    return call, [library.tensor(random_array(*shape), True, images) for shape in shapes], cost, images


def forward(library, operator, **options):
    """One operator as in training: the graph is recorded, and freed with the output."""
    call, inputs, cost, _ = make_operator(library, operator, options)
    forward_cost, _, unit = cost(inputs[0], call(*inputs))
    return Workload(lambda: call(*inputs), lambda: forward_cost, unit)


def backward(library, operator, **options):
    """The operator's backward alone: one forward, then `backward` through its graph again and again.

    The gradient that comes in is random; `.grad` is emptied before every run, so that nothing is added up.
    """
    call, inputs, cost, images = make_operator(library, operator, options)
    y = call(*inputs)
    dy = library.tensor(random_array(*y.shape), images=images)
    leaves = [*inputs, *(call.parameters() if isinstance(call, library.lib.nn.Module) else ())]
    _, backward_cost, unit = cost(inputs[0], y)

    def run():
        for leaf in leaves:
            leaf.grad = None
        y.backward(dy, retain_graph=True)

    return Workload(run, lambda: backward_cost, unit)


def matmul(library, n=2048):
    """NumPy's float32 matrix product: the machine's peak of arithmetic, as far as a tuned BLAS reaches it."""
    a, b, c = random_array(n, n), random_array(n, n), np.empty((n, n), np.float32)
    return Workload(lambda: np.matmul(a, b, out=c), lambda: 2 * n ** 3, "FLOP")


def copy(library, megabytes=128):
    """A copy too large for the caches, a thread for every part; each byte counts as read and as written."""
    threads = library.threads()
    parts = [np.ones(megabytes * 250_000 // threads, np.float32) for _ in range(threads)]
    targets = [np.zeros_like(part) for part in parts]
    pool = ThreadPoolExecutor(threads)
    moved = 2 * sum(part.nbytes for part in parts)
    return Workload(lambda: list(pool.map(np.copyto, targets, parts)), lambda: moved, "B")


WORKLOADS = {f.__name__: f for f in (train, infer, forward, backward, matmul, copy)}
