"""Writes safetensors files; `safetensors_reader` shows the format."""

import json

import numpy as np

from tinynet.weights.encoding import CODES

KINDS = {np.dtype(code).name: kind for kind, code in CODES.items() if code != "u2"} | {"uint8": "U8", "bool": "BOOL"}


def to_bytes(arrays, metadata):
    """The bytes of a file with the arrays, {name: array}, and the metadata, {string: string}.

    The widest numbers come first, and blanks extend the header to a multiple of eight bytes, so that all numbers are
    aligned in memory. Arrays of one width are in the order of their names.
    """
    header, parts, end = {"__metadata__": metadata}, [], 0
    for name, array in sorted(arrays.items(), key=lambda item: (-item[1].itemsize, item[0])):
        begin, end = end, end + array.nbytes
        header[name] = {"dtype": KINDS[array.dtype.name], "shape": list(array.shape), "data_offsets": [begin, end]}
        parts.append(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *parts])
