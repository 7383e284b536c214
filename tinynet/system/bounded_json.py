"""Reading JSON of unknown origin, within bounds.

A small file can need much memory (`[[],[],...]`) or a deep stack. Therefore the text is measured before it is parsed.
"""

import json
import re

import numpy as np

MAX_DEPTH = 300               # containers inside one another; Python's stack takes some 900
MAX_CONTAINERS = 1_000_000    # an empty list takes 56 bytes, so these take 64 MB at least

STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
OTHERS = bytes(set(range(256)) - set(b"[]{}"))


def parse(raw, most):
    """The value that `raw`, JSON in UTF-8, describes. `raw` may have `most` bytes.

    The message of its ValueError is the end of a sentence, which the caller begins: "FILE: its JSON ...".
    """
    check_size(raw, most)
    try:
        return json.loads(raw)
    except UnicodeDecodeError:
        raise ValueError("its JSON is not UTF-8") from None
    except RecursionError:
        raise ValueError("its JSON is nested too deeply for Python's stack") from None
    except ValueError as error:
        raise ValueError(f"it is not JSON: {error}") from None


def check_size(raw, most):
    """ValueError if the JSON text has too many bytes, containers, or containers inside one another."""
    if len(raw) > most:
        raise ValueError(f"its JSON has more than the {most:,} bytes that are read")
    brackets = STRING.sub(b"", raw).translate(None, OTHERS)
    containers = brackets.count(b"[") + brackets.count(b"{")
    if containers > MAX_CONTAINERS:
        raise ValueError(f"its JSON has {containers:,} lists and objects, more than {MAX_CONTAINERS:,}")
    opens = np.isin(np.frombuffer(brackets, np.uint8), list(b"[{"))
    depth = int(np.cumsum(np.where(opens, np.int8(1), np.int8(-1)), dtype=np.int32).max(initial=0))
    if depth > MAX_DEPTH:
        raise ValueError(f"its JSON is nested {depth:,} deep, more than {MAX_DEPTH}")
