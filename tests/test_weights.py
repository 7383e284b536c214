"""`save` and `load`: exact round trips, plain safetensors files, and refusal of damaged ones."""

import collections
import json
import math
import struct
import subprocess
import sys

import numpy as np
import pytest
import safetensors.numpy

from tinynet import dtypes, nn
from tinynet.system import files
from tinynet.tensor import Tensor
from tinynet.weights import WeightFileError, load, save


def same(a, b):
    """Equal in kind, order, dtype, shape and bits; `b` was loaded, so its arrays are tensors."""
    if isinstance(a, (np.ndarray, Tensor)):
        a = a.array if isinstance(a, Tensor) else a
        alike = isinstance(b, Tensor) and a.dtype == b.dtype and a.shape == b.shape
        return alike and a.tobytes() == b.array.tobytes()
    if isinstance(a, dict):
        return type(b) is dict and same(list(a.keys()), list(b.keys())) and same(list(a.values()), list(b.values()))
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and (a == b or a != a and b != b)


def round_trip(obj, path):
    save(obj, path)
    return load(path)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "w.safetensors"


rng = np.random.default_rng(0)
EXTREMES = np.array([0.0, -0.0, math.nan, math.inf, -math.inf, 1e-45, 3e38], np.float32)

ROUND_TRIPS = {
    "state dict": {"fc.weight": rng.standard_normal((3, 4)), "fc.bias": np.zeros(3, np.float32)},
    "order": {name: np.zeros(1) for name in "zaqm"},
    "nested": {"model": {"fc.weight": np.ones((2, 3))}, "optimizer": {"state": {0: {"step": 7, "m": np.ones(2)}},
               "groups": [{"lr": 0.1, "betas": (0.9, 0.999), "params": [0, 1]}]}, "epoch": 3, "name": None},
    "tensors": [Tensor(np.arange(6).reshape(2, 3)), (Tensor(np.float32(2)),)],
    "empty containers": {"a": {}, "b": [], "c": (), "d": [{}, ((),)]},
    "empty arrays": {"a": np.zeros((0, 3), np.float32), "b": np.zeros(0, np.int64), "c": np.zeros((2, 0, 5), bool)},
    "0-d": {"a": np.array(3.5), "b": np.array(True), "c": np.array(7, np.uint8)},
    "numbers": [0, -1, 2**63, -2**200, 10**300, 1.5, -0.0, 1e-320, math.nan, math.inf, -math.inf, True, False],
    "texts": ["", "ünïcode", "line\nbreak", "nul\0", "\ud800", "🎈"],
    "keys": {1: "int", "1": "text", None: "none", 2: "two", -1.5: "float", math.inf: "inf", "": "empty"},
    "clashing names": {"a": {"b": np.zeros(1), "c": np.zeros(2)}, "a/b": np.ones(1), 1: np.zeros(3), "1": np.ones(3),
                       "a/b'": np.ones(2)},
    "reserved names": {"__metadata__": np.ones(2), "tinynet": np.ones(3), "": np.ones(4), "format": "x"},
    "tag names": {"dict": {"tensor": "a"}, "tuple": [1], "tensor": np.zeros(1)},
    "extremes": {"x": EXTREMES, "y": EXTREMES.astype(np.float64)},
    "bare array": np.arange(5), "bare number": 3, "bare none": None, "bare list": [np.ones(2), 1],
    "slices": [np.arange(24.0).reshape(2, 3, 4).transpose(2, 0, 1), np.arange(10)[::-2], np.ones((3, 3)).T[1:, ::2],
               np.broadcast_to(np.float32(3), (2, 3))],
    "channels last": np.moveaxis(np.arange(120.0).reshape(2, 4, 5, 3), -1, 1),
}


@pytest.mark.parametrize("name", ROUND_TRIPS)
def test_round_trip(name, path):
    assert same(ROUND_TRIPS[name], round_trip(ROUND_TRIPS[name], path))


