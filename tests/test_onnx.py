"""Networks as ONNX files: the built-in ones, those of a user's own, and what is refused by name."""

import numpy as np
import pytest

import tinynet
from tinynet import models, nn
from tinynet.nn import functional as F
from tinynet.tensor import Tensor

pytest.importorskip("onnx", reason="needs onnx")
runtime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")

SIZES = {"googlenet": 64}
QUICK = ["resnet8", "preact_resnet20", "se_resnet20", "resnet18", "googlenet", "vit_small32"]
SLOW = sorted(set(models.MODELS) - set(QUICK))


def randomised(model):
    """The model in eval mode, with running statistics as after training."""
    rng = np.random.default_rng(0)
    for name, buffer in model.named_buffers():
        if name.endswith("running_mean"):
            buffer.array[...] = rng.normal(0, 0.1, buffer.shape)
        elif name.endswith("running_var"):
            buffer.array[...] = rng.uniform(0.5, 2, buffer.shape)
    return model.eval()


def apart(model, content, *inputs):
    """How far onnxruntime's outputs are from the network's, over all outputs, in shares of their scale."""
    session = runtime.InferenceSession(content, providers=["CPUExecutionProvider"])
    given = {info.name: np.ascontiguousarray(x) for info, x in zip(session.get_inputs(), inputs)}
    with tinynet.no_grad():
        expected = model(*map(Tensor, inputs))
    expected = expected if isinstance(expected, tuple) else (expected,)
    found = session.run(None, given)
    assert [y.shape for y in found] == [y.shape for y in expected]
    return max(np.abs(y - e.array).max() / np.abs(e.array).max() for y, e in zip(found, expected))


def random(*shape, seed=1):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def check_network(name):
    model = randomised(models.create(name, num_classes=5))
    size = SIZES.get(name, 32)
    content = tinynet.export_onnx(model, tinynet.randn(1, 3, size, size))
    assert apart(model, content, random(3, 3, size, size)) < 1e-5


