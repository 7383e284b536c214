"""Weight files: safetensors read and written, PyTorch's files too, without PyTorch and without running them."""

from tinynet.weights.save_load import WeightFileError, load, read_metadata, save
from tinynet.weights.unwrapping import unwrap

__all__ = ["WeightFileError", "load", "read_metadata", "save", "unwrap"]
