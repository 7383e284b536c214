"""`tinynet.save` and `tinynet.load`: weights and checkpoints, a nest of dicts, lists and tuples in one file.

The file is a plain safetensors file. A flat state_dict keeps its own keys; deeper down, the keys on the way
are joined by "/". What safetensors cannot say (the nesting, numbers, texts, the order of keys) is JSON in
the file's metadata, under "tinynet":

    save({"model": {"fc.bias": b}, "epoch": 3}, path)
    tensors    {"model/fc.bias": b}
    metadata   {"dict": [["model", {"dict": [["fc.bias", {"tensor": "model/fc.bias"}]]}], ["epoch", 3]]}
"""

import json
import os

import numpy as np

from tinynet import bounded_json, dtypes
from tinynet.files import atomic_write, open_to_read
from tinynet.tensor import Tensor
from tinynet.weights.safetensors_reader import MAX_HEADER, MAX_TENSORS, read_safetensors
from tinynet.weights.refusal import MAX_KEY, Refusal, as_dict, parse_json


class WeightFileError(ValueError):
    """A file that `load` does not read, and why."""

    def __init__(self, path, why):
        super().__init__(f"{path}: {why}")
        self.path, self.why = path, why


def save(obj, path):
    """Write a nest of dicts, lists and tuples that holds tensors, arrays, numbers, texts, booleans and None.

    `load` gives back the same nest, with tensors for arrays; NumPy's scalars become Python's. The file
    appears whole or not at all. TypeError for anything else, float16 and complex arrays included, with the
    keys that lead to it; ValueError for more than a hundred nested levels.
    """
    from safetensors.numpy import save as to_bytes

    arrays = {}
    try:
        structure = json.dumps(take_apart(obj, "", arrays))
    except RecursionError:
        raise ValueError("save: expected at most a hundred nested levels, got more or a loop") from None
    check_bounds(structure, arrays)
    content = to_bytes(arrays, {"tinynet": structure})
    with atomic_write(path) as file:
        file.write(content)


def check_bounds(structure, arrays):
    """ValueError for what `load` would not read."""
    if len(arrays) > MAX_TENSORS:
        raise ValueError(f"save: expected at most {MAX_TENSORS:,} tensors, got {len(arrays):,}")
    try:
        bounded_json.check_size(structure.encode(), MAX_HEADER)
    except ValueError as error:
        raise ValueError(f"save: the nest is too large for a file: {error}") from None


def load(path, dtype=None):
    """What `save` wrote, a dict of tensors from any other safetensors file, or what `torch.save` wrote.

    `dtype` (float32 or float64) converts every float tensor to it; files of float16 or bfloat16 need it.
    Nothing in a PyTorch file is ever executed: it may hold tensors, plain containers, numbers and texts, or
    it is refused. Tensors that share memory in a PyTorch file share it here. WeightFileError names the file
    and what is wrong.
    """
    if dtype is not None and not dtypes.is_floating(dtypes.check(dtype, "load")):
        raise TypeError(f"load: expected dtype float32 or float64, got {dtype}")
    with open_to_read(path) as file:
        try:
            return read(file, dtype)
        except Refusal as refusal:
            raise WeightFileError(path, str(refusal)) from None
        except MemoryError:
            raise
        except Exception as error:       # a damaged file can fail in any line that reads it
            raise WeightFileError(path, f"it is damaged ({type(error).__name__}: {error!s:.200})") from error


def read(file, dtype):
    from tinynet.weights import torch_reader

    head, size = file.read(32), os.fstat(file.fileno()).st_size
    file.seek(0)
    if head.startswith(b"PK"):
        return torch_reader.read_zip(file, size, dtype)
    if torch_reader.LEGACY_MAGIC in head:
        return torch_reader.read_legacy(file, size, dtype)
    if not head:
        raise Refusal("it is empty")
    if head[8:9] == b"{":
        return read_own(file, size, dtype)
    raise Refusal("it is neither a safetensors file nor a PyTorch file")


def read_own(file, size, dtype):
    """A safetensors file, put together again if `save` wrote it."""
    arrays, metadata = read_safetensors(file, size, dtype)
    tensors = {name: Tensor(array) for name, array in arrays.items()}
    if "tinynet" not in metadata:
        return tensors
    unused = dict(tensors)
    whole = put_together(parse_json(metadata["tinynet"].encode(), MAX_HEADER), unused)
    if unused:
        raise Refusal(f"its structure has no place for tensor {next(iter(unused))[:80]!r}")
    return whole


def take_apart(obj, name, arrays):
    """`obj` as JSON, its arrays moved into `arrays`; `name` is the way to it."""
    if isinstance(obj, Tensor):
        obj = obj.array
    if isinstance(obj, np.generic):
        obj = obj.item()
    if isinstance(obj, np.ndarray):
        return {"tensor": put_away(obj, name, arrays)}
    if obj is None or isinstance(obj, (str, bool, int, float)):
        return obj
    if isinstance(obj, dict):
        return {"dict": [[checked_key(key, name), take_apart(value, way(name, key), arrays)]
                         for key, value in obj.items()]}
    if isinstance(obj, (list, tuple)):
        items = [take_apart(item, way(name, i), arrays) for i, item in enumerate(obj)]
        return items if isinstance(obj, list) else {"tuple": items}
    raise TypeError(f"save: cannot store a {type(obj).__name__} (at {name!r})")


def put_together(node, tensors):
    """The inverse of `take_apart`. Every tensor is taken out of `tensors` once."""
    if isinstance(node, list):
        return [put_together(item, tensors) for item in node]
    if not isinstance(node, dict):
        return node
    (kind, content), = node.items()
    if kind == "tensor":
        return tensors.pop(content)
    if kind == "tuple":
        return tuple(put_together(item, tensors) for item in content)
    if kind == "dict":
        return as_dict([(key, put_together(value, tensors)) for key, value in content])
    raise Refusal(f"its structure has the unknown part {kind[:80]!r}")


def way(name, key):
    return f"{name}/{key}" if name else str(key)


def checked_key(key, name):
    if not isinstance(key, (str, int, float, type(None))):
        raise TypeError(f"save: cannot store a {type(key).__name__} as a key (at {way(name, key)!r})")
    if isinstance(key, int) and abs(key) >= MAX_KEY:
        raise ValueError(f"save: expected an integer key below 2**60 in size, got {key} (at {name!r})")
    return key


def put_away(array, name, arrays):
    """Adds the array under its name, or one like it if that is taken."""
    native = array.dtype.newbyteorder("=")
    if native not in dtypes.SUPPORTED:
        raise TypeError(f"save: cannot store an array of {array.dtype} (at {name!r})")
    while name in arrays or name == "__metadata__":
        name += "'"
    arrays[name] = np.asarray(array, native, order="C")
    return name
