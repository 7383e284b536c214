"""`tinynet.save` and `tinynet.load`: weights and checkpoints, a nest of dicts, lists and tuples in one file."""

import os
import pathlib

from tinynet import dtypes
from tinynet.files import atomic_write, open_to_read
from tinynet.weights.refusal import Refusal

TORCH_ENDINGS = (".pt", ".pth", ".th", ".bin", ".ckpt")          # what PyTorch's users call what `torch.save` writes
FOREIGN_ENDINGS = (".npz", ".npy", ".h5", ".hdf5", ".onnx", ".pkl", ".pickle", ".json")


class WeightFileError(ValueError):
    """A file that `load` does not read, and why."""

    def __init__(self, path, why):
        super().__init__(f"{path}: {why}")
        self.path, self.why = path, why


def save(obj, path):
    """Write a nest of dicts, lists and tuples that holds tensors, arrays, numbers, texts, booleans and None.

    The file is safetensors; a name that ends in .pt, .pth, .th, .bin or .ckpt gets PyTorch's own format, which
    `torch.load(path)` reads with `weights_only=True`. `load` gives back the same nest from either, with tensors for
    arrays; NumPy's scalars become Python's. The file appears whole or not at all. TypeError for anything else,
    float16 and complex arrays included, with the keys that lead to it; ValueError for more than a hundred nested
    levels, and for a name that promises another format.
    """
    ending = pathlib.Path(path).suffix.lower()
    if ending in FOREIGN_ENDINGS:
        raise ValueError(f"save: expected a name that ends in .safetensors, or .pth for PyTorch's format, got {path}")
    if ending in TORCH_ENDINGS:
        from tinynet.weights.torch_writer import to_bytes
    else:
        from tinynet.weights.nest import to_bytes
    try:
        content = to_bytes(obj)
    except RecursionError:
        raise ValueError("save: expected at most a hundred nested levels, got more or a loop") from None
    with atomic_write(path) as file:
        file.write(content)


def load(path, map_location=None, *, weights_only=True, dtype=None):
    """What `save` wrote, a dict of tensors from any other safetensors file, or what `torch.save` wrote.

    `dtype` (float32 or float64) converts every float tensor to it; files of float16 or bfloat16 need it.
    Nothing in a PyTorch file is ever executed: it may hold tensors, plain containers, numbers and texts, or
    it is refused; so `weights_only` can only be True, and `map_location` only the one device, "cpu". Tensors that
    share memory in a PyTorch file share it here. WeightFileError names the file and what is wrong.
    """
    check_options(map_location, weights_only, dtype)
    with open_to_read(path) as file:
        try:
            return read(file, dtype)
        except Refusal as refusal:
            raise WeightFileError(path, str(refusal)) from None
        except MemoryError:
            raise
        except Exception as error:       # a damaged file can fail in any line that reads it
            raise WeightFileError(path, f"it is damaged ({type(error).__name__}: {error!s:.200})") from error


def check_options(map_location, weights_only, dtype):
    if map_location is not None and str(map_location) != "cpu":
        raise ValueError(f"load: expected map_location 'cpu', the one device there is, got {map_location!r}")
    if weights_only not in (True, None):
        raise ValueError(f"load: expected weights_only=True, since code in a file is never run, got {weights_only!r}")
    if dtype is not None and not dtypes.is_floating(dtypes.check(dtype, "load")):
        raise TypeError(f"load: expected dtype float32 or float64, got {dtype}")


def read(file, dtype):
    """What the open file holds; its first bytes tell which format it has."""
    from tinynet.weights import torch_reader
    from tinynet.weights.nest import read_nest

    head, size = file.read(32), os.fstat(file.fileno()).st_size
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
