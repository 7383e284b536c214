"""The network of Jordan 2024 and the rules of its recipe, each against the paper's formula worked out by hand."""

import numpy as np
import pytest

import tinynet
from tinynet import models
from tinynet.bench import networks
from tinynet.data import Augment, Loader, arrays
from tinynet.models.airbench import whitening_filters
from tinynet.nn import BatchNorm2d, Conv2d, Flatten, GroupNorm, Linear, Sequential
from tinynet.nn import functional as F
from tinynet.tensor import Tensor
from tinynet.train import Settings, Trainer, evaluate
from tinynet.train.descent import make_optimizer, make_schedule, total_steps
from tinynet.train.lookahead import Lookahead
from tinynet.train.settings import read_recipe
from tinynet.train.views import VIEWS


def images_of(count, seed=0, size=32):
    """Images whose neighbouring pixels are alike, as those of photographs are: (N, 3, H, W)."""
    noise = np.random.default_rng(seed).standard_normal((count, 3, size + 2, size + 2))
    return (noise[..., 2:, 2:] + noise[..., 1:-1, 1:-1] + 0.5 * noise[..., :-2, 2:]).astype(np.float32)


# The network -----------------------------------------------------------------------------------------------


def test_scores_and_gradients_are_those_of_pytorch():
    torch = pytest.importorskip("torch", reason="needs PyTorch")
    tinynet.manual_seed(1)
    ours = models.airbench94().double()
    ours.whiten(images_of(8))
    for name, parameter in ours.named_parameters():
        if name.endswith("bias"):
            parameter.array[...] = np.random.default_rng(0).normal(0, 0.1, parameter.shape)
    theirs = networks.plain(torch, "airbench94").double()
    theirs.load_state_dict({key: torch.from_numpy(np.array(value)) for key, value in ours.state_dict().items()})
    x, labels = images_of(3, 1, size=25).astype(np.float64), [3, 1, 4]      # 25 -> 24, 12, 6, 3, and the 3x3 maximum
    F.cross_entropy(ours(Tensor(x)), tinynet.tensor(labels), label_smoothing=0.2).backward()
    y = theirs(torch.from_numpy(x))
    torch.nn.functional.cross_entropy(y, torch.tensor(labels), label_smoothing=0.2).backward()
    expected = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        assert parameter.requires_grad == expected[name].requires_grad, name
        if parameter.requires_grad:
            np.testing.assert_allclose(parameter.grad.array, expected[name].grad.numpy(), rtol=1e-6, atol=1e-9)
    with tinynet.no_grad(), torch.no_grad():                    # the running statistics moved alike
        np.testing.assert_allclose(ours.eval()(Tensor(x)).array, theirs.eval()(torch.from_numpy(x)).numpy(), rtol=1e-8)


def test_the_first_layer_whitens():
    model, images = models.airbench94(), images_of(64)
    model.whiten(images)
    with tinynet.no_grad():
        y = model.whitening(Tensor(images)).array.transpose(1, 0, 2, 3).reshape(24, -1)
    np.testing.assert_allclose(y[12:], -y[:12], atol=1e-5)
    np.testing.assert_allclose(y[:12] @ y[:12].T / y.shape[1], np.eye(12), atol=0.02)      # eps takes a little away
    assert not model.whitening.weight.requires_grad and model.whitening.bias.requires_grad


def test_whitening_filters_are_the_eigenvectors_of_all_patches():
    images = images_of(3, size=5)
    patches = np.array([images[n, :, p:p + 2, q:q + 2].reshape(-1)
                        for n in range(3) for p in range(4) for q in range(4)], np.float64)
    moments = patches.T @ patches / len(patches)
    filters = whitening_filters(images)[:12].reshape(12, 12)
    values = np.linalg.eigvalsh(moments)[::-1]
    np.testing.assert_allclose(filters @ moments @ filters.T, np.diag(values / (values + 5e-4)), atol=1e-6)
    with pytest.raises(ValueError, match=r"at least 2x2 pixels, got \(0, 3, 5, 5\)"):
        whitening_filters(images[:0])


