"""Reads safetensors files: eight bytes of header length, a JSON header, the tensors' bytes without a gap.

    {"__metadata__": {"any": "text"},
     "conv1.weight": {"dtype": "F32", "shape": [16, 3, 3, 3], "data_offsets": [0, 1728]}}

Memory is allocated only after a check that the header describes exactly the bytes of the file.
The format: https://github.com/huggingface/safetensors, "Format".
"""

import math

from tinynet.weights.encoding import CODES, decode, itemsize
from tinynet.weights.refusal import Refusal, parse_json

MAX_HEADER = 16_000_000       # bytes; the format's own limit, 100 million, would take gigabytes as JSON
MAX_TENSORS = 100_000
MAX_DIMS = 64                 # of NumPy


def read_safetensors(file, size, dtype):
    """The tensors, {name: array}, and the metadata, {name: string}, of an open file of `size` bytes."""
    header, start = read_header(file, size)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict):
        raise Refusal("its metadata is not a table of texts")
    if len(header) > MAX_TENSORS:
        raise Refusal(f"it holds {len(header):,} tensors, more than the {MAX_TENSORS:,} that are read")
    check_layout(header, size - start)
    return {name: read_tensor(file, start, entry, dtype) for name, entry in header.items()}, metadata


def read_header(file, size):
    """The header, and the position of the first byte after it."""
    length = int.from_bytes(file.read(8), "little")
    if length > size - 8:
        raise Refusal(f"its header claims {length:,} bytes, in a file of {size:,}")
    if length > MAX_HEADER:
        raise Refusal(f"its header has {length:,} bytes, more than the {MAX_HEADER:,} that are read")
    header = parse_json(file.read(length), MAX_HEADER)
    if not isinstance(header, dict):
        raise Refusal("its header is not a table")
    return header, 8 + length


def check_layout(header, available):
    """Every tensor must begin where the one before it ended, and the last must end with the file."""
    end = 0
    for name, entry in sorted(header.items(), key=lambda item: offsets(*item)):
        begin, stop = offsets(name, entry)
        if begin != end or stop - begin != byte_count(name, entry):
            raise Refusal(f"tensor {name[:80]!r} cannot lie at the bytes {begin} to {stop}")
        end = stop
    if end != available:
        raise Refusal(f"its tensors need {end:,} bytes, but the file holds {available:,}")


def offsets(name, entry):
    match entry:
        case {"data_offsets": [int(begin), int(stop)]}:
            return begin, stop
    raise Refusal(f"tensor {name[:80]!r} has no data_offsets")


def byte_count(name, entry):
    kind, shape = entry.get("dtype"), entry.get("shape")
    if not isinstance(kind, str) or kind not in CODES:
        raise Refusal(f"tensor {name[:80]!r} has the dtype {kind!r:.20}, which tinynet does not know")
    if not isinstance(shape, list) or len(shape) > MAX_DIMS or not all(map(is_count, shape)):
        raise Refusal(f"tensor {name[:80]!r} has no proper shape")
    return math.prod(shape) * itemsize(kind)


def is_count(n):
    return type(n) is int and n >= 0


def read_tensor(file, start, entry, dtype):
    begin, stop = entry["data_offsets"]
    file.seek(start + begin)
    return decode(file.read(stop - begin), entry["dtype"], dtype).reshape(entry["shape"])
