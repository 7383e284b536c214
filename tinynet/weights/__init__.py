"""Weight files: safetensors read and written, PyTorch's files read without running what is in them."""

from tinynet.weights.save_load import WeightFileError, load, save

__all__ = ["WeightFileError", "load", "save"]
