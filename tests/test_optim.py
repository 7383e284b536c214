"""Optimizers follow PyTorch's step by step; a few steps computed by hand hold without PyTorch."""

import itertools
import math

import numpy as np
import pytest

from tinynet import kernels, optim
from tinynet.nn.utils import clip_grad_norm_, clip_grad_value_
from tinynet.optim import SGD, Adam, AdamW
from tinynet.tensor import Tensor

SHAPES = [(4, 3, 3, 3), (5,), (), (2, 6)]


def parameters(seed=0, dtype=np.float64):
    """Some tensors; the first, a convolution's weight, is channels-last in memory."""
    rng = np.random.default_rng(seed)
    arrays = [rng.standard_normal(shape).astype(dtype) for shape in SHAPES]
    arrays[0] = np.ascontiguousarray(arrays[0].transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    return [Tensor(array, requires_grad=True) for array in arrays]


def to_torch(params):
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    return [torch.tensor(p.array, requires_grad=True) for p in params]


def gradient(array, step, index):
    """Depends on the parameter, so that an error would grow; parameter 1 has none in every third step."""
    if index == 1 and step % 3 == 0:
        return None
    noise = np.random.default_rng([step, index]).standard_normal(array.shape)
    return np.asarray(0.5 * array + noise)


def train(optimizer, params, steps, make=Tensor):
    for step in steps:
        for index, p in enumerate(params):
            g = gradient(p.detach().numpy(), step, index)
            p.grad = None if g is None else make(g)
        optimizer.step()


def train_both(ours, params, theirs, torch_params, steps=range(20)):
    import torch
    train(ours, params, steps)
    train(theirs, torch_params, steps, make=torch.tensor)


def assert_equal(params, torch_params):
    for p, q in zip(params, torch_params, strict=True):
        expected = q.detach().numpy()
        assert np.abs(p.array - expected).max() <= 1e-12 * np.abs(expected).max()


SGD_OPTIONS = [dict(momentum=momentum, dampening=dampening, weight_decay=decay, nesterov=nesterov,
                    maximize=maximize)
               for momentum, dampening, decay, nesterov, maximize
               in itertools.product((0, 0.9), (0, 0.3), (0, 0.01), (False, True), (False, True))
               if not nesterov or (momentum and not dampening)]
ADAM_OPTIONS = [dict(betas=betas, weight_decay=decay, amsgrad=amsgrad, maximize=maximize, eps=eps)
                for betas, decay, amsgrad, maximize, eps in itertools.product(
                    [(0.9, 0.999), (0.5, 0.5)], (0, 0.1), (False, True), (False, True), (1e-8, 1e-3))]

OTHERS = [("RMSprop", {}), ("RMSprop", {"momentum": 0.9, "centered": True}),
          ("RMSprop", {"weight_decay": 0.1, "maximize": True}),
          ("Adagrad", {}), ("Adagrad", {"lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.3}),
          ("Adadelta", {}), ("Adadelta", {"rho": 0.5, "eps": 1e-3, "weight_decay": 0.1, "maximize": True}),
          ("Rprop", {}), ("Rprop", {"etas": (0.3, 1.4), "step_sizes": (1e-3, 0.5), "maximize": True}),
          ("Adamax", {}), ("Adamax", {"betas": (0.5, 0.8), "weight_decay": 0.1, "maximize": True}),
          ("NAdam", {}), ("NAdam", {"betas": (0.5, 0.8), "weight_decay": 0.1, "momentum_decay": 0.1}),
          ("NAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}),
          ("RAdam", {}), ("RAdam", {"betas": (0.5, 0.8), "weight_decay": 0.1}),
          ("RAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True})]


class TestAgainstTorch:
    @pytest.mark.parametrize("name, options", OTHERS, ids=[f"{name} {options}" for name, options in OTHERS])
    def test_others(self, name, options):
        """Steps, then the states exchanged both ways, then further steps."""
        params = parameters()
        torch_params = to_torch(params)
        import torch
        ours, theirs = getattr(optim, name)(params, **options), getattr(torch.optim, name)(torch_params, **options)
        train_both(ours, params, theirs, torch_params, range(12))
        saved, groups = theirs.state_dict()["state"], theirs.state_dict()["param_groups"]
        mine = ours.state_dict()["state"]
        assert {i: sorted(state) for i, state in mine.items()} == {i: sorted(state) for i, state in saved.items()}
        ours = getattr(optim, name)(params, **options)
        ours.load_state_dict({"param_groups": groups, "state": {
            i: {key: np.asarray(value) for key, value in state.items()} for i, state in saved.items()}})
        theirs = getattr(torch.optim, name)(torch_params, **options)
        theirs.load_state_dict({"param_groups": groups, "state": {
            i: {key: torch.tensor(value.array) for key, value in state.items()} for i, state in mine.items()}})
        train_both(ours, params, theirs, torch_params, range(12, 24))
        for p, q in zip(params, torch_params):
            np.testing.assert_allclose(p.array, q.detach().numpy(), rtol=1e-10)

    @pytest.mark.parametrize("backend", ["numpy", "numba"])
    @pytest.mark.parametrize("options", SGD_OPTIONS, ids=str)
    def test_sgd(self, options, backend):
        params = parameters()
        torch_params = to_torch(params)
        import torch
        with kernels.use(backend):
            train_both(SGD(params, 0.05, **options), params,
                       torch.optim.SGD(torch_params, 0.05, **options), torch_params)
        assert_equal(params, torch_params)

    @pytest.mark.parametrize("name", ["Adam", "AdamW"])
    @pytest.mark.parametrize("options", ADAM_OPTIONS, ids=str)
    def test_adam(self, name, options):
        params = parameters()
        torch_params = to_torch(params)
        import torch
        train_both({"Adam": Adam, "AdamW": AdamW}[name](params, 0.05, **options), params,
                   getattr(torch.optim, name)(torch_params, 0.05, **options), torch_params)
        assert_equal(params, torch_params)

    @pytest.mark.parametrize("make, name", [(SGD, "SGD"), (Adam, "Adam"), (AdamW, "AdamW"),
                                            *((getattr(optim, name), name) for name in dict(OTHERS))])
    def test_defaults(self, make, name):
        params = parameters()
        torch_params = to_torch(params)
        import torch
        ours, theirs = make(params), getattr(torch.optim, name)(torch_params)
        for option, value in ours.defaults.items():
            assert value == theirs.defaults[option]
        train_both(ours, params, theirs, torch_params)
        assert_equal(params, torch_params)

    def test_groups_with_options_of_their_own(self):
        params = parameters()
        torch_params = to_torch(params)
        import torch

        def build(optimizer, p):
            built = optimizer([{"params": p[:2], "weight_decay": 0.1}, {"params": p[2], "momentum": 0}],
                              lr=0.02, momentum=0.9)
            built.add_param_group({"params": p[3:], "lr": 0.1, "momentum": 0.5, "nesterov": True})
            return built

        train_both(build(SGD, params), params, build(torch.optim.SGD, torch_params), torch_params)
        assert_equal(params, torch_params)

    @pytest.mark.parametrize("make, name, options", [(SGD, "SGD", {"momentum": 0.9}), (SGD, "SGD", {}),
                                                     (Adam, "Adam", {}), (AdamW, "AdamW", {"amsgrad": True})])
    def test_taking_over_from_torch(self, make, name, options):
        """PyTorch takes ten steps, tinynet loads its state and takes the other ten."""
        torch_params = to_torch(parameters())
        import torch
        theirs = getattr(torch.optim, name)(torch_params, 0.05, **options)
        train(theirs, torch_params, range(10), make=torch.tensor)
        params = [Tensor(q.detach().numpy().copy(), requires_grad=True) for q in torch_params]
        saved = theirs.state_dict()
        arrays = {i: {key: np.asarray(value) for key, value in state.items() if value is not None}
                  for i, state in saved["state"].items()}
        ours = make(params, 123)
        ours.load_state_dict({"state": arrays, "param_groups": saved["param_groups"]})
        assert ours.param_groups[0].keys() == {"params", *ours.defaults}
        train_both(ours, params, theirs, torch_params, range(10, 20))
        assert_equal(params, torch_params)

    def test_handing_over_to_torch(self):
        params = parameters()
        ours = SGD(params, 0.05, momentum=0.9)
        train(ours, params, range(10))
        torch_params = to_torch(params)
        import torch
        theirs = torch.optim.SGD(torch_params)
        state = {i: {key: torch.tensor(np.asarray(value)) for key, value in tensors.items()}
                 for i, tensors in ours.state_dict()["state"].items()}
        groups = ours.state_dict()["param_groups"]
        theirs.load_state_dict({"state": state, "param_groups": groups})
        train_both(ours, params, theirs, torch_params, range(10, 20))
        assert_equal(params, torch_params)

    @pytest.mark.parametrize("norm_type", [2.0, 1.0, 3.5, math.inf])
    @pytest.mark.parametrize("max_norm", [0.1, 5.0, 1e6])
    def test_clip_grad_norm(self, norm_type, max_norm):
        params = parameters()
        torch_params = to_torch(params)
        import torch
        for i, (p, q) in enumerate(zip(params, torch_params)):
            g = gradient(p.array, 1 + (i == 3), i)
            p.grad, q.grad = Tensor(g.copy()), torch.tensor(g)
        norm = clip_grad_norm_(params, max_norm, norm_type)
        expected = torch.nn.utils.clip_grad_norm_(torch_params, max_norm, norm_type)
        assert norm.shape == () and norm.item() == pytest.approx(expected.item(), rel=1e-12)
        assert_equal([p.grad for p in params], [q.grad for q in torch_params])


    @pytest.mark.parametrize("options", [{}, {"lr": 0.5, "max_iter": 5}, {"history_size": 2, "max_iter": 7},
                                         {"max_eval": 4}], ids=str)
    def test_lbfgs(self, options):
        torch = pytest.importorskip("torch")

        import tinynet
        courses = []
        for lib in torch, tinynet:
            a, b = (lib.tensor(np.array(x), requires_grad=True) for x in ([-1.2, 1.0], [[0.3, 0.4]]))
            optimizer = lib.optim.LBFGS([a, b], **options)

            def closure():
                optimizer.zero_grad()
                loss = (1 - a[0]) ** 2 + 5 * (a[1] - a[0] ** 2) ** 2
                loss = loss + ((b - 2) ** 4).sum() / 10 + (a * b).sum() ** 2 / 10
                loss.backward()
                return loss

            courses.append([[optimizer.step(closure).item(), *a.detach().numpy()] for _ in range(5)])
        np.testing.assert_allclose(courses[1], courses[0], rtol=1e-9)


class TestByHand:
    def test_sgd(self):
        w = Tensor(np.array([1.0, -2.0]), requires_grad=True)
        optimizer = SGD([w], lr=0.1, momentum=0.5, dampening=0.5, weight_decay=1.0)
        w.grad = Tensor(np.array([1.0, 1.0]))
        optimizer.step()               # v = g + w = [2, -1], not dampened
        np.testing.assert_allclose(w.array, [0.8, -1.9], rtol=1e-15)
        optimizer.step()               # v = v / 2 + (g + w) / 2 = [1.9, -0.95]
        np.testing.assert_allclose(w.array, [0.61, -1.805], rtol=1e-15)
        np.testing.assert_allclose(optimizer.state[w]["momentum_buffer"], [1.9, -0.95], rtol=1e-15)

    def test_nesterov(self):
        w = Tensor(np.array([1.0]), requires_grad=True)
        w.grad = Tensor(np.array([1.0]))
        SGD([w], lr=0.1, momentum=0.5, nesterov=True).step()
        np.testing.assert_allclose(w.array, [1 - 0.1 * 1.5], rtol=1e-15)

    @pytest.mark.parametrize("make, expected", [(Adam, 1 - 0.1), (AdamW, 1 * (1 - 0.1 * 0.5) - 0.1)])
    def test_the_first_step_of_adam_is_the_learning_rate(self, make, expected):
        w = Tensor(np.array([1.0]), requires_grad=True)
        w.grad = Tensor(np.array([3.0]))
        make([w], lr=0.1, eps=0, weight_decay=0.5).step()
        np.testing.assert_allclose(w.array, [expected], rtol=1e-15)

    def test_clip_grad_norm(self):
        a, b = (Tensor(np.zeros(1, np.float32), requires_grad=True) for _ in range(2))
        a.grad, b.grad = Tensor(np.array([3.0], np.float32)), Tensor(np.array([-4.0], np.float32))
        norm = clip_grad_norm_([a, b], 1.0)
        assert norm.item() == 5 and norm.dtype == np.float32
        np.testing.assert_allclose([a.grad.item(), b.grad.item()], [0.6, -0.8], rtol=1e-6)
        assert clip_grad_norm_(iter([a, b]), 10.0).item() == pytest.approx(1, rel=1e-5)
        np.testing.assert_allclose([a.grad.item(), b.grad.item()], [0.6, -0.8], rtol=1e-6)

    def test_clip_grad_norm_without_gradients_or_with_infinite_ones(self):
        a = Tensor(np.zeros(2), requires_grad=True)
        assert clip_grad_norm_(a, 1.0).item() == 0
        a.grad = Tensor(np.array([np.inf, 1.0]))
        with pytest.raises(RuntimeError, match="finite norm"):
            clip_grad_norm_(a, 1.0, error_if_nonfinite=True)
        with pytest.raises(ValueError, match="norm_type > 0"):
            clip_grad_norm_(a, 1.0, norm_type=0)

    def test_clip_grad_value(self):
        a = Tensor(np.zeros(3), requires_grad=True)
        a.grad = Tensor(np.array([-3.0, 0.5, 3.0]))
        clip_grad_value_(a, 2)
        np.testing.assert_array_equal(a.grad.array, [-2, 0.5, 2])


class TestOptimizer:
    @pytest.mark.parametrize("make", [lambda p: SGD(p, 0.05, momentum=0.9, nesterov=True), Adam, AdamW])
    def test_a_loaded_state_goes_on_with_the_same_bits(self, make):
        params = parameters()
        first = make(params)
        train(first, params, range(5))
        copies = [Tensor(p.array.copy("K"), requires_grad=True) for p in params]
        second = make(copies)
        second.load_state_dict(first.state_dict())
        train(first, params, range(5, 10))         # must not reach into the loaded state
        train(second, copies, range(5, 10))
        for p, q in zip(params, copies):
            np.testing.assert_array_equal(p.array, q.array)

    def test_state_dict_has_the_structure_of_pytorch(self):
        params = parameters()
        optimizer = SGD([{"params": params[:1]}, {"params": params[1:], "lr": 0.5}], lr=0.1, momentum=0.9)
        train(optimizer, params, [1])
        state = optimizer.state_dict()
        assert [group["params"] for group in state["param_groups"]] == [[0], [1, 2, 3]]
        assert [group["lr"] for group in state["param_groups"]] == [0.1, 0.5]
        assert sorted(state["state"]) == [0, 1, 2, 3]
        assert isinstance(state["state"][3]["momentum_buffer"], Tensor)

    def test_a_state_takes_the_type_and_memory_order_of_its_parameter(self):
        w = Tensor(np.zeros((2, 3, 4, 4), np.float32).transpose(0, 3, 1, 2), requires_grad=True)
        optimizer = SGD([w], momentum=0.9)
        optimizer.load_state_dict({"state": {"0": {"momentum_buffer": np.ones(w.shape)}},
                                   "param_groups": [{"params": ["0"], "lr": 0.5}]})
        loaded = optimizer.state[w]["momentum_buffer"]
        assert loaded.dtype == np.float32 and loaded.array.strides == w.array.strides
        assert optimizer.param_groups[0]["lr"] == 0.5 and optimizer.param_groups[0]["momentum"] == 0.9

    def test_parameters_keep_their_array_and_note_the_change(self):
        params = parameters(dtype=np.float32)
        arrays, versions = [p.array for p in params], [p.version.count for p in params]
        train_float32 = SGD(params, np.float64(0.1), momentum=np.float64(0.9))
        for p in params:
            p.grad = Tensor(np.ones_like(p.array))
        train_float32.step()
        for p, array, version in zip(params, arrays, versions):
            assert p.array is array and p.dtype == np.float32 and p.version.count == version + 1
        assert train_float32.state[params[0]]["momentum_buffer"].array.strides == params[0].array.strides

    def test_zero_grad(self):
        params = parameters()
        optimizer = SGD(params)
        params[0].grad = Tensor(np.ones(SHAPES[0]))
        optimizer.zero_grad(set_to_none=False)
        assert not params[0].grad.array.any() and params[1].grad is None
        optimizer.zero_grad()
        assert params[0].grad is None

    def test_closure(self):
        w = Tensor(np.array([1.0]), requires_grad=True)

        def closure():
            w.grad = Tensor(np.array([2.0]))
            return "the loss"

        assert SGD([w], lr=0.25).step(closure) == "the loss"
        assert w.item() == 0.5

    def test_an_optimizer_of_the_users_own(self):
        """As public code writes it: options as a dict, state made at first use, tensors changed through data."""
        class Momentum(optim.Optimizer):
            def __init__(self, params, lr=0.1):
                super().__init__(params, {"lr": lr})

            def step(self, closure=None):
                for group in self.param_groups:
                    for p in group["params"]:
                        state = self.state[p]
                        if len(state) == 0:
                            state["step"], state["velocity"] = 0, p.data.clone().zero_()
                        state["step"] += 1
                        state["velocity"].mul_(0.5).add_(p.grad.data)
                        p.data.add_(state["velocity"], alpha=-group["lr"])

        w = Tensor(np.array([1.0]), requires_grad=True)
        first = Momentum([w])
        for _ in range(2):
            w.grad = Tensor(np.array([1.0]))
            first.step()
        np.testing.assert_allclose(w.array, [1 - 0.1 - 0.15])
        second = Momentum([w])
        second.load_state_dict(first.state_dict())
        assert second.state[w]["step"] == 2 and second.state[w]["velocity"].item() == 1.5

    def test_a_group_given_by_the_user_is_not_changed(self):
        given = {"params": parameters()}
        SGD([given])
        assert list(given) == ["params"]


class TestRefused:
    @pytest.mark.parametrize("make, options, message", [
        (SGD, {"lr": -1}, r"SGD: expected lr in \[0, inf\), got -1"),
        (SGD, {"lr": float("nan")}, "expected lr in"),
        (SGD, {"lr": "fast"}, "SGD: expected lr to be a number, got str"),
        (SGD, {"momentum": -0.1}, "expected momentum in"),
        (SGD, {"weight_decay": -0.1}, "expected weight_decay in"),
        (SGD, {"nesterov": True}, "nesterov expects momentum > 0 and dampening 0, got momentum 0"),
        (SGD, {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "got momentum 0.9 and dampening 0.1"),
        (SGD, {"differentiable": True}, "SGD: differentiable=True is not supported"),
        (SGD, {"momentun": 0.9}, "SGD: unknown option 'momentun'"),
        (Adam, {"betas": (0.9, 1.0)}, r"Adam: expected betas\[1\] in \[0, 1\), got 1.0"),
        (Adam, {"betas": 0.9}, "expected betas to be a pair"),
        (Adam, {"eps": -1}, "expected eps in"),
        (AdamW, {"capturable": True}, "AdamW: capturable=True is not supported"),
        (AdamW, {"lr": -1}, "AdamW: expected lr"),
        (optim.LBFGS, {"max_iter": 0}, "LBFGS: expected max_iter to be a positive integer"),
        (optim.RMSprop, {"alpha": -1}, r"RMSprop: expected alpha in \[0, inf\), got -1"),
        (optim.Adadelta, {"rho": 2}, r"Adadelta: expected rho in \[0, 1\], got 2"),
        (optim.Rprop, {"etas": (1.5, 2)}, r"Rprop: expected etas\[0\] in \[0, 1\)"),
    ])
    def test_options(self, make, options, message):
        with pytest.raises((ValueError, TypeError), match=message):
            make(parameters(), **options)
        if "momentun" not in options and not {"differentiable", "capturable"} & options.keys():
            with pytest.raises((ValueError, TypeError), match=message):
                make([{"params": parameters(), **options}])

    def test_options_that_ask_for_nothing_pass(self):
        SGD(parameters(), foreach=None, fused=False, differentiable=False)

    def test_options_that_leave_the_numbers_as_they_are_pass(self):
        SGD(parameters(), fused=True)
        optim.RMSprop(parameters(), foreach=True)

    def test_parameters(self):
        p, q = parameters()[:2]
        result = Tensor(np.ones(2))
        result.grad_fn = type("Node", (), {"name": "MulBackward"})
        for params, message in [
            ([], "expected at least one parameter, got an empty list"),
            (p, "expected a list of tensors or dicts, got Tensor"),
            ({p, q}, "a list.*got a set"),
            ([np.ones(3)], "expected tensors as parameters, got ndarray"),
            ([p, q, p], "parameter 2 of shape .* comes twice"),
            ([{"params": [p]}, {"params": [q, p]}], "parameter 1 of shape .* comes twice"),
            ([{"parameters": [p]}], "a dict with 'params'"),
            ([result], "expected leaf tensors, but parameter 0 .* is the result of MulBackward"),
        ]:
            with pytest.raises((ValueError, TypeError), match=f"SGD: .*{message}"):
                SGD(params)

    def test_a_gradient_of_another_shape_or_type(self):
        w = Tensor(np.zeros(3), requires_grad=True)
        for wrong in (np.zeros(4), np.zeros(3, np.float32)):
            w.grad = Tensor(wrong)
            with pytest.raises(ValueError, match="expected a gradient of float64"):
                SGD([w]).step()

    def test_a_state_that_does_not_fit_changes_nothing(self):
        params = parameters()
        optimizer = SGD(params, lr=0.1, momentum=0.9)
        train(optimizer, params, [1])
        good = optimizer.state_dict()
        groups, state = good["param_groups"], good["state"]
        for state, groups, message in [
            (state, groups * 2, r"groups of \[4\] parameters, got a state of \[4, 4\]"),
            (state, [{**groups[0], "params": [0, 1]}], r"got a state of \[2\]"),
            ({**state, 9: state[0]}, groups, "for parameter 9"),
            ({0: {"exp_avg": np.zeros(SHAPES[0])}}, groups, "got exp_avg for parameter 0"),
            ({0: {"momentum_buffer": np.zeros(7)}}, groups, r"got \(7,\)"),
            (state, [{**groups[0], "lr": -3}], "expected lr"),
        ]:
            with pytest.raises(ValueError, match=f"SGD: .*{message}"):
                optimizer.load_state_dict({"state": state, "param_groups": groups})
            assert optimizer.param_groups[0]["lr"] == 0.1 and len(optimizer.state) == 4
