"""Reads PyTorch's files without PyTorch, and without running their code.

`torch.save` writes a pickle that builds the containers, and the raw numbers of the tensors. The pickle runs on the
machine of `pickle_machine`, which calls the functions in `CALLS` and nothing else.

Tensors are views of flat storages. A storage is allocated when the pickle first names it, after a check of the file's
size, and filled after the pickle has ended. There are two formats: a zip archive (PyTorch 1.6 and newer), and several
pickles in a row followed by the storages. PyTorch's source has both in torch/serialization.py.
"""

import io
import math
import zipfile

import numpy as np

from tinynet.system.archives import zip_directory_size
from tinynet.tensor import Tensor
from tinynet.weights.encoding import decode, itemsize, loaded_dtype
from tinynet.weights.pickle_machine import Global, run
from tinynet.weights.refusal import Refusal, as_dict

LEGACY_MAGIC = (0x1950A86A20F9469CFC6C).to_bytes(10, "little")     # near the beginning of the older format
MAX_PICKLE = 64_000_000       # bytes
MAX_DIMS = 64                 # of NumPy and of PyTorch
MAX_DIRECTORY = 16_000_000    # bytes of an archive's list of entries: some 150,000 of them

STORAGES = {
    "torch.DoubleStorage": "F64", "torch.FloatStorage": "F32", "torch.HalfStorage": "F16",
    "torch.BFloat16Storage": "BF16", "torch.LongStorage": "I64", "torch.IntStorage": "I32",
    "torch.ShortStorage": "I16", "torch.CharStorage": "I8", "torch.ByteStorage": "U8",
    "torch.BoolStorage": "BOOL",
}
ONE_CYCLE = "torch.optim.lr_scheduler.OneCycleLR"
DTYPES = [f"torch.{name}" for name in "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool".split()]
NAMES = {*STORAGES, *DTYPES, ONE_CYCLE}       # may be mentioned; a dtype is read as its name, a string


def read_zip(file, size, dtype):
    """The object in a zip archive of `torch.save`: NAME/data.pkl, NAME/data/0, NAME/data/1, ..."""
    if zip_directory_size(file, size) > MAX_DIRECTORY:
        raise Refusal(f"the directory of its archive has more than {MAX_DIRECTORY:,} bytes")
    archive = zipfile.ZipFile(file)
    entries = {entry.filename.partition("/")[2]: entry for entry in archive.infolist()}

    def read(name, limit):
        entry = entries.get(name)
        if entry is None:
            raise Refusal(f"its archive has no {name}")
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            raise Refusal(f"{name} in its archive is compressed")
        if entry.file_size > min(limit, size):
            raise Refusal(f"{name} in its archive claims to be longer than it may be")
        return archive.read(entry)

    order = ">" if "byteorder" in entries and read("byteorder", 6) == b"big" else "<"
    storages = Storages(size, dtype)
    result = run(io.BytesIO(read("data.pkl", MAX_PICKLE)), CALLS, NAMES, storages.claim)
    for key in storages:
        storages.fill(key, read(f"data/{key}", storages.byte_count(key)), order)
    return result


def read_legacy(file, size, dtype):
    """The object in the older format: magic number, version, system, object, storage keys; then the storages.

    Numbers are little-endian on every system.
    """
    pickles = io.BytesIO(file.read(MAX_PICKLE))
    _magic, version, _system = run(pickles), run(pickles), run(pickles)
    if version != 1001:
        raise Refusal("it has an unknown version of PyTorch's older format")
    storages = Storages(size, dtype)
    result, keys = run(pickles, CALLS, NAMES, storages.claim), run(pickles)
    if not isinstance(keys, list) or set(keys) != set(storages):
        raise Refusal("its list of storages does not match its tensors")
    file.seek(pickles.tell())
    for key in keys:
        if int.from_bytes(file.read(8), "little") != storages[key][1].size:
            raise Refusal(f"its storage {key[:80]!r} is not where it should be")
        storages.fill(key, file.read(storages.byte_count(key)))
    return result