@pytest.mark.parametrize("dtype", dtypes.SUPPORTED, ids=str)
def test_every_dtype_keeps_its_bits(dtype, path):
    array = rng.integers(0, 2, (4, 5)).astype(bool) if dtype == bool else np.frombuffer(rng.bytes(160), dtype)
    assert same({"x": array}, round_trip({"x": array}, path))


def test_what_changes_its_kind(path):
    ordered = collections.OrderedDict(x=np.float32(0.1), n=np.int64(3), t=np.bool_(True))
    loaded = round_trip(ordered, path)
    assert loaded == {"x": float(np.float32(0.1)), "n": 3, "t": True} and type(loaded["t"]) is bool
    assert same(np.arange(3.0), round_trip(np.arange(3.0).astype(">f8"), path))


def test_loaded_tensors_are_independent_and_writable(path):
    array = np.ones(3)
    loaded = round_trip([array, array], path)
    loaded[0].array[:] = 7
    assert loaded[1].array[0] == 1


def test_random_nests(path):
    random = np.random.default_rng(1)

    def nest(depth):
        kind = random.integers(0, 7 if depth else 4)
        if kind == 0:
            return random.standard_normal(random.integers(0, 4, random.integers(0, 4)))
        if kind < 4:
            return [None, int(random.integers(-9, 9)), "text", 0.5][random.integers(0, 4)]
        items = [nest(depth - 1) for _ in range(random.integers(0, 4))]
        return [items, tuple(items), dict(zip(["a", 1, "a/b", "b"], items))][kind - 4]

    for _ in range(100):
        obj = nest(5)
        assert same(obj, round_trip(obj, path))


@pytest.mark.parametrize("obj, where", [
    ({"a": {"b": object()}}, "a/b"), ({"a": [1, {2, 3}]}, "a/1"), ({"a": b"bytes"}, "a"), ({"f": len}, "f"),
    ({"z": 1j}, "z"), ({"h": np.zeros(2, np.float16)}, "h"), ({"c": np.zeros(2, complex)}, "c"),
    ({"o": np.array([None])}, "o"), ({"s": np.array(["x"])}, "s"), ({"u": np.zeros(2, np.uint64)}, "u"),
    ({"k": {(1, 2): 3}}, r"k/\(1, 2\)"),
])
def test_what_cannot_be_stored_is_named(obj, where, path):
    with pytest.raises(TypeError, match=f"save: cannot store .*{where}"):
        save(obj, path)
    assert not path.exists()


def test_who_saves_a_whole_module_is_told_what_to_save(path):
    with pytest.raises(TypeError, match=r"cannot store a Linear \(at ''\); save its state_dict\(\)"):
        save(nn.Linear(2, 2), path)


def test_a_loop_is_refused(path):
    loop = []
    loop.append(loop)
    with pytest.raises(ValueError, match="save: expected at most a hundred nested levels"):
        save(loop, path)


def test_an_older_file_survives_a_full_disk(path, monkeypatch):
    save({"x": np.ones(2)}, path)

    def full(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "fsync", full)
        with pytest.raises(OSError, match="the disk is full"):
            save({"x": np.zeros(2)}, path)
    assert load(path)["x"].array.tolist() == [1, 1]


# Other readers and writers of safetensors.

STATE = {"conv1.weight": rng.standard_normal((4, 3, 3, 3)).astype(np.float32), "n": np.array(5),
         "mask": np.array([True, False]), "empty": np.zeros((0, 2), np.int8)}


def test_others_read_our_files(path):
    save(STATE, path)
    assert same(STATE, {name: Tensor(safetensors.numpy.load_file(path)[name]) for name in STATE})
    save({"model": STATE, "epoch": 3}, path)
    assert set(safetensors.numpy.load_file(path)) == {f"model/{name}" for name in STATE}


def test_a_nest_without_tensors_is_a_proper_file(path):
    save({"epoch": 3, "텍스트": "→"}, path)
    with safetensors.safe_open(path, "numpy") as file:
        assert list(file.keys()) == [] and "tinynet" in file.metadata()


