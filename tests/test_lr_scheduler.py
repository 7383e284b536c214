"""Learning rates follow PyTorch's over whole schedules; a few computed by hand hold without PyTorch."""

import math

import numpy as np
import pytest

from tinynet.optim import SGD, Adam, lr_scheduler
from tinynet.tensor import Tensor

CYCLE = {"max_lr": 0.8, "total_steps": 40}
CASES = [
    ("StepLR", {"step_size": 7}),
    ("StepLR", {"step_size": 1, "gamma": 0.9}),
    ("MultiStepLR", {"milestones": [3, 20, 10, 10], "gamma": 0.5}),
    ("MultiStepLR", {"milestones": []}),
    ("ExponentialLR", {"gamma": 0.93}),
    ("LinearLR", {}),
    ("LinearLR", {"start_factor": 0.01, "end_factor": 0.7, "total_iters": 20}),
    ("LinearLR", {"start_factor": 1.0, "end_factor": 0.0, "total_iters": 10}),
    ("LinearLR", {"total_iters": 0}),
    ("CosineAnnealingLR", {"T_max": 10}),                          # 40 steps: down and up twice
    ("CosineAnnealingLR", {"T_max": 40, "eta_min": 1e-3}),
    ("CosineAnnealingLR", {"T_max": 7, "eta_min": 0.01}),
    ("CosineAnnealingLR", {"T_max": 1}),
    ("LambdaLR", {"lr_lambda": lambda epoch: 0.9 ** epoch}),
    ("LambdaLR", {"lr_lambda": [lambda epoch: 1 / (1 + epoch), lambda epoch: 2]}),
    ("MultiplicativeLR", {"lr_lambda": lambda epoch: 0.95}),
    ("ConstantLR", {}),
    ("ConstantLR", {"factor": 0.5, "total_iters": 12}),
    ("PolynomialLR", {}),
    ("PolynomialLR", {"total_iters": 30, "power": 2.0}),
    ("CosineAnnealingWarmRestarts", {"T_0": 7}),
    ("CosineAnnealingWarmRestarts", {"T_0": 5, "T_mult": 2, "eta_min": 0.01}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.2, "step_size_up": 6}),
    ("CyclicLR", {"base_lr": [0.01, 0.02], "max_lr": 0.2, "step_size_up": 3, "step_size_down": 5,
                  "mode": "triangular2"}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.2, "step_size_up": 5, "mode": "exp_range", "gamma": 0.95,
                  "cycle_momentum": False}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.2, "step_size_up": 5, "scale_fn": lambda x: 1 / (1 + x),
                  "scale_mode": "iterations"}),
    ("OneCycleLR", CYCLE),
    ("OneCycleLR", {"max_lr": [0.8, 0.1], "epochs": 4, "steps_per_epoch": 10}),
    ("OneCycleLR", {**CYCLE, "anneal_strategy": "linear", "pct_start": 0.41}),
    ("OneCycleLR", {**CYCLE, "three_phase": True}),
    ("OneCycleLR", {**CYCLE, "three_phase": True, "anneal_strategy": "linear", "pct_start": 0.6}),
    ("OneCycleLR", {**CYCLE, "pct_start": 0.0}),
    ("OneCycleLR", {**CYCLE, "pct_start": 0.975}),
    ("OneCycleLR", {**CYCLE, "cycle_momentum": False, "div_factor": 4.0, "final_div_factor": 10.0}),
    ("OneCycleLR", {**CYCLE, "base_momentum": [0.5, 0.6], "max_momentum": 0.99}),
]

# The saved states of these differ from PyTorch's.
OWN_STATE = ("OneCycleLR", "LambdaLR", "MultiplicativeLR", "CyclicLR", "ConstantLR", "PolynomialLR")


def make_optimizer(lr=0.1, kind=SGD):
    groups = [{"params": [Tensor(np.zeros(2), requires_grad=True)]},
              {"params": [Tensor(np.zeros(3), requires_grad=True)], "lr": 0.03}]
    return kind(groups, lr=lr)


