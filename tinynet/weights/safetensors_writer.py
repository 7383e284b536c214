"""Writes safetensors files; `safetensors_reader` shows the format."""

import json

import numpy as np

from tinynet.weights.encoding import CODES

KINDS = {np.dtype(code).name: kind for kind, code in CODES.items() if code != "u2"} | {"uint8": "U8", "bool": "BOOL"}


def to_bytes(arrays, metadata):
    """The bytes of a file with the arrays, by name, and the metadata, {text: text}.

    The widest numbers come first, and the header fills whole groups of eight bytes with blanks, so that all numbers
    lie where processors want them. Arrays of one width are in the order of their names.
    """
    header, parts, end = {"__metadata__": metadata}, [], 0
    for name, array in sorted(arrays.items(), key=lambda item: (-item[1].itemsize, item[0])):
        begin, end = end, end + array.nbytes
        header[name] = {"dtype": KINDS[array.dtype.name], "shape": list(array.shape), "data_offsets": [begin, end]}
        parts.append(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *parts])
