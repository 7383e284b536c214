"""Writes PyTorch's zip format without PyTorch: NAME/data.pkl, NAME/data/0, NAME/data/1, ...

`data.pkl` is a pickle that builds the containers. It names a function of PyTorch for each tensor, and Python's pickler
writes such a name only if PyTorch is installed. Therefore this file writes the few instructions itself. They are
instructions that `torch.load(path, weights_only=True)` allows. `python -m pickletools data.pkl` prints them by name.
"""

import io
import struct
import zipfile

import numpy as np

from tinynet.weights.nest import checked_key, plain, way

STORAGES = {"float64": "DoubleStorage", "float32": "FloatStorage", "int64": "LongStorage", "int32": "IntStorage",
            "int16": "ShortStorage", "int8": "CharStorage", "uint8": "ByteStorage", "bool": "BoolStorage"}
CONSTANTS = {None: b"N", True: b"\x88", False: b"\x89"}


def to_bytes(obj):
    """The bytes of a file that `torch.load` reads as `obj`. TypeError for objects that cannot be stored."""
    storages = []
    program = b"\x80\x02" + pickled(obj, "", storages) + b"."
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        def add(name, content):
            archive.writestr(zipfile.ZipInfo(f"archive/{name}"), content)      # dated 1980: equal objects, equal bytes

        add("data.pkl", program)
        add("byteorder", b"little")
        for key, array in enumerate(storages):
            add(f"data/{key}", array.tobytes())
        add("version", b"3\n")
    return buffer.getvalue()


def pickled(obj, name, storages):
    """The instructions that put `obj` on the stack; its arrays are appended to `storages`."""
    obj = plain(obj, name)
    if isinstance(obj, np.ndarray):
        storages.append(np.ascontiguousarray(obj, obj.dtype.newbyteorder("<")).reshape(obj.shape))
        return tensor(storages[-1], len(storages) - 1)
    if obj is None or isinstance(obj, bool):
        return CONSTANTS[obj]
    if isinstance(obj, int):
        return integer(obj)
    if isinstance(obj, float):
        return b"G" + struct.pack(">d", obj)
    if isinstance(obj, str):
        return text(obj)
    if isinstance(obj, dict):
        return b"}(" + b"".join(pickled(checked_key(key, name), name, storages)
                                + pickled(value, way(name, key), storages) for key, value in obj.items()) + b"u"
    items = b"".join(pickled(item, way(name, i), storages) for i, item in enumerate(obj))
    return b"](" + items + b"e" if isinstance(obj, list) else b"(" + items + b"t"


def integer(number):
    digits = number.to_bytes(number.bit_length() // 8 + 1, "little", signed=True)
    if len(digits) > 255:
        raise ValueError("save: expected integers of at most 2,000 bits")
    return b"\x8a" + bytes([len(digits)]) + digits


def text(string):
    content = string.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(content)) + content


def numbers(values):
    return b"(" + b"".join(map(integer, values)) + b"t"


def tensor(array, key):
    """torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks)"""
    storage = (b"(" + text("storage") + f"ctorch\n{STORAGES[array.dtype.name]}\n".encode() + text(str(key))
               + text("cpu") + integer(array.size) + b"tQ")
    strides = [stride // array.itemsize for stride in array.strides]
    return (b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + integer(0) + numbers(array.shape) + numbers(strides)
            + b"\x89" + b"ccollections\nOrderedDict\n)R" + b"tR")