@pytest.mark.parametrize("name", QUICK)
def test_a_built_in_network_says_the_same(name):
    check_network(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_every_other_network_says_the_same(name):
    check_network(name)


def test_a_folded_network_says_the_same():
    model = tinynet.fold_batchnorm(randomised(models.resnet8()))
    content = tinynet.export_onnx(model, tinynet.randn(2, 3, 32, 32))
    assert apart(model, content, random(5, 3, 32, 32)) < 1e-5 and b"BatchNormalization" not in content


def test_the_transformer_for_texts_says_the_same():
    model = models.TextTransformer(11, context=8, width=16, layers=1, heads=2).eval()
    ids = np.random.default_rng(0).integers(0, 11, (3, 8))
    assert apart(model, tinynet.export_onnx(model, Tensor(ids[:2])), ids) < 1e-5


class Own(nn.Module):
    """A network of a user's own: a function of one image (N, 3, 8, 8)."""

    def __init__(self, function, *layers):
        super().__init__()
        self.layers, self.function = nn.ModuleList(layers), function

    def forward(self, x):
        return self.function(x, *self.layers)


OWN = {
    "arithmetic": Own(lambda x: ((x * 2 + 1) / (x * x + 3) - x).abs().sqrt()),
    "activations": Own(lambda x: F.gelu(x) + F.silu(x) + F.leaky_relu(x, 0.1) + x.tanh() + x.sigmoid() + F.relu(x)),
    "gelu by tanh": Own(lambda x: F.gelu(x, approximate="tanh")),
    "in place": Own(lambda x, a: nn.ReLU(inplace=True)(a(x)) + 1, nn.Conv2d(3, 4, 3)),
    "sums": Own(lambda x: (x.sum(dim=(2, 3)), x.mean(1), x.var(dim=3), x.amax(dim=2), x.std(dim=(1, 2)))),
    "softmax": Own(lambda x: x.softmax(1) + x.log_softmax(2)),
    "shapes": Own(lambda x: x.flatten(1).reshape(-1, 4, 48).transpose(1, 2).unsqueeze(1).squeeze(1)),
    "pieces": Own(lambda x: tinynet.cat([x[:, 0], x[:, 1:, ::2].flatten(1, 2), x[..., 2:6, :].sum(1)], 1)),
    "split and stack": Own(
        lambda x: tinynet.stack(x.chunk(2, dim=2), 1) + x.unbind(1)[0][:, :4].unsqueeze(1).unsqueeze(1)),
    "a token for each image": Own(
        lambda x, a: tinynet.cat([a.bias.expand(x.shape[0], 1, 192), x.reshape(-1, 1, 192)], 1), nn.Linear(1, 192)),
    "norms": Own(lambda x, a, b: a(x) + b(x), nn.GroupNorm(3, 3), nn.LayerNorm(8)),
    "pools": Own(lambda x: (F.max_pool2d(x, 3, 2, 1), F.max_pool2d(x, 3, 2, ceil_mode=True),
                            F.avg_pool2d(x, 2, padding=1), F.adaptive_avg_pool2d(x, 2))),
    "padding": Own(lambda x: F.pad(x, (1, 2, 0, 1), value=3.0) + F.pad(x, (1, 2, 0, 1), mode="replicate")),
    "a choice": Own(
        lambda x: tinynet.where(tinynet.arange(8) % 2 == 0, x, -x).clamp(-1, 0.5) + tinynet.maximum(x, x * 2)),
    "attention": Own(lambda x, a: a(x[:, 0], x[:, 1], x[:, 2])[0], nn.MultiheadAttention(8, 2, batch_first=True)),
}


@pytest.mark.parametrize("name", OWN)
def test_a_network_of_ones_own_says_the_same(name):
    model = OWN[name].eval()
    content = tinynet.export_onnx(model, tinynet.randn(2, 3, 8, 8))
    assert apart(model, content, random(5, 3, 8, 8)) < 1e-5


def test_the_file_is_written_whole_with_names_and_metadata(tmp_path):
    path = tmp_path / "model.onnx"
    content = tinynet.export_onnx(nn.Linear(3, 2), tinynet.randn(1, 3), path, ("x", "y"), {"classes": "a, b"})
    session = runtime.InferenceSession(str(path))
    assert path.read_bytes() == content and session.get_modelmeta().custom_metadata_map == {"classes": "a, b"}
    assert [info.name for info in (*session.get_inputs(), *session.get_outputs())] == ["x", "y"]
    assert session.get_inputs()[0].shape == ["N", 3]


def test_a_model_in_training_is_exported_as_in_evaluation_and_stays_as_it_was():
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5), nn.BatchNorm1d(4)).train()
    content = tinynet.export_onnx(model, tinynet.randn(2, 4))
    assert model.training and apart(model.eval(), content, random(3, 4)) < 1e-5


@pytest.mark.parametrize("model, message", [
    (nn.Sequential(nn.Conv2d(3, 3, 1), Own(lambda x: x.cumsum(1))),
     r"the operator CumSum \(in layer 1\) has no counterpart"),
    (Own(lambda x: Tensor(np.tanh(x.array))), "does not come from its input by operators of tinynet"),
    (Own(lambda x: x * float(x.array.mean())), "other results than the network"),
    (Own(lambda x: tinynet.cat([x, tinynet.zeros(len(x), 1, 8, 8)], 1)), "does not run with a batch of 3"),
    (Own(lambda x: x[Tensor(np.array([0]))]), "indexing with arrays"),
], ids=["no counterpart", "NumPy", "a value of the input", "a tensor for each batch", "advanced indexing"])
def test_what_cannot_be_exported_is_refused_by_name(model, message):
    with pytest.raises(ValueError, match=message):
        tinynet.export_onnx(model.eval(), tinynet.randn(2, 3, 8, 8))


def test_integers_are_refused_with_what_to_do_instead():
    model = tinynet.quantize(nn.Sequential(nn.Conv2d(3, 4, 3)).eval(), tinynet.randn(2, 3, 8, 8))
    with pytest.raises(ValueError, match="8-bit integers.*before quantizing"):
        tinynet.export_onnx(model, tinynet.randn(1, 3, 8, 8))


@pytest.mark.parametrize("example", [(), np.float32(1), (np.zeros((2, 3)), np.zeros((3, 3)))],
                         ids=["nothing", "a number", "two sizes of batch"])
def test_an_example_must_be_a_batch(example):
    with pytest.raises((ValueError, TypeError), match="expected an example"):
        tinynet.export_onnx(nn.Linear(3, 2), example)