def test_pytorch_reads_our_files(path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file

    save(STATE, path)
    assert all(torch.equal(load_file(path)[name], torch.from_numpy(array)) for name, array in STATE.items())


def test_we_read_others_files(path):
    safetensors.numpy.save_file(STATE, path, metadata={"format": "np"})
    loaded = load(path)
    assert all(same(array, loaded[name]) for name, array in STATE.items()) and len(loaded) == len(STATE)
    path.write_bytes(safetensors.numpy.save({}))
    assert load(path) == {}


def test_we_read_pytorchs_safetensors(path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    save_file(model.state_dict(), path)
    loaded = load(path)
    assert set(loaded) == set(model.state_dict())
    assert all(same(value.numpy(), loaded[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_half_precision_needs_a_dtype(path, name):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    half = torch.tensor([0.0, -0.0, 1.5, -3e-5, 6e4, math.inf, math.nan]).to(getattr(torch, name))
    save_file({"x": half, "n": torch.arange(3)}, path)
    with pytest.raises(WeightFileError, match=f"{name} numbers: load.path, dtype=tinynet.float32. converts"):
        load(path)
    loaded = load(path, dtype=dtypes.float32)
    np.testing.assert_array_equal(loaded["x"].array, half.float().numpy(), strict=True)
    np.testing.assert_array_equal(load(path, dtype="float64")["x"].array, half.double().numpy(), strict=True)
    assert loaded["n"].dtype == np.int64


def test_dtype_converts_floats_only(path):
    save({"a": np.array([1e300, 0.1]), "b": np.arange(2), "c": True, "d": np.array([True])}, path)
    loaded = load(path, dtype=np.float32)
    assert same(np.array([math.inf, 0.1], np.float32), loaded["a"])
    assert loaded["b"].dtype == np.int64 and loaded["c"] is True and loaded["d"].dtype == bool
    with pytest.raises(TypeError, match="load: expected dtype float32 or float64, got int32"):
        load(path, dtype="int32")
    with pytest.raises(TypeError, match="load: expected a dtype of .*float64, got .*float16"):
        load(path, dtype=np.float16)


# Damaged files.

def file_of(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype="F32", shape=(2,), begin=0, end=8):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def structured(structure, tensors=("a",)):
    header = {name: entry(begin=8 * i, end=8 * i + 8) for i, name in enumerate(tensors)}
    return file_of({"__metadata__": {"tinynet": structure}, **header}, bytes(8 * len(tensors)))


DAMAGED = {
    "empty": (b"", "empty"),
    "text": (b"hello, this is a text", "neither a safetensors file nor a PyTorch file"),
    "seven bytes": (b"\x01" * 7, "neither"),
    "header too long": (file_of({}, length=1000), "header claims 1,000 bytes, in a file of 10"),
    "header absurd": (file_of({}, length=2**63), "header claims"),
    "header of a list": (file_of(b"{}[]"), "damaged"),
    "header not UTF-8": (file_of(b"{\xff}"), "damaged"),
    "header too deep": (file_of(b'{"a":' * 50_000), "damaged"),
    "truncated": (file_of({"a": entry()}, bytes(7)), "need 8 bytes, but the file holds 7"),
    "bytes left over": (file_of({"a": entry()}, bytes(9)), "need 8 bytes, but the file holds 9"),
    "overlap": (file_of({"a": entry(), "b": entry(begin=4, end=12)}, bytes(12)), "'b' cannot lie at"),
    "twice the same": (file_of({"a": entry(), "b": entry()}, bytes(8)), "cannot lie at"),
    "gap": (file_of({"a": entry(), "b": entry(begin=12, end=20)}, bytes(20)), "'b' cannot lie at"),
    "beyond the end": (file_of({"a": entry(shape=[2**40], end=2**42)}, bytes(8)), "the file holds 8"),
    "billion elements": (file_of({"a": entry(shape=[10**9])}, bytes(8)), "'a' cannot lie at"),
    "overflowing": (file_of({"a": entry(shape=[2**32, 2**32 + 1])}, bytes(8)), "'a' cannot lie at"),
    "backwards": (file_of({"a": entry(begin=8, end=0)}, bytes(8)), "'a' cannot lie at"),
    "negative": (file_of({"a": entry(begin=-8, end=0)}, bytes(8)), "'a' cannot lie at"),
    "negative shape": (file_of({"a": entry(shape=[-1, -2])}, bytes(8)), "no proper shape"),
    "shape of text": (file_of({"a": entry(shape=["2"])}, bytes(8)), "no proper shape"),
    "shape of bools": (file_of({"a": entry(shape=[True, 2])}, bytes(8)), "no proper shape"),
    "100,000 dimensions": (file_of({"a": entry(shape=[10**9] * 100_000)}, bytes(8)), "no proper shape"),
    "too large though empty": (file_of({"a": entry(shape=[0, 10**30], end=0)}), "damaged"),
    "unknown dtype": (file_of({"a": entry(dtype="F7")}, bytes(8)), "dtype 'F7'"),
    "dtype of no use": (file_of({"a": entry(dtype="U64", shape=[1])}, bytes(8)), "dtype 'U64'"),
    "dtype of a list": (file_of({"a": entry(dtype=["F32"])}, bytes(8)), "dtype"),
    "no offsets": (file_of({"a": {"dtype": "F32", "shape": []}}), "no data_offsets"),
    "offsets of floats": (file_of({"a": entry(end=8.0)}, bytes(8)), "no data_offsets"),
    "no table": (file_of({"a": 3}), "no data_offsets"),
    "metadata of a number": (file_of({"__metadata__": 3}), "metadata"),
    "structure of a number": (file_of({"__metadata__": {"tinynet": 3}}), "damaged"),
    "structure no JSON": (structured("{"), "damaged"),
    "structure with a missing tensor": (structured('{"tensor": "b"}'), "damaged"),
    "structure with a tensor twice": (structured('[{"tensor": "a"}, {"tensor": "a"}]'), "damaged"),
    "structure without a tensor": (structured("[]"), "no place for tensor 'a'"),
    "structure of unknown parts": (structured('{"set": []}'), "unknown part 'set'"),
    "structure of two parts": (structured('{"tuple": [], "dict": []}'), "damaged"),
    "structure too deep": (structured("[" * 900 + "]" * 900), "damaged|no place"),
    "structure with list keys": (structured('{"dict": [[[1], 2]]}'), "list as a key"),
    "structure with colliding keys": (structured('{"dict": [[%d, 2]]}' % (2**61 - 1)), "large key"),
    "structure with an endless number": (structured("9" * 5000), "damaged"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files(name, path):
    content, why = DAMAGED[name]
    path.write_bytes(content)
    with pytest.raises(WeightFileError, match=why) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)
    assert caught.value.path == path and len(caught.value.why) < 300


def test_our_reader_refuses_what_the_package_refuses(path):
    for name, (content, _) in DAMAGED.items():
        if not name.startswith(("structure", "dtype of no use")):
            with pytest.raises(Exception):
                safetensors.numpy.load(content)


def test_every_truncation_is_refused(path):
    save({"x": np.arange(3.0), "n": 1}, path)
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(WeightFileError):
            load(path)


def test_bytes_of_a_bool_are_read_as_true(path):
    path.write_bytes(file_of({"a": entry(dtype="BOOL", shape=[4], end=4)}, b"\x00\x01\x02\xff"))
    assert load(path)["a"].array.tobytes() == b"\x00\x01\x01\x01"


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="cannot read .*none: there is no such file"):
        load(tmp_path / "none")
    with pytest.raises(IsADirectoryError, match="it is a folder"):
        load(tmp_path)


def test_importing_is_cheap():
    program = ("import sys, tinynet.weights\n"
               "assert not {'safetensors', 'torch', 'zipfile'} & set(sys.modules), 'imported too early'")
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
