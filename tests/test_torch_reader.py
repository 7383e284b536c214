"""PyTorch's files: everything plain is read as PyTorch reads it, everything else is refused, nothing is run."""

import builtins
import collections
import copyreg
import functools
import os
import pathlib
import struct
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch_files import Call, Storage, legacy_file, pickled, tensor, torch_save, zip_file
from tinynet import dtypes
from tinynet.tensor import Tensor
from tinynet.weights import WeightFileError, load, pickle_machine

FORMATS = {"zip": True, "legacy": False}


@pytest.fixture
def loaded(tmp_path):
    """Loads a file of the given bytes."""
    def load_bytes(content, **options):
        path = tmp_path / "weights.pth"
        path.write_bytes(content)
        return load(path, **options)
    return load_bytes


def same(a, b):
    """`a` from PyTorch, `b` from our reader."""
    if isinstance(a, torch.Tensor):
        a = a.detach().cpu().numpy()
        alike = isinstance(b, Tensor) and a.dtype == b.dtype and a.shape == b.shape
        return alike and a.tobytes() == b.array.tobytes()
    if isinstance(a, dict):
        return type(b) is dict and list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return isinstance(b, tuple if isinstance(a, tuple) else list) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and (a == b or a != a and b != b)


def trained():
    """A model and its optimiser after a step."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Flatten(),
                                torch.nn.Linear(16, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    model(torch.randn(5, 3, 4, 4)).sum().backward()
    optimizer.step()
    return model, optimizer


def objects():
    model, optimizer = trained()
    base = torch.arange(24.0).reshape(2, 3, 4)
    return {
        "state dict": model.state_dict(),
        "checkpoint": {"state_dict": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3,
                       "best": 91.25, "arch": "résnet", "done": True, "none": None, "big": 2**100, "neg": -2**40},
        "bare tensor": torch.randn(3, 4), "parameter": torch.nn.Parameter(torch.randn(3)),
        "number": 3, "list": [1, (2, [torch.zeros(1)]), {}], "size": {"shape": torch.Size([2, 3])},
        "strided": [base.permute(2, 0, 1), base[:, ::2, 1:], base[1], base[..., 0].t()],
        "channels last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        "0-d and empty": [torch.tensor(3.5), torch.tensor(True), torch.zeros(0, 3), torch.zeros(2, 0).char()],
        "dtypes": [torch.tensor([0, 1, 100]).to(getattr(torch, str(dtype))) for dtype in dtypes.SUPPORTED],
        "extremes": torch.tensor([0.0, -0.0, float("nan"), float("inf"), -float("inf"), 1e-45]),
        "long list": list(range(3000)), "long dict": {f"key{i}": i for i in range(3000)}, "int keys": {0: 1, -5: 2},
    }


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", objects())
def test_reads_what_pytorch_saved(name, format, loaded):
    obj = objects()[name]
    assert same(obj, loaded(torch_save(obj, FORMATS[format])))


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("protocol", [1, 2, 3, 4, 5])
def test_every_pickle_protocol(protocol, format, loaded):
    obj = objects()["checkpoint"]
    content = torch_save(obj, FORMATS[format], pickle_protocol=protocol)
    if format == "legacy" and protocol == 1:
        with pytest.raises(WeightFileError, match="neither"):        # its magic number is text there
            loaded(content)
    else:
        assert same(obj, loaded(content))


@pytest.mark.parametrize("format", FORMATS)
def test_shared_memory_stays_shared(format, loaded):
    base = torch.arange(12.0)
    a, b, c = loaded(torch_save([base, base[3:7], base.reshape(3, 4).t()], FORMATS[format]))
    assert b.array.tolist() == [3, 4, 5, 6] and c.shape == (4, 3)
    a.array[3] = 100
    assert b.array[0] == 100 and c.array[3, 0] == 100


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_half_precision_needs_a_dtype(name, format, loaded):
    half = torch.tensor([[0.0, -0.0, 1.5], [-3e-5, 6e4, float("inf")]]).to(getattr(torch, name)).t()
    content = torch_save({"x": half, "n": torch.arange(2)}, FORMATS[format])
    with pytest.raises(WeightFileError, match=f"{name} numbers: load.path, dtype=tinynet.float32. converts them"):
        loaded(content)
    result = loaded(content, dtype=dtypes.float32)
    assert same(half.float(), result["x"]) and result["n"].dtype == np.int64
    assert same(half.double(), loaded(content, dtype=dtypes.float64)["x"])


@pytest.mark.parametrize("make", [zip_file, legacy_file])
def test_storages_of_a_gpu_are_read(make, loaded):
    assert loaded(make(pickled(tensor((2, 2), (2, 1), storage=Storage(4, device="cuda:0"))))).shape == (2, 2)


def test_big_endian(loaded):
    numbers = np.array([1, 2, 3, 4], ">f4")
    result = loaded(zip_file(pickled(tensor((4,), (1,))), {"0": numbers.tobytes()}, byteorder="big"))
    assert result.array.tolist() == [1, 2, 3, 4] and result.dtype == np.float32


def test_an_ordered_dict_of_python_2(loaded):
    program = b"\x80\x02ccollections\nOrderedDict\n](](U\x01aK\x01ee\x85R}b."      # from lists, then attributes
    assert loaded(zip_file(program)) == {"a": 1}


def schedules(optimizer):
    """PyTorch's schedules as `state_dict` gives them. A Counter holds the milestones of MultiStepLR."""
    made = torch.optim.lr_scheduler
    return [made.MultiStepLR(optimizer, [3, 5, 5]), made.OneCycleLR(optimizer, 0.1, 10),
            made.CosineAnnealingLR(optimizer, 9), made.LinearLR(optimizer),
            made.ExponentialLR(optimizer, 0.9), made.LambdaLR(optimizer, lambda epoch: 0.5),
            made.CosineAnnealingWarmRestarts(optimizer, 5), made.ReduceLROnPlateau(optimizer),
            made.SequentialLR(optimizer, [made.LinearLR(optimizer), made.StepLR(optimizer, 2)], [3])]


