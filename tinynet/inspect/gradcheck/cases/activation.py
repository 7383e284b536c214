"""Cases for activation functions and dropout."""

from tinynet.inspect.gradcheck.cases.case import case, functional
from tinynet.inspect.gradcheck.differences import distinct

functional("relu", lambda F, x: F.relu(x), (3, 4))
functional("relu in place", lambda F, x: F.relu(x * 1, inplace=True), (3, 4))
functional("leaky_relu", lambda F, x, **o: F.leaky_relu(x, **o), (3, 4), negative_slope=[0.2])
functional("gelu", lambda F, x, **o: F.gelu(x, **o), (3, 4), approximate=["tanh"])
functional("silu", lambda F, x: F.silu(x), (3, 4))


def dropout(lib, x, p=0.4):
    lib.manual_seed(0)
    return lib.nn.functional.dropout(x, p)


# the two libraries draw different masks: compare with the one that tinynet drew
case("dropout", dropout, (4, 5), reference=lambda lib, x, p=0.4: x * dropout_scale(x.shape, p), p=[0.7])


def dropout_scale(shape, p):
    import tinynet
    import torch
    return torch.from_numpy(dropout(tinynet, tinynet.ones(*shape, dtype=tinynet.float64), p).array.copy())

# By value and slope: at both sides of every corner.
ACROSS = (lambda rng: distinct((6, 8), rng) * 8 + 0.003)
functional("hardtanh", lambda F, x: F.hardtanh(x, -1.1, 0.7), ACROSS)
functional("relu6", lambda F, x: F.relu6(x * 4), ACROSS)
functional("hardsigmoid", lambda F, x: F.hardsigmoid(x * 2), ACROSS, reference=lambda F, x: F.relu6(x * 2 + 3) / 6)
functional("hardswish", lambda F, x: F.hardswish(x * 2), ACROSS)
functional("elu", lambda F, x: F.elu(x, 0.7), ACROSS)
functional("celu", lambda F, x: F.celu(x, 0.7), ACROSS)
functional("selu", lambda F, x: F.selu(x), ACROSS)
functional("softplus", lambda F, x: F.softplus(x, 2.0, 30.0), ACROSS)
functional("softplus above", lambda F, x: F.softplus(x, 2.0, 1.0), ACROSS)
functional("logsigmoid", lambda F, x: F.logsigmoid(x), ACROSS)
functional("mish", lambda F, x: F.mish(x), ACROSS)
functional("softsign", lambda F, x: F.softsign(x), ACROSS)
functional("tanhshrink", lambda F, x: F.tanhshrink(x), ACROSS)
functional("softshrink", lambda F, x: F.softshrink(x, 0.6), ACROSS)
functional("hardshrink", lambda F, x: F.hardshrink(x, 0.6), ACROSS)
functional("threshold", lambda F, x: F.threshold(x, 0.4, 2.0), ACROSS)
functional("prelu", lambda F, x, w: F.prelu(x, w), (2, 3, 4), (3,))
functional("rrelu", lambda F, x: F.rrelu(x, 0.1, 0.3), (3, 4))
functional("glu", lambda F, x: F.glu(x, 1), (2, 4, 3))
functional("glu last", lambda F, x: F.glu(x), (2, 3, 4))
functional("softmin", lambda F, x: F.softmin(x, 1), (3, 4))
