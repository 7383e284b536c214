"""One case, or several, for every differentiable operator and layer: what `tinynet gradcheck` proves.

A case is a function of a library and tensors. tinynet has PyTorch's names, so the same function runs on both, and one
line gives the check against finite differences and the check against PyTorch. What PyTorch lacks says in `reference`
how PyTorch would spell it. A test fails when an operator of the engine has no case here.
"""

import dataclasses
from typing import Callable

import numpy as np

from tinynet.inspect.gradcheck import distinct


@dataclasses.dataclass
class Case:
    """`run(lib, *tensors)`; `inputs(rng)` makes the arrays; `reference(torch, *tensors)` where PyTorch spells it otherwise."""

    name: str
    run: Callable
    inputs: Callable
    reference: Callable = None


CASES = []


def case(name, run, *inputs, reference=None):
    """Add a case. An input is a shape (random values, all distinct), a function of a generator, or a fixed array."""
    CASES.append(Case(name, run, lambda rng: [_make(x, rng) for x in inputs], reference))


def _make(x, rng):
    if isinstance(x, tuple):
        return distinct(x, rng)
    return np.array(x(rng) if callable(x) else x)


def positive(*shape):
    return lambda rng: np.abs(distinct(shape, rng)) + 0.5


def normal(*shape):
    return lambda rng: rng.standard_normal(shape)


def integers(high, *shape):
    return lambda rng: rng.integers(0, high, shape)


def mask(*shape):
    return lambda rng: rng.random(shape) < 0.4


PROBABILITIES = np.random.default_rng(0).dirichlet(np.ones(4), 5)      # a target that is not differentiated


def layer(name, make, shape, shift=0.0):
    """A case for a layer in training mode: gradients with respect to its input and all its parameters."""
    def run(lib, x, *values):
        module = make(lib.nn)
        module = module.double() if hasattr(module, "double") else module
        names = [name for name, _ in module.named_parameters()]
        return _with_parameters(module, dict(zip(names, values)), x)

    def inputs(rng):
        import tinynet.nn
        shapes = [p.shape for p in make(tinynet.nn).parameters()]
        return [distinct(shape, rng) + shift, *(0.5 * rng.standard_normal(s) for s in shapes)]

    CASES.append(Case(name, run, inputs))


def _with_parameters(module, values, x):
    """Run `module` with tensors in the place of its parameters."""
    for path, value in values.items():
        owner, _, name = path.rpartition(".")
        owner = module.get_submodule(owner)
        del owner._parameters[name]
        object.__setattr__(owner, name, value)
    return module(x)


# Elementwise ----------------------------------------------------------------------------------------------------

case("add", lambda lib, x, y: x + y, (2, 3, 4), (3, 1))
case("add alpha", lambda lib, x, y: lib.add(x, y, alpha=0.5), (3, 4), (4,))
case("sub", lambda lib, x, y: x - y, (3, 1), (2, 1, 4))
case("mul", lambda lib, x, y: x * y, (2, 3), (3,))
case("mul itself", lambda lib, x: x * x, (2, 3))
case("div", lambda lib, x, y: x / y, (2, 3), positive(2, 1))
case("remainder", lambda lib, x, y: x % y, (lambda rng: rng.uniform(0.2, 0.8, (2, 3)) + rng.integers(-2, 3, (2, 3))),
     np.ones(3))
case("div floor", lambda lib, x, y: lib.div(x, y, rounding_mode="floor"), (2, 3), positive(3))
case("div trunc", lambda lib, x, y: lib.div(x, y, rounding_mode="trunc"), (2, 3), positive(3))
case("sign", lambda lib, x: x.sign(), (2, 3))
case("neg", lambda lib, x: -x, (2, 3))
case("pow", lambda lib, x, y: x ** y, positive(2, 3), (3,))
case("pow number", lambda lib, x: x ** 3, (2, 3))
case("abs", lambda lib, x: x.abs(), (2, 3))
case("exp", lambda lib, x: x.exp(), (2, 3))
case("log", lambda lib, x: x.log(), positive(2, 3))
case("sqrt", lambda lib, x: x.sqrt(), positive(2, 3))
case("sin", lambda lib, x: x.sin(), (2, 3))
case("cos", lambda lib, x: x.cos(), (2, 3))
case("tanh", lambda lib, x: x.tanh(), (2, 3))
case("sigmoid", lambda lib, x: x.sigmoid(), (2, 3))
case("clamp", lambda lib, x: x.clamp(-0.1, 0.2), (3, 5))
case("clamp tensors", lambda lib, x, low, high: lib.clamp(x, low, high), (3, 5), (lambda rng: rng.uniform(-0.3, -0.2, 5)),
     (lambda rng: rng.uniform(0.2, 0.3, (3, 1))))