class Storages(dict):
    """{key: (kind, flat array)}: the memory that tensors are views of, never more than the file can fill."""

    def __init__(self, size, dtype):
        self.unclaimed, self.dtype = size, dtype

    def claim(self, identity):
        """The array for a pickle's ("storage", type, key, device, numel); its numbers are read later."""
        match identity:
            case ("storage", Global() as name, str(key), str(), int(numel), *view) if (
                    name in STORAGES and view in ([], [None])):
                return self.array(STORAGES[name], key, numel)
        raise Refusal("it names a storage in an unknown way")

    def array(self, kind, key, numel):
        if key not in self:
            self.unclaimed -= numel * itemsize(kind)
            if numel < 0 or self.unclaimed < 0:
                raise Refusal("it declares more numbers than it holds")
            self[key] = kind, np.empty(numel, loaded_dtype(kind, self.dtype))
        known_kind, array = self[key]
        if (known_kind, array.size) != (kind, numel):
            raise Refusal(f"its storage {key[:80]!r} is declared in two ways")
        return array

    def byte_count(self, key):
        kind, array = self[key]
        return array.size * itemsize(kind)

    def fill(self, key, raw, order="<"):
        if len(raw) != self.byte_count(key):
            raise Refusal(f"its storage {key[:80]!r} needs {self.byte_count(key):,} bytes, has {len(raw):,}")
        kind, array = self[key]
        array[:] = decode(raw, kind, self.dtype, order)


def rebuild_tensor(storage, offset, sizes, strides, *flags):
    """torch._utils._rebuild_tensor_v2, and the older one without flags (requires_grad, hooks, metadata)."""
    if len(flags) > 2 and flags[2]:
        raise Refusal("a tensor is conjugated or negated")
    if not isinstance(storage, np.ndarray) or not len(sizes) == len(strides) <= MAX_DIMS:
        raise Refusal("a tensor has no storage or no proper shape")
    if not all(type(n) is int and 0 <= n < 2**63 for n in (offset, *sizes, *strides)):
        raise Refusal("a tensor has a negative or absurd size, stride or offset")
    if 0 in sizes:
        return Tensor(np.empty(sizes, storage.dtype))
    last = offset + sum((n - 1) * stride for n, stride in zip(sizes, strides))
    if max(last + 1, math.prod(sizes)) > storage.size:       # the product counts what a stride of 0 repeats
        raise Refusal(f"a tensor of shape {tuple(sizes)} does not fit into its {storage.size:,} numbers")
    width = storage.itemsize
    return Tensor(np.ndarray(sizes, storage.dtype, storage, offset * width, [n * width for n in strides]))


def rebuild_parameter(data, *flags):
    return data


def ordered_dict(pairs=()):
    """collections.OrderedDict: empty, or from a list of pairs, as Python 2 wrote it."""
    result = as_dict(pairs)
    if pairs:
        pairs.clear()                # one list used a million times would fill the memory
    return result


def counter(counts=None):
    """collections.Counter, of which MultiStepLR's milestones are one: the dict of counts itself."""
    if counts is not None and type(counts) is not dict:
        raise Refusal("it holds an improper collections.Counter")
    return {} if counts is None else counts


def device(kind, index=None):
    """torch.device, as a string such as "cuda:0"."""
    if not isinstance(kind, str) or not isinstance(index, (int, type(None))):
        raise Refusal("it holds an improper torch.device")
    return kind if index is None else f"{kind}:{index}"


def annealing(owner, name):
    """getattr(OneCycleLR, "_annealing_cos"), which PyTorch 1 wrote for its schedule: the name as a string."""
    if owner != ONE_CYCLE or name not in ("_annealing_cos", "_annealing_linear"):
        raise Refusal(f"it asks for 'builtins.getattr' of {owner!s:.80}")
    return name


def size(sizes):
    """torch.Size."""
    if type(sizes) is not tuple:
        raise Refusal("it holds an improper torch.Size")
    return sizes


CALLS = {
    "collections.OrderedDict": ordered_dict,
    "collections.Counter": counter,
    "torch.device": device,
    "builtins.getattr": annealing, "__builtin__.getattr": annealing,
    "torch._utils._rebuild_tensor": rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": rebuild_tensor,
    "torch._utils._rebuild_parameter": rebuild_parameter,
    "torch.Size": size,
}
