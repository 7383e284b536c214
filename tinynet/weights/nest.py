"""Nested dicts, lists and tuples as a plain safetensors file, and back.

A flat state_dict keeps its own keys; for deeper tensors, the keys on the way are joined by "/". Facts that safetensors
cannot hold (the nesting, numbers, strings, the order of keys) are JSON in the file's metadata, under "tinynet":

    {"model": {"fc.bias": b}, "epoch": 3}
    tensors    {"model/fc.bias": b}
    metadata   {"dict": [["model", {"dict": [["fc.bias", {"tensor": "model/fc.bias"}]]}], ["epoch", 3]]}
"""

import json

import numpy as np

from tinynet import dtypes
from tinynet.system import bounded_json
from tinynet.tensor import Tensor
from tinynet.weights import safetensors_writer
from tinynet.weights.refusal import MAX_KEY, Refusal, as_dict, parse_json
from tinynet.weights.safetensors_reader import MAX_HEADER, MAX_TENSORS, read_safetensors


def to_bytes(obj, metadata=None):
    """The file's bytes, with more metadata, {string: string}.

    TypeError for objects that cannot be stored, ValueError for a file that `read_nest` would refuse.
    """
    arrays = {}
    structure = json.dumps(take_apart(obj, "", arrays))
    if len(arrays) > MAX_TENSORS:
        raise ValueError(f"save: expected at most {MAX_TENSORS:,} tensors, got {len(arrays):,}")
    try:
        bounded_json.check_size(structure.encode(), MAX_HEADER)
    except ValueError as error:
        raise ValueError(f"save: the nest is too large for a file: {error}") from None
    return safetensors_writer.to_bytes(arrays, {**(metadata or {}), "tinynet": structure})


def read_nest(file, size, dtype):
    """The object that `to_bytes` wrote; for any other safetensors file, a dict of its tensors."""
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
    """`obj` as JSON, its arrays moved into `arrays`; `name` is its path in the whole object."""
    obj = plain(obj, name)
    if isinstance(obj, np.ndarray):
        return {"tensor": put_away(obj, name, arrays)}
    if isinstance(obj, dict):
        return {"dict": [[checked_key(key, name), take_apart(value, way(name, key), arrays)]
                         for key, value in obj.items()]}
    if isinstance(obj, (list, tuple)):
        items = [take_apart(item, way(name, i), arrays) for i, item in enumerate(obj)]
        return items if isinstance(obj, list) else {"tuple": items}
    return obj


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


def plain(obj, name):
    """`obj` in a form that a file can hold: tensors as arrays of a supported dtype, NumPy's scalars as Python's."""
    if isinstance(obj, Tensor):
        obj = obj.array
    if isinstance(obj, np.generic):
        obj = obj.item()
    if isinstance(obj, np.ndarray):
        if obj.dtype.newbyteorder("=") not in dtypes.SUPPORTED:
            raise TypeError(f"save: cannot store an array of {obj.dtype} (at {name!r})")
    elif not (obj is None or isinstance(obj, (str, bool, int, float, dict, list, tuple))):
        advice = "; save its state_dict()" if hasattr(obj, "state_dict") else ""
        raise TypeError(f"save: cannot store a {type(obj).__name__} (at {name!r}){advice}")
    return obj


def way(name, key):
    return f"{name}/{key}" if name else str(key)


def checked_key(key, name):
    if not isinstance(key, (str, int, float, type(None))):
        raise TypeError(f"save: cannot store a {type(key).__name__} as a key (at {way(name, key)!r})")
    if isinstance(key, int) and abs(key) >= MAX_KEY:
        raise ValueError(f"save: expected an integer key below 2**60 in size, got {key} (at {name!r})")
    return key


def put_away(array, name, arrays):
    """Add the array under its name, or under a longer name if that is taken; returns the name."""
    while name in arrays or name == "__metadata__":
        name += "'"
    arrays[name] = np.asarray(array, array.dtype.newbyteorder("="), order="C")
    return name