case("maximum", lambda lib, x, y: lib.maximum(x, y), (3, 4), (lambda rng: distinct((3, 4), rng) + 0.013))
case("minimum", lambda lib, x, y: lib.minimum(x, y), (3, 4), (lambda rng: distinct((4,), rng) + 0.013))
case("where", lambda lib, m, x, y: lib.where(m, x, y), mask(3, 4), (3, 4), (4,))
case("masked_fill", lambda lib, x, m: x.masked_fill(m, 2.0), (3, 4), mask(3, 4))
case("clone", lambda lib, x: x.clone(), (2, 3))
case("in place", lambda lib, x, y: x.mul(1).add_(y).mul_(y).div_(y + 3).sub_(x), (2, 3), (3,))
case("copy_", lambda lib, x, y: x.mul(2).copy_(y), (2, 3), (3,))

# Reductions -----------------------------------------------------------------------------------------------------

case("sum", lambda lib, x: x.sum(), (2, 3))
case("sum dim", lambda lib, x: x.sum((0, 2), keepdim=True), (2, 3, 4))
case("mean", lambda lib, x: x.mean(1), (2, 3, 4))
case("var", lambda lib, x: x.var((0, 2)), (2, 3, 4))
case("var correction", lambda lib, x: x.var(1, correction=0, keepdim=True), (2, 3))
case("std", lambda lib, x: x.std(1), (2, 5))
case("max", lambda lib, x: x.max(), (3, 4))
case("max dim", lambda lib, x: x.max(1).values, (3, 4))
case("amax", lambda lib, x: x.amax((0, 2)), (2, 3, 4))
case("min dim", lambda lib, x: x.min(0, keepdim=True).values, (3, 4))
case("amin", lambda lib, x: x.amin(1), (3, 4))
case("logsumexp", lambda lib, x: lib.logsumexp(x, 1), (3, 4))
case("softmax", lambda lib, x: x.softmax(1), (3, 4))
case("log_softmax", lambda lib, x: x.log_softmax(0), (3, 4))
case("cumsum", lambda lib, x: x.cumsum(1), (3, 4))

# Shape, indexing ------------------------------------------------------------------------------------------------

case("reshape", lambda lib, x: x.reshape(4, -1) * 2, (2, 6))
case("view", lambda lib, x: x.view(3, 4), (2, 6))
case("flatten", lambda lib, x: x.flatten(1), (2, 3, 2))
case("squeeze", lambda lib, x: x.squeeze(1), (2, 1, 3))
case("unsqueeze", lambda lib, x: x.unsqueeze(-1), (2, 3))
case("permute", lambda lib, x: x.permute(2, 0, 1), (2, 3, 4))
case("transpose", lambda lib, x: x.transpose(0, 2), (2, 3, 4))
case("T", lambda lib, x: x.T, (2, 3))
case("expand", lambda lib, x: x.expand(2, 3, 4), (3, 1))
case("repeat", lambda lib, x: x.repeat(2, 1, 3), (2, 2))
case("cat", lambda lib, x, y: lib.cat([x, y], 1), (2, 3), (2, 1))
case("stack", lambda lib, x, y: lib.stack([x, y], 1), (2, 3), (2, 3))
case("split", lambda lib, x: lib.cat([part * (i + 1.0) for i, part in enumerate(x.split(2, 1))], 1), (2, 5))
case("chunk", lambda lib, x: x.chunk(2, 0)[1], (4, 3))
case("unbind", lambda lib, x: x.unbind(1)[2] * x.unbind(1)[0], (2, 3))
case("flip", lambda lib, x: x.flip(0, 2), (2, 2, 3))
case("roll", lambda lib, x: x.roll(2, 1), (2, 3))
case("tril", lambda lib, x: x.tril(-1), (2, 3, 3))
case("triu", lambda lib, x: x.triu(1), (3, 4))
case("index slice", lambda lib, x: x[1:, ::2], (3, 5))
case("index integer", lambda lib, x: x[..., -1, None], (3, 5))
case("index array", lambda lib, x, i: x[i], (4, 3), np.array([0, 2, 2, 1]))
case("index mask", lambda lib, x, m: x[m], (4, 3), np.eye(4, 3) > 0)


