"""Quantized networks: exact integers inside, small files outside, and answers like before."""

import itertools
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import tinynet
from tinynet import models, nn
from tinynet.deploy.quantize import LIMIT, QuantizedConv2d, QuantizedLayer, fraction, grid
from tinynet.kernels import quantized as kernels
from test_deploy_fold import images, seed, trained              # noqa: F401 (seed is a fixture)


@tinynet.no_grad()
def error(model, small, x):
    """Root mean square of the difference, as a share of the output's."""
    expected = model(x).array
    return np.sqrt(np.mean((small(x).array - expected) ** 2) / np.mean(expected ** 2))


@pytest.mark.parametrize("least, greatest", [(-1, 2), (0, 6), (-5, 0), (3, 4), (-4, -3), (0, 0), (-1, 1e4)])
def test_a_grid_holds_zero_exactly_and_reaches_to_its_ends(least, greatest):
    scale, zero = (float(v) for v in grid(least, greatest))
    assert zero == int(zero) and -128 <= zero <= 127
    ends = scale * (-128 - zero), scale * (127 - zero)
    assert ends[0] <= min(least, 0) + scale and max(greatest, 0) - scale <= ends[1]


def test_fractions_are_right_to_thirty_bits():
    values = np.array([0.3, 1e-4, 0.999999999999, 7.5, 2.0, 1e-8])
    multiplier, shift = fraction(values).astype(np.float64)
    np.testing.assert_allclose(multiplier / 2 ** shift, values, rtol=2 ** -30)
    assert (fraction(np.array([1e-30])) == [[0], [62]]).all()


def test_requantization_rounds_halves_up_and_saturates():
    m = np.array([[2**30], [32]], np.int32)                    # a quarter
    sums = np.array([[-1000, -6, -5, -2, -1, 1, 2, 5, 6, 1000]], np.int32)
    assert kernels.requantize(sums, m, 3).tolist() == [[-128, 2, 2, 3, 3, 3, 4, 4, 5, 127]]


LAYERS = {
    "conv": (lambda: nn.Conv2d(6, 8, 3, 2, 1), (2, 6, 9, 8)),
    "grouped": (lambda: nn.Conv2d(6, 8, 3, padding=(2, 1), dilation=(2, 1), groups=2), (2, 6, 9, 8)),
    "depthwise": (lambda: nn.Conv2d(6, 6, 3, padding=1, groups=6, bias=False), (2, 6, 9, 8)),
    "same": (lambda: nn.Conv2d(3, 5, (2, 4), padding="same"), (2, 3, 9, 8)),
    "circular": (lambda: nn.Conv2d(3, 5, 3, padding=(1, 2), padding_mode="circular"), (2, 3, 9, 8)),
    "reflect same": (lambda: nn.Conv2d(3, 5, (2, 4), padding="same", padding_mode="reflect"), (2, 3, 9, 8)),
    "unbatched": (lambda: nn.Conv2d(3, 5, 3), (3, 9, 8)),
    "linear": (lambda: nn.Linear(20, 7), (5, 20)),
    "linear 3-d": (lambda: nn.Linear(20, 7), (2, 3, 20)),
}


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_right_to_a_step_of_its_grids(name, backend):
    make, shape = LAYERS[name]
    layer, x = make().eval(), images(*shape)
    with tinynet.kernels.use(backend):
        small = tinynet.quantize(layer, [x])
        assert isinstance(small, QuantizedLayer) and small.weight.dtype == np.int8
        assert small(x).shape == layer(x).shape
        assert error(layer, small, x) < 0.02
        assert small(x).array.tobytes() == small(x).array.tobytes()
    steps = small(x).array / small.grids.array[1, 0]
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-3)        # the output lies on its grid


def test_the_arithmetic_is_that_of_the_formula():
    """Dequantized inputs and weights, multiplied in float64, round to the layer's output."""
    layer, x = nn.Conv2d(4, 5, 3, padding=1).eval(), images(2, 4, 6, 6)
    small = tinynet.quantize(layer, [x])
    (scale_x, zero_x), (scale_y, zero_y) = small.grids.array.astype(np.float64)
    factor, shift = small.multiplier.array.astype(np.float64)
    scale_w = factor / 2**shift * scale_y / scale_x
    q = kernels.quantize(x.array, scale_x, int(zero_x))
    exact = nn.Conv2d(4, 5, 3, padding=1).double()
    exact.weight.array[...] = small.weight.array * scale_w[:, None, None, None]
    exact.bias.array[...] = (small.bias.array + zero_x * small.weight.array.sum((1, 2, 3))) * scale_x * scale_w
    y = exact(tinynet.Tensor((q - zero_x) * scale_x)).array
    lowest, highest = scale_y * (-128 - zero_y), scale_y * (127 - zero_y)
    assert np.abs(small(x).array - np.clip(y, lowest, highest)).max() <= 0.5001 * scale_y


def test_a_channel_of_tiny_weights_keeps_its_bias():
    layer, x = nn.Conv2d(2, 3, 1).eval(), images(1, 2, 4, 4)
    layer.weight.array[0], layer.bias.array[...] = 1e-20, [0.7, -0.2, 0.1]
    layer.weight.array[1] = 0
    layer.bias.array[1] = 0
    small = tinynet.quantize(layer, [x])
    assert np.abs(small.bias.array).max() <= 1.01 * LIMIT
    assert error(layer, small, x) < 0.02