def make_torch_optimizer(lr=0.1, kind="SGD"):
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    groups = [{"params": [torch.zeros(2)]}, {"params": [torch.zeros(3)], "lr": 0.03}]
    return getattr(torch.optim, kind)(groups, lr=lr)


def course(optimizer, schedule, steps=40):
    """Learning rate and momentum of both groups, at the beginning and after each step."""
    rows = []
    for step in range(steps + 1):
        if step:
            optimizer.step()
            schedule.step()
        groups = optimizer.param_groups
        assert schedule.get_last_lr() == [group["lr"] for group in groups]
        rows.append([(group["lr"], group["momentum"] if "momentum" in group else group["betas"][0])
                     for group in groups])
    return np.array(rows)


def sequence(module, optimizer, parts, milestones):
    schedules = [getattr(module, name)(optimizer, **options) for name, options in parts]
    return module.SequentialLR(optimizer, schedules, milestones)


SEQUENCES = [
    ([("LinearLR", {"start_factor": 0.1, "total_iters": 5}), ("CosineAnnealingLR", {"T_max": 35})], [5]),
    ([("LinearLR", {"start_factor": 0.1, "total_iters": 9}),
      ("CosineAnnealingLR", {"T_max": 12, "eta_min": 0.002}), ("ExponentialLR", {"gamma": 0.8})], [5, 30]),
    ([("ExponentialLR", {"gamma": 0.9}), ("StepLR", {"step_size": 4}),
      ("MultiStepLR", {"milestones": [0, 5]}), ("LinearLR", {})], [10, 20, 30]),
    ([("CosineAnnealingLR", {"T_max": 10}), ("OneCycleLR", {"max_lr": 0.5, "total_steps": 40})], [8]),
    ([("LambdaLR", {"lr_lambda": lambda epoch: epoch + 1}), ("LinearLR", {"total_iters": 3})], [4]),
    ([("StepLR", {"step_size": 3}), ("ExponentialLR", {"gamma": 0.9})], [0]),
    ([("StepLR", {"step_size": 3})], []),
]


