"""Printing on a console that does not have every character, such as a Windows console in the code page 1252 or 949.

Python raises UnicodeEncodeError there. This module replaces such a character by a similar one: an arrow by "->".
"""

import codecs
import sys

NEAREST = {"→": "->", "←": "<-", "×": "x", "±": "+-", "µ": "u", "·": "*", "√": "sqrt", "≥": ">=", "≤": "<=", "–": "-",
           "—": "-", "…": "...", "’": "'", "“": '"', "”": '"', "°": " degrees", "²": "^2", "³": "^3"}


def nearest(error):
    """An error handler for codecs: replaces characters that cannot be encoded by the nearest ASCII, or by "?"."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    unknown = error.object[error.start:error.end]
    return "".join(NEAREST.get(character, "?") for character in unknown), error.end


def accept_any_text():
    """After this call, printing on stdout or stderr never raises UnicodeEncodeError."""
    codecs.register_error("tinynet.nearest", nearest)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):              # a notebook or a test may use another kind of object
            stream.reconfigure(errors="tinynet.nearest")