@pytest.mark.filterwarnings("ignore:Detected call of")
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("protocol", [2, 4])
def test_schedules_of_pytorch(protocol, format, loaded):
    optimizer = torch.optim.SGD([torch.zeros(3, requires_grad=True)], 0.1, momentum=0.9)
    for schedule in schedules(optimizer):
        state = {"schedule": schedule.state_dict(), "optimizer": optimizer.state_dict()}
        read = loaded(torch_save(state, FORMATS[format], pickle_protocol=protocol))
        assert read.keys() == state.keys() and read["schedule"].keys() == state["schedule"].keys()
    milestones = loaded(torch_save(schedules(optimizer)[0].state_dict()))["milestones"]
    assert milestones == {3: 1, 5: 2}


class OldOneCycle:
    """How PyTorch 1 wrote the way a OneCycleLR anneals: as an attribute of its class."""

    def __reduce__(self):
        return getattr, (torch.optim.lr_scheduler.OneCycleLR, "_annealing_cos")


def test_names_that_are_read_as_texts(loaded):
    value = {"anneal": OldOneCycle(), "device": torch.device("cuda", 1), "cpu": torch.device("cpu"),
             "dtype": torch.float32}
    assert loaded(torch_save(value)) == {"anneal": "_annealing_cos", "device": "cuda:1", "cpu": "cpu",
                                         "dtype": "torch.float32"}


def test_agrees_with_pytorchs_own_safe_reader(tmp_path):
    path = tmp_path / "checkpoint.pth"
    path.write_bytes(torch_save(objects()["checkpoint"]))
    assert same(torch.load(path, weights_only=True), load(path))


def test_public_checkpoint():
    path = pathlib.Path(os.environ.get("TINYNET_DATA", "nowhere")) / "resnet20-12fca82f.th"
    if not path.exists():
        pytest.skip("the folder TINYNET_DATA with resnet20-12fca82f.th is not at hand")
    result = load(path)
    assert sum(t.array.size for name, t in result["state_dict"].items() if "running" not in name) == 269_722
    assert same(torch.load(path, map_location="cpu", weights_only=True), result)


