"""The transformer's encoder, positions, and the two networks made of it, against PyTorch and in use."""

import numpy as np
import pytest

import tinynet
from tinynet import Tensor, models
from tinynet.data import Loader, shapes
from tinynet.inspect.gradcheck import gradcheck
from tinynet.nn import LayerNorm, functional as F
from tinynet.nn.blocks.transformer import (
    FeedForward, LearnedPositions, SinusoidalPositions, TransformerEncoder, TransformerEncoderLayer)
from tinynet.optim import SGD, AdamW

torch = pytest.importorskip("torch")
rng = np.random.default_rng(0)


def normal(*shape):
    return rng.standard_normal(shape)


def matched(ours, theirs):
    """Both with our weights, which PyTorch gives back unchanged, in float64."""
    ours.double(), theirs.double()
    theirs.load_state_dict({key: torch.tensor(value.numpy()) for key, value in ours.state_dict().items()})
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert [name for name, _ in ours.named_parameters()] == [name for name, _ in theirs.named_parameters()]
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    return ours, theirs


def compare(ours, theirs, x, **masks):
    """Outputs and all gradients of the two."""
    results = []
    for module, lib in (ours, tinynet), (theirs, torch):
        module.zero_grad()
        source = lib.tensor(x, requires_grad=True)
        given = {name: lib.tensor(m) if isinstance(m, np.ndarray) else m for name, m in masks.items()}
        y = module(source, **given)
        (y * lib.tensor(np.random.default_rng(1).standard_normal(x.shape))).sum().backward()
        results.append([y, source.grad, *(p.grad for p in module.parameters())])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), atol=1e-10)


CAUSAL = np.triu(np.ones((5, 5), bool), 1)
PADDING = np.array([[False] * 5, [False] * 3 + [True] * 2])
LAYERS = {
    "post-norm": {},
    "pre-norm": dict(norm_first=True),
    "gelu, batch first": dict(activation="gelu", batch_first=True),
    "no bias, pre-norm": dict(bias=False, norm_first=True, layer_norm_eps=1e-3),
}


def layers(dropout=0.0, **options):
    return (lib.TransformerEncoderLayer(8, 2, 12, dropout, **options)
            for lib in (tinynet.nn.blocks.transformer, torch.nn))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_pytorchs(name, training):
    tinynet.manual_seed(0)
    ours, theirs = matched(*layers(**LAYERS[name]))
    ours.train(training), theirs.train(training)
    x = normal(2, 5, 8) if LAYERS[name].get("batch_first") else normal(5, 2, 8)
    compare(ours, theirs, x)
    compare(ours, theirs, x, src_mask=CAUSAL)
    compare(ours, theirs, x, src_mask=np.where(CAUSAL, -np.inf, 0), is_causal=True)
    compare(ours, theirs, x, src_key_padding_mask=PADDING)
    compare(ours, theirs, x, src_key_padding_mask=PADDING, src_mask=CAUSAL)


def test_a_callable_activation_and_one_sequence_without_a_batch():
    ours = TransformerEncoderLayer(8, 2, 12, 0.0, F.silu)
    theirs = torch.nn.TransformerEncoderLayer(8, 2, 12, 0.0, torch.nn.functional.silu)
    compare(*matched(ours, theirs), normal(5, 8))


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("norm_first", [False, True])
def test_an_encoder_is_pytorchs(norm_first):
    ours, theirs = layers(norm_first=norm_first)
    ours = TransformerEncoder(ours, 3, LayerNorm(8) if norm_first else None)
    theirs = torch.nn.TransformerEncoder(theirs, 3, torch.nn.LayerNorm(8) if norm_first else None)
    matched(ours, theirs)
    x = normal(5, 2, 8)
    compare(ours, theirs, x)
    compare(ours, theirs, x, mask=CAUSAL, src_key_padding_mask=PADDING)
    np.testing.assert_array_equal(ours(Tensor(x), is_causal=True).array, ours(Tensor(x), Tensor(CAUSAL)).array)


def test_the_layers_of_an_encoder_are_copies():
    layer = TransformerEncoderLayer(8, 2, 12)
    encoder = TransformerEncoder(layer, 2)
    first, second = encoder.layers
    assert np.array_equal(first.linear1.weight.array, second.linear1.weight.array)
    assert len({id(p) for p in (*encoder.parameters(), *layer.parameters())}) == 3 * 12


@pytest.mark.parametrize("norm_first", [False, True])
def test_gradients_of_a_layer(norm_first):
    layer = TransformerEncoderLayer(4, 2, 6, 0.0, "gelu", norm_first=norm_first).double()
    gradcheck(lambda x: layer(x, is_causal=True), [normal(3, 2, 4)])
    weight = layer.linear1.weight.array.copy()

    def of_weight(w):
        layer.linear1.__dict__["weight"] = w
        return layer(Tensor(np.linspace(-1, 1, 24).reshape(3, 2, 4)))

    gradcheck(of_weight, [weight])


def test_feed_forward():
    block = FeedForward(4, 6, activation="gelu").double()
    assert list(block.state_dict()) == ["linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias"]
    assert sum(p.numel() for p in block.parameters()) == 2 * 4 * 6 + 6 + 4
    gradcheck(block, [normal(2, 3, 4)])
    x = Tensor(normal(2, 3, 4))
    np.testing.assert_allclose(block(x).array[1, 2], block(Tensor(x.array[1, 2])).array, atol=1e-12)