def _assign(lib, x, y):
    z = x * 1
    z[1:, 0] = y
    return z


case("assign", _assign, (3, 4), (2,))
case("gather", lambda lib, x, i: x.gather(1, i), (3, 4), integers(4, 3, 2))

# Products -------------------------------------------------------------------------------------------------------

case("matmul", lambda lib, x, y: x @ y, (3, 4), (4, 2))
case("matmul vectors", lambda lib, x, y: x @ y, (4,), (4,))
case("matmul matrix vector", lambda lib, x, y: x @ y, (2, 3, 4), (4,))
case("matmul vector matrix", lambda lib, x, y: x @ y, (4,), (2, 4, 3))
case("matmul batched", lambda lib, x, y: x @ y, (2, 1, 3, 4), (3, 4, 2))
case("einsum", lambda lib, x, y: lib.einsum("bij,bjk->bik", x, y), (2, 3, 4), (2, 4, 2))
case("einsum sums", lambda lib, x, y: lib.einsum("ij,jk->k", x, y), (3, 4), (4, 2))
case("einsum diagonal", lambda lib, x: lib.einsum("ii->i", x), (3, 3))

# Networks -------------------------------------------------------------------------------------------------------


def functional(name, run, *inputs, reference=None):
    case(name, lambda lib, *tensors: run(lib.nn.functional, *tensors), *inputs,
         reference=reference and (lambda lib, *tensors: reference(lib.nn.functional, *tensors)))


functional("linear", lambda F, x, w, b: F.linear(x, w, b), (3, 4), (2, 4), (2,))
functional("conv2d", lambda F, x, w, b: F.conv2d(x, w, b, padding=1), (2, 3, 5, 4), (4, 3, 3, 3), (4,))
functional("conv2d stride", lambda F, x, w: F.conv2d(x, w, stride=2, padding=1), (2, 3, 6, 5), (2, 3, 3, 3))
functional("conv2d 1x1", lambda F, x, w: F.conv2d(x, w, stride=(2, 1)), (2, 3, 5, 4), (4, 3, 1, 1))
functional("conv2d dilation", lambda F, x, w: F.conv2d(x, w, padding=(2, 1), dilation=2), (1, 2, 6, 7), (2, 2, 3, 2))
functional("conv2d groups", lambda F, x, w: F.conv2d(x, w, padding=1, groups=2), (2, 4, 4, 4), (6, 2, 3, 3))
functional("conv2d depthwise", lambda F, x, w: F.conv2d(x, w, padding=1, groups=4), (2, 4, 4, 5), (4, 1, 3, 3))
functional("conv2d same", lambda F, x, w: F.conv2d(x, w, padding="same"), (1, 2, 4, 5), (3, 2, 2, 3))
functional("conv2d unbatched", lambda F, x, w: F.conv2d(x, w), (2, 4, 5), (3, 2, 3, 3))
functional("conv2d large", lambda F, x, w: F.conv2d(x, w, padding=1), (2, 16, 9, 7), (32, 16, 3, 3))
functional("max_pool2d", lambda F, x: F.max_pool2d(x, 3, 2, 1), (2, 3, 7, 6))
functional("max_pool2d ceil", lambda F, x: F.max_pool2d(x, 2, 2, dilation=2, ceil_mode=True), (1, 2, 6, 7))
functional("avg_pool2d", lambda F, x: F.avg_pool2d(x, 3, 2, 1), (2, 2, 7, 6))
functional("avg_pool2d ceil", lambda F, x: F.avg_pool2d(x, 2, 2, 1, ceil_mode=True, count_include_pad=False), (1, 2, 5, 4))
functional("adaptive_avg_pool2d", lambda F, x: F.adaptive_avg_pool2d(x, (3, 2)), (2, 2, 7, 5))
functional("adaptive_avg_pool2d 1", lambda F, x: F.adaptive_avg_pool2d(x, 1), (2, 3, 4, 5))
functional("batch_norm", lambda F, x, w, b: F.batch_norm(x, None, None, w, b, training=True), (4, 3, 2, 3), (3,), (3,))
case("batch_norm eval", lambda lib, x, w, b: lib.nn.functional.batch_norm(
    x, lib.arange(3, dtype=lib.float64), lib.arange(1, 4, dtype=lib.float64), w, b), (4, 3, 2, 3), (3,), (3,))
