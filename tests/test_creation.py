"""Creation functions and random streams."""

import json

import numpy as np
import pytest

import tinynet
from tinynet import random


@pytest.fixture(autouse=True)
def seeded():
    tinynet.manual_seed(0)


DATA = {
    "float": 1.5, "int": 3, "bool": True, "list of ints": [1, 2], "nested": [[1, 2.5], [3, 4]],
    "tuple": (1, (2.0)), "empty": [],
    "bools": [[True], [False]], "mixed": [True, 2], "float64 array": np.zeros(2),
    "float32 array": np.ones((2, 1), np.float32),
    "int32 array": np.arange(3, dtype=np.int32), "uint8 array": np.arange(3, dtype=np.uint8),
    "scalar": np.float64(2),
    "list of scalars": [np.float64(1), np.float64(2)], "0-d": np.array(1.5), "bool array": np.array([True]),
    "nested empty": [[], []],
}


@pytest.mark.parametrize("name", DATA)
def test_types_of_data(name):
    from both_libraries import same, torch
    same(tinynet.tensor(DATA[name]), torch.tensor(DATA[name]), 0)
    same(tinynet.as_tensor(DATA[name]), torch.as_tensor(DATA[name]), 0)
    same(tinynet.tensor(DATA[name], dtype=tinynet.float64), torch.tensor(DATA[name], dtype=torch.float64), 0)
    same(tinynet.tensor(DATA[name], dtype=tinynet.int64), torch.tensor(DATA[name], dtype=torch.int64), 0)


def test_copies_and_memory():
    array = np.zeros(3)
    assert not np.shares_memory(tinynet.tensor(array).array, array)
    assert tinynet.as_tensor(array).array is array and tinynet.from_numpy(array).array is array
    t = tinynet.tensor(array, requires_grad=True)
    assert t.is_leaf and t.requires_grad and tinynet.as_tensor(t) is t
    again = tinynet.tensor(t)
    assert not again.requires_grad and not np.shares_memory(again.array, t.array)
    assert tinynet.as_tensor(t, dtype=tinynet.float32).dtype == tinynet.float32
    assert tinynet.tensor([tinynet.tensor(1.0), tinynet.tensor(2.0)]).tolist() == [1, 2]


@pytest.mark.parametrize("data", [
    np.float16(1), np.zeros(2, np.float16), 1j, np.zeros(2, complex), np.zeros(2, np.uint16),
    "text", ["a"], None, object(), {}, [None], 2**70], ids=str)
def test_refuses_what_it_has_no_type_for(data):
    for make in (tinynet.tensor, tinynet.as_tensor):
        with pytest.raises(TypeError, match="tensor: expected"):
            make(data)


CODES = {
    "zeros": lambda lib: (lib.zeros(2, 3), lib.zeros((2, 3)), lib.zeros([2]), lib.zeros(2, dtype=lib.int64),
                          lib.zeros(())),
    "ones": lambda lib: (lib.ones(2, 3), lib.ones((2, 0)), lib.ones(1, dtype=lib.bool),
                         lib.ones(2, device="cpu")),
    "full": lambda lib: (lib.full((2, 3), 7), lib.full((2,), 7.5), lib.full((), True),
                         lib.full((1,), 7, dtype=lib.float64)),
    "eye": lambda lib: (lib.eye(3), lib.eye(2, 3), lib.eye(3, 2, dtype=lib.int64)),
    "arange": lambda lib: (lib.arange(5), lib.arange(5.0), lib.arange(2, 8, 3), lib.arange(5, 0, -2),
                           lib.arange(0, 1, 0.3), lib.arange(3, dtype=lib.float64), lib.arange(0),
                           lib.arange(1, 2.5, dtype=lib.float64)),
    "linspace": lambda lib: (lib.linspace(0, 1, 5), lib.linspace(-2, 3, 7, dtype=lib.float64),
                             lib.linspace(1, 2, 1),
                             lib.linspace(0, 1, steps=0), lib.linspace(3, -1, 4)),
    "alike": lambda lib: (lib.zeros_like(lib.ones(2, 3)), lib.ones_like(lib.arange(3)),
                          lib.full_like(lib.ones(2), 3),
                          lib.zeros_like(lib.ones(2), dtype=lib.bool), lib.full_like(lib.arange(2), 2)),
}


@pytest.mark.parametrize("name", CODES)
def test_against_pytorch(name):
    from both_libraries import same, torch
    for y, z in zip(CODES[name](tinynet), CODES[name](torch), strict=True):
        same(y, z, 1e-6)


def test_requires_grad_and_shapes_of_all():
    like = tinynet.ones(2, 3)
    made = [tinynet.zeros(2, 3, requires_grad=True), tinynet.ones((2, 3), requires_grad=True),
            tinynet.empty(2, 3, requires_grad=True), tinynet.full((2, 3), 1.0, requires_grad=True),
            tinynet.rand(2, 3, requires_grad=True), tinynet.randn((2, 3), requires_grad=True)]
    for name in ("zeros", "ones", "rand", "randn"):
        made.append(getattr(tinynet, f"{name}_like")(like, requires_grad=True))
    for t in made:
        assert t.shape == (2, 3) and t.dtype == tinynet.float32 and t.requires_grad and t.is_leaf
    with pytest.raises(TypeError, match="only floating-point tensors have gradients"):
        tinynet.zeros(2, dtype=tinynet.int64, requires_grad=True)