def test_importing_pytorch_is_not_needed(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(torch_save(trained()[0].state_dict()))
    program = ("import sys; sys.modules['torch'] = None\nfrom tinynet.weights import load\n"
               "assert len(load(sys.argv[1])) == 9")
    assert subprocess.run([sys.executable, "-c", program, path]).returncode == 0


# Refused: whatever is no tensor and no plain container.

HOSTILE = {
    "posix.system": Call(os.system, "touch executed"),
    "builtins.eval": Call(eval, "open('executed', 'w')"),
    "builtins.exec": Call(exec, "open('executed', 'w')"),
    "builtins.getattr": Call(getattr, (), "__class__"),
    "io.open|builtins.open": Call(open, "executed", "w"),
    "builtins.__import__": Call(builtins.__import__, "os"),
    "builtins.bytearray": Call(bytearray, 10**12),
    "builtins.set": {1, 2},
    "builtins.complex": 1j,
    "subprocess.Popen|commands.Popen": Call(subprocess.Popen, ["touch", "executed"]),
    "copyreg._reconstructor": Call(copyreg._reconstructor, object, object, None),
    "functools.partial": functools.partial(print),
    "torch.storage._load_from_bytes": Call(torch.storage._load_from_bytes, b"anything"),
    "torch.serialization.load": torch.load,
    "collections.defaultdict": collections.defaultdict(dict),
    "torch.complex64": torch.complex64,
    "torch._utils._rebuild_sparse_tensor": torch.eye(2).to_sparse(),
    "torch.ComplexFloatStorage": torch.zeros(2, dtype=torch.complex64),
    "torch.nn.modules.linear.Linear": torch.nn.Linear(1, 1),
    "numpy": np.float64(3),
}


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("name", HOSTILE)
def test_the_refused_name_is_told_and_nothing_runs(name, protocol, format, loaded, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content = torch_save({"a": torch.zeros(2), "b": HOSTILE[name]}, FORMATS[format], pickle_protocol=protocol)
    told = name.replace("builtins", "(builtins|__builtin__)").replace("copyreg", "copy_?reg")
    with pytest.raises(WeightFileError, match=rf"asks for '({told})|uses EMPTY_SET"):
        loaded(content)
    assert os.listdir(tmp_path) == ["weights.pth"]


def test_attributes_of_an_allowed_name_are_not_reached(loaded):
    for program in (b"\x80\x04\x8c\x0bcollections\x8c\x14OrderedDict.fromkeys\x93.",
                    b"\x80\x02ctorch\nSize.__class__\n."):
        with pytest.raises(WeightFileError, match="asks for"):
            loaded(zip_file(program))


def test_a_plain_pickle_is_not_a_weight_file(loaded):
    with pytest.raises(WeightFileError, match="neither a safetensors file nor a PyTorch file"):
        loaded(pickled({"a": 1}))


BILLION = 10**9
LAUGHS = b"".join(b"q%c(h%ch%ct" % (i, i, i) for i in range(100))       # t = (t, t), a hundred times

DAMAGED_PICKLES = {
    "billion elements": (tensor((BILLION,), (1,)), "does not fit"),
    "billion elements, stride 0": (tensor((BILLION,), (0,)), "does not fit"),
    "more than its storage, stride 0": (tensor((5,), (0,)), "does not fit"),
    "sizes that overflow": (tensor((2**32, 2**32), (0, 0)), "does not fit"),
    "negative stride": (tensor((2,), (-1,), 3), "negative or absurd"),
    "negative size": (tensor((-2,), (1,)), "negative or absurd"),
    "negative offset": (tensor((2,), (1,), -1), "negative or absurd"),
    "offset too large": (tensor((1,), (1,), 4), "does not fit"),
    "one beyond the end": (tensor((2, 2), (2, 1), 1), "does not fit"),
    "absurd stride": (tensor((2,), (2**62,)), "does not fit"),
    "more than 64 bits": (tensor((2**70,), (0,)), "negative or absurd"),
    "size of text": (tensor(("2",), (1,)), "negative or absurd"),
    "size of bool": (tensor((True,), (1,)), "negative or absurd"),
    "strides missing": (tensor((2, 2), (1,)), "no proper shape"),
    "a hundred dimensions": (tensor((1,) * 100, (1,) * 100), "no proper shape"),
    "no storage": (Call(torch._utils._rebuild_tensor_v2, 3, 0, (1,), (1,), False, {}), "no storage"),
    "sizes of a tensor": (tensor(tensor((2,), (1,)), (1,)), "no proper shape|absurd|damaged"),
    "conjugated": (Call(torch._utils._rebuild_tensor_v2, Storage(4), 0, (1,), (1,), False, {}, {"conj": True}),
                   "conjugated or negated"),
    "huge storage": (tensor((4,), (1,), storage=Storage(BILLION)), "declares more numbers than it holds"),
    "negative storage": (tensor((4,), (1,), storage=Storage(-4)), "declares more numbers"),
    "many storages": ([tensor((1,), (1,), storage=Storage(100, str(i))) for i in range(9999)],
                      "declares more numbers"),
    "storage of two sizes": ([tensor((1,), (1,)), tensor((1,), (1,), storage=Storage(3))], "declared in two ways"),
    "storage of two kinds": ([tensor((1,), (1,)), tensor((1,), (1,), storage=Storage(4, kind=torch.IntStorage))],
                             "declared in two ways"),
    "unknown id": (Storage(4, tag="module"), "names a storage in an unknown way"),
    "id without a storage type": (Storage(4, kind=torch.Size), "names a storage in an unknown way"),
    "size of a number": (Call(torch.Size, torch.Size([])), None),
    "bytes": (b"bytes", "asks for|uses|BINBYTES"),
    "empty pickle": (b"", "damaged"),
    "without an end": (b"\x80\x02]", "damaged"),
    "empty stack": (b"\x80\x02.", "damaged"),
    "too few on the stack": (b"\x80\x02K\x01\x86.", "damaged"),
    "no mark": (b"\x80\x02K\x01u.", "damaged"),
    "odd items": (b"\x80\x02}(K\x01u.", "damaged"),
    "items of a list": (b"\x80\x02](K\x01K\x02u.", "treats a list as a dict"),
    "appended to a number": (b"\x80\x02K\x01K\x02a.", "treats a int as a list"),
    "call of a text": (b"\x80\x02X\x01\x00\x00\x00a)R.", "calls an object that is not a function"),
    "call of a storage type": (b"\x80\x02ctorch\nFloatStorage\n)R.", "calls an object that is not a function"),
    "call with a list": (b"\x80\x02ctorch\nSize\n]R.", "calls an object that is not a function"),
    "attributes of a tensor": (b"\x80\x02K\x01}b.", "treats a int as a dict"),
    "unknown memo": (b"\x80\x02h\x05.", "damaged"),
    "huge memo index": (b"\x80\x02]r\xff\xff\xff\x7f.", None),
    "huge text": (b"\x80\x04\x8d" + struct.pack("<Q", 2**60) + b"abc.", "damaged"),
    "huge bytes": (b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b"abc.", "damaged"),
    "huge frame": (b"\x80\x04\x95" + struct.pack("<Q", 2**60) + b"].", None),
    "huge integer": (b"\x80\x02\x8b" + struct.pack("<i", 10**6) + b"\x01" * 10**6 + b".", "uses LONG4"),
    "endless digits": (b"L" + b"9" * 10**5 + b"L\n.", "damaged"),
    "keys of nested tuples": (b"\x80\x02K\x01" + LAUGHS + b"q\xc8}h\xc8K\x01s.", "tuple as a key"),
    "laughs": (b"\x80\x02K\x01" + LAUGHS + b".", None),
    "colliding keys": (pickled({(2**61 - 1) * i: i for i in range(2, 100)}), "large key"),
    "unhashable key": (b"\x80\x02}]K\x01s.", "list as a key"),
    "new-style call": (b"\x80\x02ctorch\nSize\n)\x81.", "uses NEWOBJ"),
    "extension": (b"\x80\x02\x82\x01.", "uses EXT1"),
    "old instance": (b"(ios\nsystem\n.", "uses INST"),
}


@pytest.mark.parametrize("make", [zip_file, legacy_file])
@pytest.mark.parametrize("name", DAMAGED_PICKLES)
def test_damaged_pickles(name, make, loaded):
    program, why = DAMAGED_PICKLES[name]
    program = program if type(program) is bytes and name != "bytes" else pickled(program)
    start = time.perf_counter()
    if why is None and make is zip_file:
        loaded(make(program))
    else:
        with pytest.raises(WeightFileError, match=why) as caught:
            loaded(make(program))
        assert "\n" not in str(caught.value) and len(caught.value.why) < 300
    assert time.perf_counter() - start < 5


def test_a_list_of_pairs_serves_once(loaded):
    """Calling OrderedDict(pairs) again and again, on one list, would fill the memory from a small file."""
    pairs = b"](" + b"".join(b"](U\x03%03dK\x01e" % i for i in range(200)) + b"eq\x00"
    call = b"ccollections\nOrderedDict\nh\x00\x85R"
    _, first, *rest = loaded(zip_file(b"\x80\x02](" + pairs + 50 * call + b"e."))
    assert len(first) == 200 and not any(rest)


def test_too_many_instructions(loaded, monkeypatch):
    monkeypatch.setattr(pickle_machine, "MAX_STEPS", 1000)
    with pytest.raises(WeightFileError, match="more than 1,000 instructions"):
        loaded(zip_file(b"\x80\x02" + b"]" * 2000 + b"."))


# Damaged archives.

GOOD = pickled(tensor((2, 2), (2, 1)))


@pytest.mark.parametrize("content, why", [
    (zip_file(GOOD, {}), "no data/0"),
    (zip_file(GOOD, {"0": bytes(12)}), "needs 16 bytes, has 12|declares more"),
    (zip_file(GOOD, {"0": bytes(20)}), "longer than it may be"),
    (zip_file(GOOD, {"0": b""}), "needs 16 bytes, has 0"),
    (zip_file(GOOD, compression=zipfile.ZIP_DEFLATED), "data.pkl in its archive is compressed"),
    (zip_file(pickled(tensor((2**26,), (1,), storage=Storage(2**26))), {"0": bytes(2**28)}, zipfile.ZIP_DEFLATED),
     "compressed"),
    (zip_file(GOOD, byteorder="a word that is far too long"), "byteorder in its archive claims to be longer"),
    (zip_file(GOOD).replace(b"data.pkl", b"data.pk1"), "no data.pkl"),
    (zip_file(GOOD)[:-30], "damaged .BadZipFile"),
    (b"PK\x03\x04", "damaged .BadZipFile"),
    (legacy_file(GOOD, ["1"]), "list of storages does not match"),
    (legacy_file(GOOD, []), "list of storages does not match"),
    (legacy_file(GOOD, storages=b""), "not where it should be"),
    (legacy_file(GOOD, storages=(4).to_bytes(8, "little") + bytes(15)), "needs 16 bytes, has 15"),
    (legacy_file(GOOD, storages=(5).to_bytes(8, "little") + bytes(20)), "not where it should be"),
    (legacy_file(GOOD).replace(b"M\xe9\x03.", b"M\xe8\x03."), "unknown version"),
    (legacy_file(GOOD).replace(b"M\xe9\x03.", b"K\x01" + LAUGHS + b"."), "unknown version"),
])
def test_damaged_archives(content, why, loaded):
    with pytest.raises(WeightFileError, match=why):
        loaded(content)


def test_a_declared_size_is_checked_before_it_is_read(loaded):
    content = bytearray(zip_file(GOOD))
    directory = content.index(b"PK\x01\x02")
    content[directory + 20:directory + 28] = struct.pack("<II", 2**31, 2**31)
    with pytest.raises(WeightFileError, match="data.pkl in its archive claims to be longer"):
        loaded(bytes(content))


@pytest.mark.parametrize("format", FORMATS)
def test_every_truncation_is_refused(format, loaded):
    content = torch_save({"a": torch.arange(3.0)}, FORMATS[format])
    for length in range(len(content)):
        with pytest.raises(WeightFileError):
            loaded(content[:length])
