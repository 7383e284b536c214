"""The kinds of numbers in weight files, and how their bytes become arrays.

The kinds have the names of the safetensors format. float16 and bfloat16 are converted to a wider float, which the
caller must ask for, because tinynet computes with neither.
"""

import numpy as np

from tinynet.weights.refusal import Refusal

CODES = {
    "F64": "f8", "F32": "f4", "F16": "f2", "BF16": "u2",     # NumPy has no bfloat16: its bits are read first
    "I64": "i8", "I32": "i4", "I16": "i2", "I8": "i1", "U8": "u1", "BOOL": "u1",
}
FLOATS = ("F64", "F32", "F16", "BF16")
HALVES = {"F16": "float16", "BF16": "bfloat16"}


def itemsize(kind):
    """Bytes per number."""
    return np.dtype(CODES[kind]).itemsize


def loaded_dtype(kind, dtype):
    """The type in memory of numbers of `kind`, where the caller asks for floats of `dtype` (None: unchanged)."""
    if kind == "BOOL":
        return np.dtype(bool)
    if kind in FLOATS and dtype is not None:
        return np.dtype(dtype)
    if kind in HALVES:
        raise Refusal(f"it holds {HALVES[kind]} numbers: load(path, dtype=tinynet.float32) converts them")
    return np.dtype(CODES[kind])


def decode(raw, kind, dtype, order="<"):
    """A new flat array of the numbers in the bytes `raw`; `order` is "<" (little-endian) or ">" (big)."""
    numbers = np.frombuffer(raw, order + CODES[kind])
    if kind == "BF16":
        numbers = (numbers.astype(np.uint32) << 16).view(np.float32)     # the upper half of a float32
    with np.errstate(over="ignore", invalid="ignore"):     # a number too large for `dtype` becomes inf
        return numbers.astype(loaded_dtype(kind, dtype))