def test_random_numbers_have_the_right_distribution():
    u, n = tinynet.rand(100_000), tinynet.randn(100_000, dtype=tinynet.float64)
    assert u.dtype == tinynet.float32 and n.dtype == tinynet.float64
    assert 0 <= u.array.min() and u.array.max() < 1
    assert abs(u.array.mean() - 0.5) < 0.01 and abs(u.array.std() - 12**-0.5) < 0.01
    assert abs(n.array.mean()) < 0.02 and abs(n.array.std() - 1) < 0.02
    i = tinynet.randint(-2, 3, (10_000,))
    assert i.dtype == tinynet.int64 and set(i.tolist()) == {-2, -1, 0, 1, 2}
    assert set(tinynet.randint(3, (1000,)).tolist()) == {0, 1, 2}
    assert tinynet.randint(0, 9, size=(2, 2)).shape == (2, 2)
    p = tinynet.randperm(50)
    assert p.dtype == tinynet.int64 and sorted(p.tolist()) == list(range(50)) != p.tolist()


@pytest.mark.parametrize("code, error, message", [
    (lambda: tinynet.tensor([[1], [2, 3]]), ValueError, "tensor: expected nested lists of equal lengths"),
    (lambda: tinynet.tensor([1], device="cuda"), ValueError, "cpu"),
    (lambda: tinynet.zeros(2, device="cuda:0"), ValueError, "cpu"),
    (lambda: tinynet.zeros(2, dtype="float16"), TypeError, "zeros: expected a dtype of .*, got float16"),
    (lambda: tinynet.zeros(-1), ValueError, r"zeros: expected sizes of 0 or more, got \(-1,\)"),
    (lambda: tinynet.ones(2.5), ValueError, "ones: expected sizes"),
    (lambda: tinynet.from_numpy([1]), TypeError, "from_numpy: expected an ndarray, got list"),
    (lambda: tinynet.from_numpy(np.zeros(1, np.float16)), TypeError, "from_numpy: expected a dtype of"),
    (lambda: tinynet.arange(3, 0), ValueError, "arange: expected a step that leads from 3 to 0, got 1"),
    (lambda: tinynet.arange(0, 3, 0), ValueError, "arange"),
    (lambda: tinynet.linspace(0, 1, -1), ValueError, "linspace: expected steps of 0 or more, got -1"),
    (lambda: tinynet.randint(3, 3, (1,)), ValueError,
     "randint: expected low < high and a size, got low 3, high 3"),
    (lambda: tinynet.rand(2, dtype=tinynet.int64), TypeError,
     "rand: expected a floating-point dtype, got int64"),
    (lambda: tinynet.randn_like(tinynet.arange(2)), TypeError,
     "randn_like: expected a floating-point dtype, got int64"),
    (lambda: tinynet.manual_seed("a"), TypeError, "manual_seed: expected an integer, got 'a'"),
])
def test_refusals(code, error, message):
    with pytest.raises(error, match=message):
        code()


# Streams ----------------------------------------------------------------------------------------------------


def test_one_seed_repeats_everything():
    def draws():
        return [*tinynet.rand(3).tolist(), *tinynet.randn(2).tolist(), *tinynet.randperm(5).tolist(),
                *random.stream("init").random(2), *random.stream("dropout").random(2),
                *random.stream("new").random(2)]

    results = []
    for seed in (1, 1, 2, -1, 2**64 - 1):
        tinynet.manual_seed(seed)
        results.append(draws())
    assert results[0] == results[1] != results[2] and results[3] == results[4] != results[0]
    assert len(set(results[0][-6:])) == 6


def test_streams_do_not_disturb_each_other():
    first = random.stream("init").random(4)
    tinynet.manual_seed(0)
    tinynet.rand(100)
    random.stream("dropout").random(100)
    assert np.array_equal(first, random.stream("init").random(4))


def test_a_stream_that_somebody_holds_starts_anew_too():
    held = random.stream("data")
    first = held.random(3)
    tinynet.manual_seed(0)
    assert np.array_equal(first, held.random(3)) and held is random.stream("data")


def test_state_goes_through_json_and_back():
    tinynet.rand(7)
    random.stream("dropout").integers(0, 2**32, 3)      # leaves half a draw behind
    state = json.loads(json.dumps(random.get_state()))
    expected = [tinynet.rand(3).tolist(), random.stream("dropout").integers(0, 2**32, 3).tolist(),
                random.stream("late").random()]
    tinynet.manual_seed(5)
    tinynet.rand(2)
    random.stream("late").random(4)
    random.set_state(state)
    assert random.initial_seed() == 0
    assert expected == [tinynet.rand(3).tolist(), random.stream("dropout").integers(0, 2**32, 3).tolist(),
                        random.stream("late").random()]


def test_without_a_seed_every_process_differs(monkeypatch):
    monkeypatch.setattr(random, "_streams", {})
    seeds = []
    for _ in range(2):
        monkeypatch.setattr(random, "_root", None)
        seeds.append(random.initial_seed())
        assert random.initial_seed() == seeds[-1]
    assert seeds[0] != seeds[1]