def test_convolutions_begin_by_handing_on_their_input():
    tinynet.manual_seed(0)
    block, x = models.Airbench(widths=(8, 16)).blocks[1], tinynet.randn(2, 8, 6, 6)
    np.testing.assert_allclose(block.conv1(x).array[:, :8], x.array, rtol=1e-6)
    assert 0 < np.abs(block.conv1.weight.array[8:]).max() <= 1 / np.sqrt(9 * 8)            # PyTorch's default


def test_images_that_are_too_small_are_refused():
    with pytest.raises(ValueError, match=r"Airbench: expected input \(N, 3, H, W\) of at least 9x9 pixels, got"):
        models.airbench94()(tinynet.zeros(1, 3, 8, 8))


def test_norms_that_follow_a_convolution_fold_away():
    tinynet.manual_seed(0)
    model, x = models.Airbench(widths=(8, 16)), Tensor(images_of(8))
    model(x)
    model.eval()
    with pytest.warns(UserWarning, match="2 of 4 norms stay: blocks.0.norm1 .*, blocks.1.norm1"):      # after a pool
        folded = tinynet.fold_batchnorm(model, x)
    np.testing.assert_allclose(folded(x).array, model(x).array, rtol=1e-3, atol=1e-5)


# The rules of the recipe -----------------------------------------------------------------------------------


def test_the_recipe_is_the_papers_with_more_epochs():
    settings = Settings(**read_recipe("cifar10-94"))
    assert total_steps(settings, 50_000 // 1024) == 552 and settings.warmup == pytest.approx(0.23 * settings.epochs)
    rate, decay, kilostep = 11.5, 0.0153, 1 + 1 / (1 - 0.85)               # of a sum over 1024 images
    assert settings.lr == pytest.approx(rate / kilostep)
    assert settings.lr * settings.weight_decay == pytest.approx(decay / kilostep, rel=1e-5)
    model = models.Airbench(widths=(8,))
    weights, biases = make_optimizer(settings, model).param_groups
    assert (len(weights["params"]), len(biases["params"])) == (2 + 2 + 1 + 2, 2)      # the norms' scales do not learn
    assert biases["lr"] == 64 * settings.lr
    assert biases["lr"] * biases["weight_decay"] == pytest.approx(settings.lr * settings.weight_decay)


def test_the_triangle_goes_up_and_down_along_lines():
    settings = Settings(**read_recipe("cifar10-94"))
    optimizer = make_optimizer(settings, models.Airbench(widths=(8,)))
    schedule, seen = make_schedule(settings, optimizer, 48), []
    for _ in range(553):
        seen.append([group["lr"] for group in optimizer.param_groups])
        schedule.step()
    expected = np.interp(np.arange(553), [0, round(0.23 * 552), 552], [0.2, 1, 0.07])
    np.testing.assert_allclose(np.array(seen), np.outer(expected, [1.5, 96]), rtol=1e-9)


def test_rates_of_biases_need_norms():
    for norm in BatchNorm2d(4), GroupNorm(2, 4):
        assert len(make_optimizer(Settings(bias_lr=2.0), Sequential(Conv2d(3, 4, 1), norm)).param_groups) == 2
    with pytest.raises(ValueError, match="bias_lr: expected a network with norms"):
        make_optimizer(Settings(bias_lr=2.0), Linear(2, 2))


def test_lookahead_is_its_formula():
    model, rng = BatchNorm2d(3), np.random.default_rng(0)
    lookahead, slow = Lookahead(model, 2, 7), {key: np.array(value) for key, value in model.state_dict().items()}
    for step in range(1, 8):
        fast = {key: rng.standard_normal(3).astype(np.float32) for key in slow if key != "num_batches_tracked"}
        for key, value in fast.items():
            model.state_dict()[key].array[...] = value
        lookahead.step(step)
        if step % 2 == 0:
            decay = 0.95**2 * (step / 7)**3
            slow |= {key: decay * slow[key] + (1 - decay) * value for key, value in fast.items()}
        expected = fast if step % 2 and step < 7 else slow
        for key in fast:
            np.testing.assert_allclose(model.state_dict()[key].array, expected[key], rtol=1e-5, atol=1e-6)


def test_views_are_the_mean_by_hand():
    tinynet.manual_seed(0)
    model, x = Sequential(Conv2d(3, 4, 3), Flatten(), Linear(4 * 36, 5)), images_of(3, size=8)
    framed = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), "reflect")

    def both(x):
        return (model(Tensor(x)).array + model(Tensor(x[..., ::-1].copy())).array) / 2

    six = both(x) / 2 + both(framed[:, :, :8, :8]) / 4 + both(framed[:, :, 2:, 2:]) / 4
    with tinynet.no_grad():
        np.testing.assert_allclose(VIEWS["mirror"](model, Tensor(x)).array, both(x), atol=1e-6)
        np.testing.assert_allclose(VIEWS["six"](model, Tensor(x)).array, six, atol=1e-6)
    loss = evaluate(model, [(Tensor(x), tinynet.tensor([0, 1, 2]))], 5, "six").loss
    assert loss == pytest.approx(F.cross_entropy(Tensor(six), tinynet.tensor([0, 1, 2])).item(), rel=1e-5)


