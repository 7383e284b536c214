"""`tinynet.save` under PyTorch's endings: what it writes, PyTorch reads in its safest way, and so does tinynet."""

import io
import pickletools
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import tinynet
from tinynet import dtypes, nn
from tinynet.weights import load, save, unwrap

NEST = {
    "state": {"a.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 4), "scalar": np.array(5)},
    "nothing": np.zeros((0, 2)),
    "dtypes": [np.array([0, 1, 1]).astype(dtype) for dtype in dtypes.SUPPORTED],
    "strides": (np.arange(6.0).reshape(2, 3).T, np.arange(10)[::-2]), "big endian": np.arange(3, dtype=">i4"),
    "numbers": [0, 1, -1, 255, 256, -128, -129, 2**40, -2**63, 2**100, 0.1, float("inf"), True, False, None],
    "texts": ["", "résumé 한국어", "a" * 70_000], "empty": [{}, [], ()], 3: 4, None: 1.5,
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.pth"


def same(a, b):
    """`a` as it was saved, `b` as it was read by tinynet or PyTorch."""
    if isinstance(a, np.ndarray):
        b = b.numpy()
        return a.dtype.newbyteorder("=") == b.dtype and a.shape == b.shape and np.array_equal(a, b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


@pytest.mark.parametrize("ending", [".pt", ".pth", ".th", ".bin", ".ckpt", ".PTH"])
def test_pytorch_reads_it(ending, tmp_path):
    torch = pytest.importorskip("torch")
    save(NEST, tmp_path / f"weights{ending}")
    assert same(NEST, torch.load(tmp_path / f"weights{ending}", weights_only=True))
    assert same(NEST, load(tmp_path / f"weights{ending}"))


def test_pytorch_loads_the_weights_and_computes_the_same(path):
    torch = pytest.importorskip("torch")
    ours = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 2)).eval()
    theirs = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Flatten(),
                                 torch.nn.Linear(16, 2)).eval()
    save(ours.state_dict(), path)
    theirs.load_state_dict(torch.load(path, weights_only=True))
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 4)).astype(np.float32)
    expected = theirs(torch.tensor(x)).detach().numpy()
    assert np.allclose(ours(tinynet.tensor(x)).numpy(), expected, atol=1e-5)


def test_it_is_written_without_pytorch_and_the_same_each_time(path):
    program = ("import sys; sys.modules['torch'] = None\nimport numpy, tinynet\n"
               "tinynet.save({'a': numpy.ones(3)}, sys.argv[1])")
    contents = []
    for _ in range(2):
        assert subprocess.run([sys.executable, "-c", program, path]).returncode == 0
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]
    assert load(path)["a"].array.tolist() == [1, 1, 1]


def test_the_program_calls_what_is_needed_and_nothing_else(path):
    save(NEST, path)
    with zipfile.ZipFile(path) as archive:
        program = archive.read("archive/data.pkl")
    names = {argument for instruction, argument, _ in pickletools.genops(program) if instruction.name == "GLOBAL"}
    assert names - {f"torch {name}" for name in ("DoubleStorage", "FloatStorage", "LongStorage", "IntStorage",
                                                 "ShortStorage", "CharStorage", "ByteStorage", "BoolStorage")} == {
        "torch._utils _rebuild_tensor_v2", "collections OrderedDict"}


@pytest.mark.parametrize("obj", [{"a": object()}, {"a": np.zeros(2, np.float16)}, {"a": {(1, 2): 3}}, {"a": b"bytes"}])
def test_what_cannot_be_stored_is_refused(obj, path):
    with pytest.raises(TypeError, match="save: cannot store a.*at 'a"):
        save(obj, path)
    assert not path.exists()


@pytest.mark.parametrize("ending", [".npz", ".h5", ".onnx", ".pkl"])
def test_names_that_promise_another_format_are_refused(ending, tmp_path):
    with pytest.raises(ValueError, match=rf"save: expected a name that ends in .safetensors.*, got .*w{ending}"):
        save({}, tmp_path / f"w{ending}")


# The options of torch.load ---------------------------------------------------------------------------------


def test_options_that_mean_something_are_accepted(path):
    save({"a": np.ones(2)}, path)
    for options in ({"map_location": "cpu"}, {"map_location": None}, {"weights_only": True}, {"weights_only": None},
                    {"map_location": lambda storage, place: storage, "weights_only": False},
                    {"map_location": {"cuda:0": "cpu"}}):
        assert load(path, **options)["a"].array.tolist() == [1, 1]
    assert load(path, "cpu").keys() == {"a"}


def test_another_device_is_refused(path):
    save({"a": np.ones(2)}, path)
    with pytest.raises(ValueError, match='load: map_location: expected device "cpu", the only one there is, got'):
        load(path, map_location="cuda:0")


def test_open_files_are_written_and_read():
    buffer = io.BytesIO()
    save({"a": np.ones(2)}, buffer)
    buffer.seek(0)
    assert load(buffer)["a"].array.tolist() == [1, 1]


# Wrapped weights -------------------------------------------------------------------------------------------


def batch_norm_net():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


def with_prefix(state, prefix):
    return {prefix + key: value for key, value in state.items()}


STATE = batch_norm_net().state_dict()
WRAPPED = {
    "prefix": (with_prefix(STATE, "module."), "all keys have the prefix 'module.'"),
    "two prefixes": (with_prefix(STATE, "module._orig_mod."), "'module.', and all keys have the prefix '_orig_mod.'"),
    "nested": ({"epoch": 3, "state_dict": STATE}, "the weights are under 'state_dict'"),
    "both": ({"model": with_prefix(STATE, "module.")}, "under 'model', and all keys have the prefix 'module.'"),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_a_prefix_or_a_wrapper_is_named_and_can_be_taken_off(name):
    content, words = WRAPPED[name]
    model = batch_norm_net()
    with pytest.raises(ValueError, match=rf"missing: .*{words}.*give load_state_dict what tinynet.weights.unwrap"):
        model.load_state_dict(content)
    model.load_state_dict(unwrap(content))
    assert np.array_equal(model[0].weight.numpy(), STATE["0.weight"].numpy())


def test_other_keys_get_no_such_hint():
    with pytest.raises(ValueError) as refused:
        batch_norm_net().load_state_dict({"module.other": STATE["0.weight"]})
    assert "unwrap" not in str(refused.value)
    assert unwrap(STATE) is STATE
    with pytest.raises(TypeError, match="unwrap: expected a dict of weights, got list"):
        unwrap([])


def test_a_state_without_num_batches_tracked_loads_as_in_pytorch():
    torch = pytest.importorskip("torch")
    model, theirs = batch_norm_net(), torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    for each, library in (model, tinynet), (theirs, torch):
        each(library.ones(2, 3))                                         # one batch is counted
        state = {key: library.tensor(value.numpy()) for key, value in STATE.items() if "tracked" not in key}
        assert not any(each.load_state_dict(state))
        assert each[1].num_batches_tracked.item() == 1
