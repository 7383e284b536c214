"""Layers and initial values: constructors, defaults, distributions and behaviour as in torch.nn."""

import inspect
import math

import numpy as np
import pytest
from parity import TOLERANCES, distinct, normal

import tinynet
from tinynet import nn
from tinynet.tensor import Tensor

LAYERS = {
    "Linear": (lambda lib: lib.Linear(5, 3), (4, 5)),
    "Linear without bias": (lambda lib: lib.Linear(5, 3, bias=False), (5,)),
    "Conv2d": (lambda lib: lib.Conv2d(4, 6, 3, 2, 1, groups=2), (2, 4, 7, 6)),
    "Conv2d same": (lambda lib: lib.Conv2d(4, 16, (3, 1), padding="same", dilation=2, bias=False),
                    (2, 4, 7, 6)),
    "BatchNorm1d": (lambda lib: lib.BatchNorm1d(5), (4, 5)),
    "BatchNorm1d of sequences": (lambda lib: lib.BatchNorm1d(5, momentum=None), (4, 5, 3)),
    "BatchNorm2d": (lambda lib: lib.BatchNorm2d(3, eps=0.1, momentum=0.3), (2, 3, 4, 4)),
    "BatchNorm2d plain": (lambda lib: lib.BatchNorm2d(3, affine=False, track_running_stats=False),
                          (2, 3, 4, 4)),
    "BatchNorm2d without bias": (lambda lib: lib.BatchNorm2d(3, bias=False), (2, 3, 4, 4)),
    "LayerNorm": (lambda lib: lib.LayerNorm([3, 4]), (2, 3, 4)),
    "LayerNorm without bias": (lambda lib: lib.LayerNorm(4, bias=False), (2, 3, 4)),
    "LayerNorm plain": (lambda lib: lib.LayerNorm(4, elementwise_affine=False), (2, 3, 4)),
    "GroupNorm": (lambda lib: lib.GroupNorm(2, 6), (2, 6, 4)),
    "MaxPool2d": (lambda lib: lib.MaxPool2d(3, 2, 1, ceil_mode=True), (2, 3, 8, 7)),
    "AvgPool2d": (lambda lib: lib.AvgPool2d(3, 2, 1, count_include_pad=False), (2, 3, 8, 7)),
    "AdaptiveAvgPool2d": (lambda lib: lib.AdaptiveAvgPool2d((3, None)), (2, 3, 8, 7)),
    "ReLU": (lambda lib: lib.ReLU(), (3, 4)),
    "LeakyReLU": (lambda lib: lib.LeakyReLU(0.3), (3, 4)),
    "GELU": (lambda lib: lib.GELU("tanh"), (3, 4)),
    "SiLU": (lambda lib: lib.SiLU(), (3, 4)),
    "Sigmoid": (lambda lib: lib.Sigmoid(), (3, 4)),
    "Tanh": (lambda lib: lib.Tanh(), (3, 4)),
    "Softmax": (lambda lib: lib.Softmax(1), (3, 4)),
    "LogSoftmax": (lambda lib: lib.LogSoftmax(0), (3, 4)),
    "Dropout": (lambda lib: lib.Dropout(0.0), (3, 4)),
    "Unfold": (lambda lib: lib.Unfold(3, 1, 1, 2), (2, 3, 5, 6)),
    "Fold": (lambda lib: lib.Fold((4, 5), 2), (2, 8, 12)),
    "ZeroPad2d": (lambda lib: lib.ZeroPad2d((1, 2, 0, 3)), (2, 3, 4, 5)),
    "Flatten": (lambda lib: lib.Flatten(1, 2), (2, 3, 4, 5)),
    "Identity": (lambda lib: lib.Identity(7, unused=True), (2, 3)),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", LAYERS)
def test_layers_train_and_evaluate_as_pytorchs_do(name, dtype):
    torch = pytest.importorskip("torch")
    make, shape = LAYERS[name]
    ours, theirs = make(nn).to(dtype), make(torch.nn).to(getattr(torch, np.dtype(dtype).name))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    theirs.load_state_dict({k: torch.from_numpy(np.array(v.array)) for k, v in ours.state_dict().items()})
    for step in range(3):
        if step == 2:
            ours.eval(), theirs.eval()
        x = distinct(*shape, seed=step).astype(dtype)
        a, b = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        y, z = ours(a), theirs(b)
        v = normal(*y.shape, dtype=dtype)
        y.backward(Tensor(v)), z.backward(torch.from_numpy(v))
        found = [y, a.grad, *(p.grad for p in ours.parameters()), *ours.buffers()]
        wanted = [z, b.grad, *(p.grad for p in theirs.parameters()), *theirs.buffers()]
        for f, w in zip(found, wanted, strict=True):
            assert f.shape == tuple(w.shape) and str(f.dtype) == str(w.dtype).removeprefix("torch.")
            w = w.detach().numpy()
            assert np.abs(f.array - w).max() <= TOLERANCES[np.dtype(dtype)] * max(1, np.abs(w).max())
        ours.zero_grad(), theirs.zero_grad()


@pytest.mark.parametrize("name", [n for n in nn.__all__ if n[0].isupper()])
def test_constructors_are_pytorchs(name):
    torch = pytest.importorskip("torch")
    if name in ("Module", "Parameter", "Sequential", "Identity", "ModuleList", "ModuleDict", "ParameterList",
                "ParameterDict"):
        return
    ours = inspect.signature(getattr(nn, name).__init__).parameters
    theirs = inspect.signature(getattr(torch.nn, name).__init__).parameters
    if "kwargs" in theirs:                         # torch.nn's Sigmoid, Tanh and recurrent layers hide their arguments
        return
    assert list(ours) == list(theirs)
    for p in ours:
        assert p == "self" or named(ours[p].default) == named(theirs[p].default), p


def named(default):
    """A default that is a function (relu) is PyTorch's if it has the same name."""
    return getattr(default, "__name__", default)


FUNCTIONS = [name for name, thing in vars(nn.functional).items()
             if inspect.isfunction(thing) and name not in ("add_relu", "batch_norm_act", "batch_norm_conv2d")]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functionals_take_pytorchs_arguments(name):
    torch = pytest.importorskip("torch")
    ours = list(inspect.signature(getattr(nn.functional, name)).parameters.values())
    try:
        theirs = inspect.signature(getattr(torch.nn.functional, name)).parameters
    except ValueError:
        return                                     # built in, without a signature
    if "args" not in theirs:
        assert [p.name for p in ours] == list(theirs)
        for p in ours:
            assert p.default == theirs[p.name].default, p


def test_losses_understand_the_old_spelling_of_their_reduction():
    x, y = Tensor(normal(3, 4)), Tensor(normal(3, 4, seed=1))
    for old, new in (({"size_average": True}, "mean"), ({"size_average": False}, "sum"), ({"reduce": False}, "none"),
                     ({"reduce": True}, "mean"), ({"size_average": False, "reduce": True}, "sum")):
        with pytest.warns(UserWarning, match=f"use reduction='{new}'"):
            layer = nn.MSELoss(**old)
        assert (layer(x, y).array == nn.functional.mse_loss(x, y, reduction=new).array).all()
        with pytest.warns(UserWarning, match=f"l1_loss: size_average and reduce are deprecated; use reduction='{new}'"):
            nn.functional.l1_loss(x, y, **old)


# Convolution ----------------------------------------------------------------------------------------------


def test_a_convolutions_weight_lies_in_the_kernels_order():
    conv = nn.Conv2d(4, 6, (3, 5), groups=2)
    assert conv.weight.shape == (6, 2, 3, 5)
    assert conv.weight.array.transpose(2, 3, 1, 0).flags.c_contiguous
    assert conv.double().weight.array.transpose(2, 3, 1, 0).flags.c_contiguous


@pytest.mark.parametrize("make, message", [
    (lambda: nn.Conv2d(3, 4, 3, padding_mode="mirror"), "padding_mode zeros, reflect, replicate, circular"),
    (lambda: nn.ConvTranspose2d(3, 4, 3, padding_mode="reflect"), 'padding_mode "zeros"'),
    (lambda: nn.Conv2d(3, 4, 3, groups=2), "divisible by groups=2, got 3 and 4"),
    (lambda: nn.Conv2d(3, 4, (3, 3, 3)), "Conv2d: expected kernel_size"),
    (lambda: nn.Conv2d(3, 4, 3, device="cuda"), "expected the device 'cpu'"),
    (lambda: nn.GroupNorm(2, 5), "divisible by num_groups"),
    (lambda: nn.Dropout(1.5), r"p in \[0, 1\]"),
    (lambda: nn.Embedding(3, 2, padding_idx=3), "padding_idx within 3 rows"),
    (lambda: nn.Embedding(3, 2, sparse=True), "Embedding: sparse is not supported"),
])
def test_constructors_refuse(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_layers_take_a_dtype():
    assert nn.Conv2d(1, 1, 1, dtype=tinynet.float64, device="cpu").weight.dtype == np.float64
    assert nn.BatchNorm2d(2, dtype="float64").running_var.dtype == np.float64
    with pytest.raises(TypeError, match="layer: expected a dtype of"):
        nn.Linear(1, 1, dtype="float16")


# Batch norm -----------------------------------------------------------------------------------------------


def test_batch_norm_counts_batches_and_resets():
    bn = nn.BatchNorm2d(2)
    for _ in range(3):
        bn(Tensor(normal(2, 2, 3, 3, dtype=np.float32)))
    assert bn.num_batches_tracked.item() == 3 and bn.running_mean.array.any()
    bn.eval()(Tensor(normal(2, 2, 3, 3, dtype=np.float32)))
    assert bn.num_batches_tracked.item() == 3
    bn.reset_parameters()
    assert bn.num_batches_tracked.item() == 0 and not bn.running_mean.array.any()


@pytest.mark.parametrize("layer, shape, message", [
    (nn.BatchNorm2d(3), (2, 3), r"BatchNorm2d\(3\): expected input \(N, 3, H, W\), got \(2, 3\)"),
    (nn.BatchNorm1d(3), (2, 4, 5), r"BatchNorm1d\(3\): expected input \(N, 3\) or \(N, 3, L\), got"),
    (nn.BatchNorm1d(3), (1, 3), r"BatchNorm1d\(3\): training needs more than one value"),
    (nn.GroupNorm(2, 4), (2, 6), r"GroupNorm\(2, 4\): expected input \(N, 4, ...\), got \(2, 6\)"),
    (nn.LayerNorm(4), (2, 3), r"LayerNorm\(4\): expected input \(..., 4\), got \(2, 3\)"),
    (nn.Linear(4, 2), (2, 3), r"Linear\(4 -> 2\): expected input \(..., 4\)"),
])
def test_layers_name_themselves_in_errors(layer, shape, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        layer(Tensor(np.zeros(shape, np.float32)))


def test_embedding_keeps_its_padding_row_at_zero():
    layer = nn.Embedding(5, 3, padding_idx=-1)
    assert layer.padding_idx == 4 and not layer.weight.array[4].any()
    layer(Tensor(np.array([4, 4, 1]))).sum().backward()
    assert layer.weight.grad.array[4].tolist() == [0, 0, 0] and layer.weight.grad.array[1].tolist() == [1, 1, 1]


def test_dropout_follows_the_mode():
    layer, x = nn.Dropout(0.5), Tensor(np.ones(100, np.float32))
    assert (layer(x).array == 0).any() and layer.eval()(x) is x


# Losses ---------------------------------------------------------------------------------------------------


def test_losses_hold_their_weights_as_buffers_and_equal_the_functions():
    weight, x, t = Tensor(np.array([1.0, 2.0, 3.0])), Tensor(normal(4, 3)), Tensor(np.array([0, 2, 1, 1]))
    loss = nn.CrossEntropyLoss(weight, ignore_index=1, label_smoothing=0.1, reduction="sum")
    assert list(loss.state_dict()) == ["weight"] and not list(nn.CrossEntropyLoss().state_dict())
    assert loss(x, t).item() == nn.functional.cross_entropy(x, t, weight, ignore_index=1, label_smoothing=0.1,
                                                            reduction="sum").item()
    logp = x.log_softmax(1)
    assert nn.NLLLoss(weight)(logp, t).item() == nn.functional.nll_loss(logp, t, weight).item()
    y = Tensor(np.random.default_rng(0).random((4, 3)))
    for layer, function in ((nn.MSELoss, nn.functional.mse_loss), (nn.L1Loss, nn.functional.l1_loss)):
        assert layer(reduction="sum")(x, y).item() == function(x, y, reduction="sum").item()
    binary = nn.functional.binary_cross_entropy_with_logits(x, y, pos_weight=weight)
    assert nn.BCEWithLogitsLoss(pos_weight=weight)(x, y).item() == binary.item()


# Initial values -------------------------------------------------------------------------------------------


def filled(function, shape, *args, **options):
    tensor = Tensor(np.zeros(shape, np.float32))
    assert function(tensor, *args, **options) is tensor and tensor.version.count == 1
    return tensor.array


@pytest.mark.parametrize("name, options, std", [
    ("kaiming_normal_", dict(), math.sqrt(2 / 450)),
    ("kaiming_normal_", dict(mode="fan_out", nonlinearity="relu"), math.sqrt(2 / 900)),
    ("kaiming_uniform_", dict(a=math.sqrt(5)), math.sqrt(1 / 3 / 450)),
    ("kaiming_uniform_", dict(nonlinearity="tanh"), 5 / 3 / math.sqrt(450)),
    ("xavier_normal_", dict(gain=2.0), 2 * math.sqrt(2 / 1350)),
    ("xavier_uniform_", dict(), math.sqrt(2 / 1350)),
    ("normal_", dict(std=3.0), 3.0),
    ("uniform_", dict(a=-1.0), math.sqrt(4 / 12)),
])
def test_initial_distributions(name, options, std):
    tinynet.manual_seed(0)
    values = filled(getattr(nn.init, name), (100, 50, 3, 3), **options)
    assert abs(values.mean()) < std * 0.02 and abs(values.std() / std - 1) < 0.01
    uniform = np.abs(values).max() < 1.75 * std
    assert uniform == ("uniform" in name)


def test_truncated_constant_and_seeded_values():
    values = filled(nn.init.trunc_normal_, (100, 100), 1.0, 2.0, 0.0, 4.0)
    assert values.min() >= 0 and values.max() <= 4 and 1.5 < values.mean() < 2
    assert filled(nn.init.zeros_, 3).tolist() == [0, 0, 0]
    assert filled(nn.init.constant_, 2, 7).tolist() == [7, 7]
    assert filled(nn.init.ones_, 1).tolist() == [1]
    tinynet.manual_seed(5)
    first = nn.Conv2d(3, 4, 3).weight.array
    tinynet.manual_seed(5)
    tinynet.nn.functional.dropout(Tensor(np.ones(9)))  # a stream of its own
    np.testing.assert_array_equal(nn.Conv2d(3, 4, 3).weight.array, first)


@pytest.mark.parametrize("name", ["linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"])
def test_gains_are_pytorchs(name):
    torch = pytest.importorskip("torch")
    assert nn.init.calculate_gain(name) == pytest.approx(torch.nn.init.calculate_gain(name))
    leaky = torch.nn.init.calculate_gain("leaky_relu", 0.3)
    assert nn.init.calculate_gain("leaky_relu", 0.3) == pytest.approx(leaky)


@pytest.mark.parametrize("make", [
    lambda lib: lib.Linear(300, 200), lambda lib: lib.Conv2d(40, 200, 3), lambda lib: lib.Embedding(100, 50),
    lambda lib: lib.Conv2d(40, 200, 3, groups=4)])
def test_default_initialisation_is_distributed_as_pytorchs(make):
    torch = pytest.importorskip("torch")
    for p, q in zip(make(nn).parameters(), make(torch.nn).parameters(), strict=True):
        q = q.detach().numpy()
        assert abs(p.array.std() / q.std() - 1) < 0.15
        assert abs(np.abs(p.array).max() / np.abs(q).max() - 1) < 0.3


def test_initialisation_refuses():
    with pytest.raises(ValueError, match=r"at least 2 dimensions, got \(3,\)"):
        nn.init.kaiming_normal_(Tensor(np.zeros(3)))
    with pytest.raises(ValueError, match="expected mode fan_in or fan_out, got 'fan'"):
        nn.init.kaiming_normal_(Tensor(np.zeros((3, 3))), mode="fan")
    with pytest.raises(ValueError, match="calculate_gain: expected linear"):
        nn.init.calculate_gain("swish")


@pytest.mark.parametrize("shape, refused", [((1, 4, 1, 1), True), ((2, 4, 1, 1), True), ((1, 4, 1, 2), False),
                                            ((1, 4), True), ((1, 8, 1, 1), False)], ids=str)
def test_group_norm_refuses_groups_of_one_value_in_training(shape, refused):
    """PyTorch refuses them for one image only, and then in evaluation, too; for more, it gives the bias."""
    x, layer = tinynet.randn(*shape), nn.GroupNorm(4, shape[1])
    alone = shape[0] * shape[1] // 4 * int(np.prod(shape[2:])) == 1
    for training in (True, False):
        layer.train(training)
        if refused and (training or alone):
            with pytest.raises(ValueError, match="more than one value in each group"):
                layer(x)
        else:
            assert layer(x).shape == shape


@pytest.mark.parametrize("shape", [(1, 4, 1, 1), (2, 4, 1, 1), (1, 4, 1, 2), (2, 2), (1, 2)], ids=str)
def test_the_function_refuses_what_pytorch_refuses(shape):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)

    def refuses(lib):
        try:
            lib.nn.functional.group_norm(lib.tensor(x), shape[1])
        except ValueError:
            return True

    assert refuses(tinynet) == refuses(torch)