functional("batch_norm 2-D", lambda F, x: F.batch_norm(x, None, None, training=True), (6, 3))
functional("batch_norm_act", lambda F, x, w, b: F.batch_norm_act(x, None, None, w, b, training=True),
           normal(4, 3, 2, 3), normal(3), normal(3),
           reference=lambda F, x, w, b: F.relu(F.batch_norm(x, None, None, w, b, training=True)))
functional("batch_norm_act residual", lambda F, x, w, b, r: F.batch_norm_act(x, None, None, w, b, training=True, residual=r),
           normal(4, 3, 2, 3), normal(3), normal(3), normal(4, 3, 2, 3),
           reference=lambda F, x, w, b, r: F.relu(F.batch_norm(x, None, None, w, b, training=True) + r))
functional("add_relu", lambda F, x, y: F.add_relu(x, y), (2, 3, 4, 4), (lambda rng: distinct((2, 3, 4, 4), rng) + 0.013),
           reference=lambda F, x, y: F.relu(x + y))
functional("layer_norm", lambda F, x, w, b: F.layer_norm(x, (3, 4), w, b), (2, 3, 4), (3, 4), (3, 4))
functional("group_norm", lambda F, x, w, b: F.group_norm(x, 2, w, b), (2, 4, 3, 2), (4,), (4,))
functional("relu", lambda F, x: F.relu(x), (3, 4))
functional("relu in place", lambda F, x: F.relu(x * 1, inplace=True), (3, 4))
functional("leaky_relu", lambda F, x: F.leaky_relu(x, 0.2), (3, 4))
functional("gelu", lambda F, x: F.gelu(x), (3, 4))
functional("gelu tanh", lambda F, x: F.gelu(x, approximate="tanh"), (3, 4))
functional("silu", lambda F, x: F.silu(x), (3, 4))
functional("embedding", lambda F, i, w: F.embedding(i, w), integers(4, 2, 5), (4, 3))
functional("pad", lambda F, x: F.pad(x, (1, 2, 0, 1), value=0.5), (2, 2, 3, 4))
functional("pad reflect", lambda F, x: F.pad(x, (1, 2, 1, 0), mode="reflect"), (1, 2, 3, 4))
functional("pad replicate", lambda F, x: F.pad(x, (1, 2, 1, 0), mode="replicate"), (1, 2, 3, 4))
functional("unfold", lambda F, x: F.unfold(x, 3, padding=1, stride=2), (2, 2, 5, 4))
functional("fold", lambda F, x: F.fold(x, (4, 5), 2), (1, 8, 12))
functional("attention", lambda F, q, k, v: F.scaled_dot_product_attention(q, k, v), (2, 2, 3, 4), (2, 2, 5, 4), (2, 2, 5, 3))
functional("attention causal", lambda F, q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
           (2, 3, 4), (2, 3, 4), (2, 3, 4))
functional("attention mask", lambda F, q, k, v, m: F.scaled_dot_product_attention(q, k, v, attn_mask=m),
           (2, 3, 4), (2, 5, 4), (2, 5, 4), (3, 5))