class TestAgainstTorch:
    @pytest.mark.parametrize("kind", [SGD, Adam])
    @pytest.mark.parametrize("name, options", CASES, ids=str)
    def test_course(self, name, options, kind):
        theirs = make_torch_optimizer(kind=kind.__name__)
        import torch
        expected = course(theirs, getattr(torch.optim.lr_scheduler, name)(theirs, **options))
        ours = make_optimizer(kind=kind)
        found = course(ours, getattr(lr_scheduler, name)(ours, **options))
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-16)

    @pytest.mark.parametrize("parts, milestones", SEQUENCES)
    def test_sequence(self, parts, milestones):
        theirs = make_torch_optimizer()
        import torch
        expected = course(theirs, sequence(torch.optim.lr_scheduler, theirs, parts, milestones))
        ours = make_optimizer()
        found = course(ours, sequence(lr_scheduler, ours, parts, milestones))
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-16)

    def test_two_schedules_on_one_optimizer(self):
        theirs, ours = make_torch_optimizer(), make_optimizer()
        import torch
        pairs = []
        for module, optimizer in ((torch.optim.lr_scheduler, theirs), (lr_scheduler, ours)):
            warmup = module.LinearLR(optimizer, 0.1, total_iters=6)
            pairs.append((optimizer, warmup, module.CosineAnnealingLR(optimizer, 12)))
        for _ in range(20):
            for optimizer, *schedules in pairs:
                optimizer.step()
                for schedule in schedules:
                    schedule.step()
            found, expected = ([group["lr"] for group in each.param_groups] for each in (ours, theirs))
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-16)

    @pytest.mark.parametrize("name, options",
                             [case for case in CASES if case[0] not in ("OneCycleLR", "CyclicLR")], ids=str)
    def test_resuming_at_a_later_epoch(self, name, options):
        courses = []
        theirs, ours = make_torch_optimizer(), make_optimizer()
        import torch
        for module, optimizer in ((torch.optim.lr_scheduler, theirs), (lr_scheduler, ours)):
            for group in optimizer.param_groups:
                group["initial_lr"] = 0.2
            courses.append(course(optimizer, getattr(module, name)(optimizer, **options, last_epoch=8), 20))
        np.testing.assert_allclose(courses[1], courses[0], rtol=1e-12, atol=1e-16)

    @pytest.mark.parametrize("name, options", [case for case in CASES if case[0] not in OWN_STATE], ids=str)
    def test_taking_over_from_torch(self, name, options):
        theirs, ours = make_torch_optimizer(), make_optimizer(lr=7)
        import torch
        schedule = getattr(torch.optim.lr_scheduler, name)(theirs, **options)
        course(theirs, schedule, 15)
        resumed = getattr(lr_scheduler, name)(ours, **options)
        ours.load_state_dict({**theirs.state_dict(), "state": {}})
        resumed.load_state_dict(schedule.state_dict())
        np.testing.assert_allclose(course(ours, resumed, 20), course(theirs, schedule, 20), rtol=1e-12,
                                   atol=1e-16)

    @pytest.mark.parametrize("options", [
        {}, {"mode": "max", "factor": 0.5, "patience": 1}, {"threshold_mode": "abs", "threshold": 0.3, "patience": 2},
        {"patience": 0, "cooldown": 2, "min_lr": [0.01, 0.0]}, {"mode": "max", "threshold_mode": "abs", "patience": 1}],
        ids=lambda o: ", ".join(f"{name}={value}" for name, value in o.items()) or "defaults")
    def test_plateau(self, options):
        theirs, ours = make_torch_optimizer(), make_optimizer()
        import torch
        measures = np.round(np.random.default_rng(0).standard_normal(60).cumsum() / 3, 1)
        courses = []
        for module, optimizer in ((torch.optim.lr_scheduler, theirs), (lr_scheduler, ours)):
            schedule = module.ReduceLROnPlateau(optimizer, **options)
            rows = []
            for measure in measures:
                optimizer.step()
                schedule.step(measure)
                rows.append([*(group["lr"] for group in optimizer.param_groups), *schedule.get_last_lr(),
                             schedule.num_bad_epochs, schedule.best])
            courses.append(rows)
            again = module.ReduceLROnPlateau(optimizer)
            again.load_state_dict(schedule.state_dict())
            assert again.num_bad_epochs == schedule.num_bad_epochs and again.patience == schedule.patience
        np.testing.assert_allclose(courses[1], courses[0], rtol=1e-12)

    def test_chained_schedules(self):
        theirs, ours = make_torch_optimizer(), make_optimizer()
        import torch
        rows = []
        for module, optimizer in ((torch.optim.lr_scheduler, theirs), (lr_scheduler, ours)):
            both = module.ChainedScheduler([module.ConstantLR(optimizer, 0.1, 4), module.ExponentialLR(optimizer, 0.9)])
            rows.append(course(optimizer, both, 12))
        np.testing.assert_allclose(rows[1], rows[0], rtol=1e-12)

    def test_swa_lr(self):
        theirs, ours = make_torch_optimizer(), make_optimizer()
        import torch
        from tinynet.optim import swa_utils
        for options in {}, {"anneal_strategy": "linear", "anneal_epochs": 5}, {"anneal_epochs": 0}:
            rows = [course(optimizer, module.SWALR(optimizer, 0.5, **options), 14)
                    for module, optimizer in ((torch.optim.swa_utils, theirs), (swa_utils, ours))]
            np.testing.assert_allclose(rows[1], rows[0], rtol=1e-12)

    def test_restarts_within_an_epoch(self):
        theirs, ours = make_torch_optimizer(), make_optimizer()
        import torch
        rows = []
        for module, optimizer in ((torch.optim.lr_scheduler, theirs), (lr_scheduler, ours)):
            schedule = module.CosineAnnealingWarmRestarts(optimizer, 3, 2)
            rows.append([(schedule.step(epoch), *schedule.get_last_lr())[1:] for epoch in np.arange(0, 25, 0.25)])
        np.testing.assert_allclose(rows[1], rows[0], rtol=1e-9, atol=1e-12)

    @pytest.mark.filterwarnings("ignore:The epoch parameter")
    def test_going_to_an_epoch(self):
        """step(epoch), deprecated: forward, to the same one, and back."""
        theirs, ours = make_torch_optimizer(), make_optimizer()
        import torch
        rows = []
        for module, optimizer in ((torch.optim.lr_scheduler, theirs), (lr_scheduler, ours)):
            schedule = module.MultiStepLR(optimizer, [2, 5], 0.5)
            rows.append([(optimizer.step(), schedule.step(epoch), *schedule.get_last_lr())[2:]
                         for epoch in (1, 2, 2, 4, 7, 3, 4)])
        np.testing.assert_allclose(rows[1], rows[0], rtol=1e-12)

    def test_one_step_beyond_one_cycle(self):
        """PyTorch allows total_steps steps after the first learning rate, and no more."""
        theirs, ours = make_torch_optimizer(), make_optimizer()
        import torch
        for module, optimizer in ((torch.optim.lr_scheduler, theirs), (lr_scheduler, ours)):
            schedule = module.OneCycleLR(optimizer, 0.1, total_steps=4)
            course(optimizer, schedule, 4)
            with pytest.raises(ValueError, match="4"):
                schedule.step()