def test_dropout_follows_the_seed_and_stops_in_evaluation():
    layer, x = TransformerEncoderLayer(8, 2, 12, 0.3), Tensor(normal(5, 2, 8).astype("f"))

    def values(seed):
        tinynet.manual_seed(seed)
        return layer(x).array

    assert np.array_equal(values(1), values(1)) and not np.array_equal(values(1), values(2))
    layer.eval()
    assert np.array_equal(values(1), values(2))


def test_positions():
    x = normal(2, 6, 7)
    p = SinusoidalPositions(7, 10).double()(Tensor(x)).array - x
    i = np.arange(6)
    np.testing.assert_allclose(p[0], p[1], atol=1e-7)
    np.testing.assert_allclose(p[0, :, 4], np.sin(i / 10000 ** (4 / 7)), atol=1e-6)
    np.testing.assert_allclose(p[0, :, 3], np.cos(i / 10000 ** (2 / 7)), atol=1e-6)
    assert not SinusoidalPositions(7).state_dict()
    learned = LearnedPositions(7, 6).double()
    np.testing.assert_array_equal(learned(Tensor(x[0])).array, x[0] + learned.weight.array)
    gradcheck(learned, [x])
    learned.zero_grad()
    learned(Tensor(x[:, :4])).sum().backward()
    assert (learned.weight.grad.array[4:] == 0).all() and (learned.weight.grad.array[:4] == 2).all()


@pytest.mark.parametrize("make, message", [
    (lambda: TransformerEncoderLayer(8, 3),
     "MultiheadAttention: expected a size that 3 heads can share equally"),
    (lambda: TransformerEncoderLayer(8, 2, activation="tanh"),
     r'TransformerEncoderLayer: expected activation "relu", "gelu" or a callable, got \'tanh\''),
    (lambda: LearnedPositions(8, 4)(Tensor(normal(2, 5, 8))),
     r"LearnedPositions: expected input \(N, L, 8\) or \(L, 8\), L up to 4, got \(2, 5, 8\)"),
    (lambda: TransformerEncoder(TransformerEncoderLayer(8, 2), 2).double()(Tensor(normal(5, 2, 6))),
     r"^layers.0.self_attn: MultiheadAttention\(8, 2 heads\): expected query, key and value \(L, N, 8\)"),
    (lambda: models.create("vit_small32")(Tensor(normal(2, 3, 28, 28))),
     r"VisionTransformer: expected input \(N, 3, 32, 32\), got \(2, 3, 28, 28\)"),
    (lambda: models.VisionTransformer(image_size=30), "divisible by patch_size, got 30 and 4"),
])
def test_errors_name_the_block_and_the_shapes(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_vision_transformer_counts_and_learns():
    tinynet.manual_seed(0)
    assert sum(p.numel() for p in models.create("vit_small32").parameters()) == 810_890
    model = models.VisionTransformer(patch_size=8, width=32, layers=2, mlp=64)
    first, second = model.encoder.layers
    assert not np.array_equal(first.self_attn.in_proj_weight.array, second.self_attn.in_proj_weight.array)
    images, labels = next(iter(Loader(shapes(count=64), 64)))
    optimizer, losses = AdamW(model.parameters(), 3e-3), []
    for _ in range(20):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
    model.load_state_dict(model.state_dict())


def test_steps_of_sgd_follow_pytorch():
    ours, theirs = matched(*layers(norm_first=True))
    x = normal(5, 2, 8)
    optimizers = SGD(ours.parameters(), 0.1, 0.9), torch.optim.SGD(theirs.parameters(), 0.1, 0.9)
    for _ in range(5):
        for module, optimizer, lib in zip((ours, theirs), optimizers, (tinynet, torch)):
            optimizer.zero_grad()
            (module(lib.tensor(x)) ** 2).mean().backward()
            optimizer.step()
    for a, b in zip(ours.parameters(), theirs.parameters()):
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), atol=1e-10)


def test_the_text_transformer_looks_back_only():
    tinynet.manual_seed(0)
    model = models.TextTransformer(11, context=8, width=16, layers=2, heads=2)
    ids = rng.integers(0, 11, (2, 8))
    changed = ids.copy()
    changed[:, 5:] = (ids[:, 5:] + 1) % 11
    before, after = model(Tensor(ids)).array, model(Tensor(changed)).array
    assert before.shape == (2, 11, 8)
    np.testing.assert_allclose(before[:, :, :5], after[:, :, :5], atol=1e-6)
    assert np.abs(before[:, :, 5:] - after[:, :, 5:]).max() > 1e-3


def test_generated_text_follows_the_seed():
    model = models.TextTransformer(11, context=8, width=16, layers=1, heads=2, dropout=0.5)

    def written(seed, **options):
        tinynet.manual_seed(seed)
        return model.generate([3], 20, **options)

    assert len(written(0)) == 21 and written(0) == written(0) != written(1) and model.training
    assert written(0, temperature=1e-6) == written(1, temperature=1e-6)
