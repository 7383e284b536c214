"""`tinynet.save` and `tinynet.load`: weights and checkpoints, nested dicts, lists and tuples in one file."""

import contextlib
import os
import pathlib

from tinynet import dtypes
from tinynet.devices import check_device
from tinynet.system.files import atomic_write, open_to_read
from tinynet.weights.refusal import Refusal

TORCH_ENDINGS = (".pt", ".pth", ".th", ".bin", ".ckpt")          # usual endings of files that `torch.save` writes
FOREIGN_ENDINGS = (".npz", ".npy", ".h5", ".hdf5", ".onnx", ".pkl", ".pickle", ".json")


class WeightFileError(ValueError):
    """The reason why `load` refuses a file."""

    def __init__(self, path, why):
        super().__init__(f"{path}: {why}")
        self.path, self.why = path, why


def save(obj, path, *, metadata=None):
    """Write nested dicts, lists and tuples of tensors, arrays, numbers, strings, booleans and None.

    The file is safetensors; a name that ends in .pt, .pth, .th, .bin or .ckpt gets PyTorch's own format, which
    `torch.load(path)` reads with `weights_only=True`. `load` gives the same object back from either format, with
    tensors for arrays; NumPy's scalars become Python's. The file appears whole or not at all. `path` may be an open
    binary file, which gets PyTorch's format. TypeError for other objects, including float16 and complex arrays, with
    the keys that lead to them; ValueError for more than a hundred nested levels, and for a name with the ending of
    another format. `metadata`, {string: string}, is for safetensors files alone; `tinynet.weights.read_metadata` reads
    it.
    """
    to_buffer = hasattr(path, "write")
    ending = ".pt" if to_buffer else pathlib.Path(path).suffix.lower()
    if ending in FOREIGN_ENDINGS:
        raise ValueError(f"save: expected a name that ends in .safetensors, or .pth for PyTorch's format, got {path}")
    if ending in TORCH_ENDINGS and metadata:
        raise ValueError(f"save: expected a name that ends in .safetensors, which holds metadata, got {path}")
    if ending in TORCH_ENDINGS:
        from tinynet.weights.torch_writer import to_bytes
    else:
        from tinynet.weights.nest import to_bytes
    try:
        content = to_bytes(obj, metadata) if metadata else to_bytes(obj)
    except RecursionError:
        raise ValueError("save: expected at most a hundred nested levels, got more or a loop") from None
    with contextlib.nullcontext(path) if to_buffer else atomic_write(path) as file:
        file.write(content)


def load(path, map_location=None, *, weights_only=True, dtype=None):
    """The object that `save` or `torch.save` wrote, or a dict of the tensors in any other safetensors file.

    `dtype` (float32 or float64) converts every float tensor to this type; files of float16 or bfloat16 need it. Nothing
    in a PyTorch file is ever executed, whatever `weights_only` is: a file that has more than tensors, plain containers,
    numbers and strings is refused. `map_location` is "cpu", the one device, or a function or a dict; all tensors come
    to the CPU. `path` may be an open binary file. Tensors that share memory in a PyTorch file share it here.
    WeightFileError names the file and the fault.
    """
    check_options(map_location, weights_only, dtype)
    opened = contextlib.nullcontext(path) if hasattr(path, "read") else open_to_read(path)
    with opened as file:
        try:
            return read(file, dtype)
        except Refusal as refusal:
            raise WeightFileError(path, str(refusal)) from None
        except MemoryError:
            raise
        except Exception as error:       # a damaged file can cause an error in any line that reads it
            raise WeightFileError(path, f"it is damaged ({type(error).__name__}: {error!s:.200})") from error


def check_options(map_location, weights_only, dtype):
    if not (map_location is None or callable(map_location) or isinstance(map_location, dict)):
        check_device(map_location, "load: map_location")
    if weights_only not in (True, False, None):
        raise TypeError(f"load: expected True or False for weights_only, got {weights_only!r}")
    if dtype is not None and not dtypes.is_floating(dtypes.check(dtype, "load")):
        raise TypeError(f"load: expected dtype float32 or float64, got {dtype}")


def read_metadata(path):
    """The metadata, {string: string}, of a safetensors file; {} for any other file."""
    from tinynet.weights.safetensors_reader import read_header

    with open_to_read(path) as file:
        if file.read(9)[8:] != b"{":
            return {}
        file.seek(0)
        try:
            metadata = read_header(file, os.fstat(file.fileno()).st_size)[0].get("__metadata__", {})
        except Refusal as refusal:
            raise WeightFileError(path, str(refusal)) from None
        except (ValueError, RecursionError) as error:
            raise WeightFileError(path, f"it is damaged ({type(error).__name__}: {error!s:.200})") from error
    return metadata if isinstance(metadata, dict) else {}


def read(file, dtype):
    """The content of the open file. Its first bytes decide on the format."""
    from tinynet.weights import torch_reader
    from tinynet.weights.nest import read_nest

    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(32)
    file.seek(0)
    if head.startswith(b"PK"):
        return torch_reader.read_zip(file, size, dtype)
    if torch_reader.LEGACY_MAGIC in head:
        return torch_reader.read_legacy(file, size, dtype)
    if not head:
        raise Refusal("it is empty")
    if head[8:9] == b"{":
        return read_nest(file, size, dtype)
    raise Refusal("it is neither a safetensors file nor a PyTorch file")