class TestByHand:
    def lrs(self, schedule, steps):
        return course(schedule.optimizer, schedule, steps)[:, 0, 0]

    def test_warm_up_and_cosine(self):
        optimizer = make_optimizer(lr=1.0)
        schedule = lr_scheduler.SequentialLR(optimizer, [lr_scheduler.LinearLR(optimizer, 0.25, 1, 3),
                                                         lr_scheduler.CosineAnnealingLR(optimizer, 4)], [3])
        half = math.sqrt(0.5) / 2
        expected = [0.25, 0.5, 0.75, 1, 0.5 + half, 0.5, 0.5 - half, 0]
        np.testing.assert_allclose(self.lrs(schedule, 7), expected, atol=1e-15)

    def test_steps(self):
        schedule = lr_scheduler.StepLR(make_optimizer(lr=8.0), 2, 0.5)
        np.testing.assert_allclose(self.lrs(schedule, 5), [8, 8, 4, 4, 2, 2])
        schedule = lr_scheduler.MultiStepLR(make_optimizer(lr=8.0), [1, 3, 3], 0.5)
        np.testing.assert_allclose(self.lrs(schedule, 4), [8, 4, 4, 1, 1])

    def test_one_cycle(self):
        optimizer = make_optimizer()
        schedule = lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=5, pct_start=0.6, div_factor=5,
                                           final_div_factor=2, anneal_strategy="linear")
        np.testing.assert_allclose(course(optimizer, schedule, 4)[:, 0],
                                   [(0.2, 0.95), (0.6, 0.9), (1.0, 0.85), (0.55, 0.9), (0.1, 0.95)])

    def test_one_cycle_whose_rise_has_no_length(self):
        """One step of rise: PyTorch divides by zero."""
        schedule = lr_scheduler.OneCycleLR(make_optimizer(), 1.0, total_steps=10, pct_start=0.1)
        assert self.lrs(schedule, 9)[0] == 1


@pytest.mark.parametrize("parts, milestones", [([case], []) for case in CASES if case[0] != "CyclicLR"] + SEQUENCES)
def test_a_loaded_state_goes_on_with_the_same_rates(parts, milestones):
    first, second = make_optimizer(), make_optimizer(lr=5.0)
    schedule = sequence(lr_scheduler, first, parts, milestones)
    course(first, schedule, 17)
    resumed = sequence(lr_scheduler, second, parts, milestones)
    second.load_state_dict(first.state_dict())
    resumed.load_state_dict(schedule.state_dict())
    np.testing.assert_array_equal(course(second, resumed, 20), course(first, schedule, 20))


