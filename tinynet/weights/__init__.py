"""Weight files: reads and writes safetensors and PyTorch's files, without PyTorch and without running their code."""

from tinynet.weights.save_load import WeightFileError, load, read_metadata, save
from tinynet.weights.unwrapping import unwrap

__all__ = ["WeightFileError", "load", "read_metadata", "save", "unwrap"]