@pytest.mark.parametrize("name", ["resnet8", "se_resnet20", "vit_small32"])
def test_networks_answer_like_before(name):
    tinynet.manual_seed(0)
    model, x = trained(models.create(name)), images(8, 3, 32, 32)
    small = tinynet.quantize(model, [(x[:4], None), (x[4:], None)])
    kinds = [type(module).__name__ for module in small.modules()]
    assert "Conv2d" not in kinds and "Linear" not in kinds and "BatchNorm2d" not in kinds
    assert error(model, small, x) < 0.1
    at_once = tinynet.quantize(model, x)
    # The ranges do not depend on how batches are cut, but for rounding: BLAS may sum a larger batch in another order.
    for name, grids in small.state_dict().items():
        if name.endswith("grids"):
            (scale, zero), (other_scale, other_zero) = grids.array.T, at_once.state_dict()[name].array.T
            np.testing.assert_allclose(scale, other_scale, rtol=1e-5)
            np.testing.assert_allclose(zero, other_zero, atol=1)
    assert error(at_once, small, x) < 0.05


def test_both_backends_and_all_threads_give_the_same_bits():
    model, x = trained(models.resnet8()), images(3, 3, 32, 32)
    small, threads = tinynet.quantize(model, x), tinynet.get_num_threads()
    layer = next(m for m in small.modules() if isinstance(m, QuantizedConv2d))
    results = []
    try:
        for count, backend in ((1, "numba"), (3, "numba"), (1, "numpy")):
            tinynet.set_num_threads(count)
            with tinynet.kernels.use(backend):
                results.append(layer(x).array.tobytes())
    finally:
        tinynet.set_num_threads(threads)
    assert results[0] == results[1] == results[2]


@pytest.mark.slow
@pytest.mark.parametrize("lanes", ["8", "4", "0"])
def test_processors_without_the_instruction(lanes):
    root = str(pathlib.Path(__file__).parents[1])
    environment = {**os.environ, "TINYNET_SIMD_LANES": lanes, "PYTHONPATH": root}
    command = [sys.executable, "-m", "pytest", "-q", __file__, "-k", "a_layer_is_right or the_same_bits"]
    subprocess.run(command, check=True, env=environment, timeout=300)


def test_weights_are_saved_small_and_loaded(tmp_path):
    model, x = trained(models.resnet20()), images(4, 3, 32, 32)
    small = tinynet.quantize(model, x)
    for name, network in (("float", model), ("int8", small)):
        tinynet.save(network.state_dict(), tmp_path / name)
    sizes = [(tmp_path / name).stat().st_size for name in ("int8", "float")]
    assert sizes[0] <= 0.27 * sizes[1]
    again = tinynet.quantize(trained(models.resnet20(), seed=5))
    again.load_state_dict(tinynet.load(tmp_path / "int8"))
    assert again(x).array.tobytes() == small(x).array.tobytes()


def test_what_calibration_does_not_reach_stays_and_is_named():
    class Half(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.unused = nn.Linear(3, 2), nn.Linear(3, 2)

        def forward(self, x):
            return self.used(x)

    with pytest.warns(UserWarning, match="no batch reached unused: left as it is"):
        small = tinynet.quantize(Half().eval(), images(4, 3))
    assert type(small.unused) is nn.Linear and "QuantizedLinear(in_features=3, out_features=2" in repr(small)


def test_refusals():
    model = trained(models.resnet8())
    with pytest.raises(ValueError, match="expected at least one batch to calibrate with, got none"):
        tinynet.quantize(model, [])
    with pytest.raises(ValueError, match="eval mode"):
        tinynet.quantize(models.resnet8(), images(1, 3, 32, 32))
    small = tinynet.quantize(model, images(1, 3, 32, 32))
    with pytest.raises(ValueError, match=r"conv1: QuantizedConv2d\(3 -> 16\): expected input \(N, 3, H, W\)"):
        small(images(1, 4, 32, 32))
    with pytest.raises(ValueError, match=r"fc: QuantizedLinear\(64 -> 10\): expected .*64\), got \(2, 63\)"):
        nn.Sequential({"fc": small.fc})(images(2, 63))
    with pytest.raises(RuntimeError, match="no gradient flows through integers"):
        small(tinynet.Tensor(images(1, 3, 32, 32).array, requires_grad=True))


@pytest.mark.slow
def test_the_public_resnet20_loses_at_most_half_a_point():
    root = os.environ.get("TINYNET_DATA")
    if not root:
        pytest.skip("needs the real CIFAR-10 and the public checkpoint in the folder TINYNET_DATA")
    from tinynet.commands.eval import STATISTICS, adapt
    from tinynet.data import Loader, load
    from tinynet.train import evaluate
    model = models.resnet20(pad="both")
    weights = tinynet.load(pathlib.Path(root) / "resnet20-12fca82f.th")
    model.load_state_dict(adapt(weights, model.state_dict()))
    calibration = Loader(load("cifar10", root=root), 128, normalize=STATISTICS["imagenet"])
    small = tinynet.quantize(model.eval(), itertools.islice(calibration, 4))
    test = load("cifar10", train=False, root=root)
    test = Loader(test, 250, shuffle=False, normalize=STATISTICS["imagenet"])
    before, after = (evaluate(network, test).accuracy for network in (model, small))
    print(f"accuracy {100 * before:.2f} % in float32, {100 * after:.2f} % in int8")
    assert before == 0.9173 and after >= before - 0.005