# The whole of it -------------------------------------------------------------------------------------------


def trainer_of(folder, **changes):
    """Three steps an epoch, with all rules of the recipe."""
    rng = np.random.default_rng(0)
    data = arrays(rng.integers(0, 255, (26, 10, 10, 3)).astype(np.uint8), rng.integers(0, 2, 26))
    recipe = {**read_recipe("cifar10-94"), "batch_size": 8, "epochs": 3.5, "warmup": 1.0, "lookahead": 2,
              "stem_epochs": 2, **changes}
    settings = Settings(**recipe)
    tinynet.manual_seed(0)
    model = models.Airbench(2, widths=(4,))
    model.whiten(images_of(4, size=10))
    loader = Loader(data, 8, augment=Augment(2, border="reflect"), drop_last=True, prefetch=0)
    folder.mkdir(exist_ok=True)
    return Trainer(settings, model, loader, None, folder)


def test_a_part_of_an_epoch_and_what_stops_learning(tmp_path):
    trainer, seen = trainer_of(tmp_path), []
    trainer.draw_curves = lambda: None
    learn = trainer.learn
    trainer.learn = lambda *batch: (learn(*batch), seen.append(trainer.model.whitening.bias.grad is not None))[0]
    rows = trainer.fit()
    assert len(seen) == 11 and seen == [True] * 6 + [False] * 5            # 3.5 epochs of 3 steps; 2 epochs of the stem
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4] and trainer.finished()
    for name, slow in trainer.lookahead.slow.items():                      # the slow weights are the result
        assert np.array_equal(trainer.model.state_dict()[name].array, slow), name


@pytest.mark.parametrize("stopped", [4, 7, 10, 11])
def test_resumed_it_ends_with_the_same_bits(stopped, tmp_path):
    def run(trainer, most):
        trainer.draw_curves = lambda: None
        while not trainer.finished() and trainer.steps < most:
            before, whole = trainer.steps, trainer.total
            trainer.total = min(whole, most)
            trainer.train_epoch(Bar())
            trainer.total = whole
            assert trainer.steps > before or trainer.steps == whole
            if trainer.steps == whole or trainer.step == len(trainer.train_loader):
                trainer.finish_epoch(None)
        return trainer

    class Bar:
        def update(self, count): pass
        def set_postfix_str(self, text, refresh): pass

    whole = run(trainer_of(tmp_path / "whole"), 99).state()
    state = run(trainer_of(tmp_path / "part"), stopped).state()
    resumed = trainer_of(tmp_path / "rest")
    resumed.restore(state)
    again = run(resumed, 99).state()
    for part in "model", "lookahead":
        for name, value in whole[part].items():
            assert np.array_equal(np.array(value), np.array(again[part][name])), name


def test_a_run_that_ends_within_an_epoch_takes_no_more(tmp_path):
    trainer = trainer_of(tmp_path)
    with pytest.raises(ValueError, match="epochs: a run of 3.5 epochs ends in the middle of one"):
        trainer_of(tmp_path, epochs=5).restore(trainer.state())


def test_a_network_without_a_convolution_has_no_stem(tmp_path):
    loader = Loader(arrays(np.zeros((4, 4, 4, 3), np.uint8), [0, 1, 0, 1]), 4)
    with pytest.raises(ValueError, match="stem_epochs: expected a network with a convolution"):
        Trainer(Settings(stem_epochs=1), Sequential(Flatten(), Linear(48, 2)), loader, None, tmp_path)