functional("cross_entropy", lambda F, x, t: F.cross_entropy(x, t), (5, 4), integers(4, 5))
case("cross_entropy weight", lambda lib, x, t: lib.nn.functional.cross_entropy(
    x, t, lib.arange(1, 5, dtype=lib.float64), ignore_index=1, label_smoothing=0.1), (6, 4), np.array([0, 1, 2, 3, 1, 0]))
functional("cross_entropy pixels", lambda F, x, t: F.cross_entropy(x, t, reduction="sum"), (2, 4, 3), integers(4, 2, 3))
case("cross_entropy probabilities", lambda lib, x: lib.nn.functional.cross_entropy(
    x, lib.tensor(PROBABILITIES), label_smoothing=0.2), (5, 4))
functional("nll_loss", lambda F, x, t: F.nll_loss(x, t, reduction="none"), (5, 4), integers(4, 5))
functional("mse_loss", lambda F, x, y: F.mse_loss(x, y), (3, 4), (3, 4))
functional("l1_loss", lambda F, x, y: F.l1_loss(x, y), (3, 4), (lambda rng: distinct((3, 4), rng) + 0.013))
case("binary_cross_entropy_with_logits", lambda lib, x: lib.nn.functional.binary_cross_entropy_with_logits(
    x, lib.tensor(PROBABILITIES)), (5, 4))


def _dropout(lib, x):
    lib.manual_seed(0)
    return lib.nn.functional.dropout(x, 0.4)


# the two libraries draw different masks: compare with the one that tinynet drew
case("dropout", _dropout, (4, 5), reference=lambda lib, x: x * _dropout_scale(x.shape))


def _dropout_scale(shape):
    import tinynet
    import torch
    return torch.from_numpy(_dropout(tinynet, tinynet.ones(*shape, dtype=tinynet.float64)).array.copy())


case("subsample and pad", lambda lib, x: _shortcut(x), (2, 2, 5, 4),
     reference=lambda lib, x: lib.nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 1, 2)))


def _shortcut(x):
    from tinynet.ops.shortcut import SubsamplePad
    return SubsamplePad.apply(x, 2, 5, 1)


# Layers ---------------------------------------------------------------------------------------------------------

layer("Linear", lambda nn: nn.Linear(4, 3), (2, 4))
layer("Conv2d", lambda nn: nn.Conv2d(2, 4, 3, 2, 1), (2, 2, 5, 5))
layer("BatchNorm1d", lambda nn: nn.BatchNorm1d(3), (5, 3))
layer("BatchNorm2d", lambda nn: nn.BatchNorm2d(3), (3, 3, 2, 3))
layer("LayerNorm", lambda nn: nn.LayerNorm(4), (2, 3, 4))
layer("GroupNorm", lambda nn: nn.GroupNorm(2, 4), (2, 4, 3))
layer("MaxPool2d", lambda nn: nn.MaxPool2d(2), (1, 2, 4, 4))
layer("AvgPool2d", lambda nn: nn.AvgPool2d(2), (1, 2, 4, 4))
layer("AdaptiveAvgPool2d", lambda nn: nn.AdaptiveAvgPool2d(2), (1, 2, 5, 4))
layer("ReLU", lambda nn: nn.ReLU(), (3, 4))
layer("LeakyReLU", lambda nn: nn.LeakyReLU(), (3, 4))
layer("GELU", lambda nn: nn.GELU(), (3, 4))
layer("SiLU", lambda nn: nn.SiLU(), (3, 4))
layer("Sigmoid", lambda nn: nn.Sigmoid(), (3, 4))
layer("Tanh", lambda nn: nn.Tanh(), (3, 4))
layer("Softmax", lambda nn: nn.Softmax(1), (3, 4))
layer("LogSoftmax", lambda nn: nn.LogSoftmax(1), (3, 4))
layer("Unfold", lambda nn: nn.Unfold(2), (1, 2, 3, 3))
layer("Flatten", lambda nn: nn.Flatten(), (2, 3, 2))
layer("Sequential", lambda nn: nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)), (2, 3))


from tinynet.inspect import cases_nn, cases_shelves  # noqa: E402, F401 (they add their own)