def test_sequences_nest():
    """A warm-up before a sequence; the inner one begins anew at the milestone."""
    optimizer = make_optimizer(lr=1.0)
    inner = lr_scheduler.SequentialLR(optimizer, [lr_scheduler.StepLR(optimizer, 1, 0.5),
                                                  lr_scheduler.ExponentialLR(optimizer, 0.1)], [2])
    warmup = lr_scheduler.LinearLR(optimizer, 0.5, 1, 2)
    outer = lr_scheduler.SequentialLR(optimizer, [warmup, inner], [2])
    np.testing.assert_allclose(course(optimizer, outer, 5)[:, 0, 0], [0.5, 0.75, 1, 0.5, 1, 0.1])


@pytest.mark.parametrize("name, options, message", [
    ("StepLR", {"step_size": 0}, "StepLR: expected step_size to be a positive integer, got 0"),
    ("CosineAnnealingLR", {"T_max": -3}, "expected T_max to be a positive integer, got -3"),
    ("LinearLR", {"start_factor": 0}, r"expected start_factor in \(0, 1\]"),
    ("LinearLR", {"end_factor": 1.5}, r"end_factor in \[0, 1\], got .* and 1.5"),
    ("OneCycleLR", {"max_lr": 1.0}, "OneCycleLR: expected epochs .or else total_steps. .* got None"),
    ("OneCycleLR", {"max_lr": 1.0, "epochs": 3}, "expected steps_per_epoch .* got None"),
    ("OneCycleLR", {"max_lr": 1.0, "total_steps": 0}, "expected total_steps to be a positive integer, got 0"),
    ("OneCycleLR", {"max_lr": [1.0], "total_steps": 5}, "expected max_lr to be one value or 2, .* got 1"),
    ("OneCycleLR", {**CYCLE, "pct_start": 1.5}, "expected pct_start in"),
    ("OneCycleLR", {**CYCLE, "anneal_strategy": "exp"}, "cos or linear, got 'exp'"),
    ("LambdaLR", {"lr_lambda": [abs]}, "expected lr_lambda to be one value or 2"),
    ("StepLR", {"step_size": 3, "last_epoch": 5}, "expects 'initial_lr' in parameter group 0"),
    ("SequentialLR", {"schedulers": [], "milestones": []}, "got 0 schedules"),
    ("ConstantLR", {"factor": 2}, r"expected factor in \[0, 1\], got 2"),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 1.0, "mode": "square"}, "expected mode triangular, exp_range, triangular2"),
    ("CosineAnnealingWarmRestarts", {"T_0": 0}, "expected T_0 to be a positive integer, got 0"),
    ("ReduceLROnPlateau", {"factor": 1.0}, "expected factor below 1"),
    ("ReduceLROnPlateau", {"mode": "best"}, 'mode "min" or "max"'),
])
def test_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        getattr(lr_scheduler, name)(make_optimizer(), **options)


def test_refused_partners():
    optimizer, other = make_optimizer(), make_optimizer()
    schedule = lr_scheduler.StepLR(optimizer, 3)
    for schedulers, milestones, message in [([schedule], [1], "got 1 schedules"),
                                            ([schedule] * 3, [9, 5], "rising milestones"),
                                            ([lr_scheduler.StepLR(other, 3)], [], "of the same optimizer")]:
        with pytest.raises(ValueError, match=message):
            lr_scheduler.SequentialLR(optimizer, schedulers, milestones)
    with pytest.raises(TypeError, match="StepLR: expected an optimizer, got list"):
        lr_scheduler.StepLR([], 3)
    with pytest.raises(ValueError, match="StepLR: expected a state of step_size, .* got T_max"):
        schedule.load_state_dict(lr_scheduler.CosineAnnealingLR(other, 3).state_dict())
