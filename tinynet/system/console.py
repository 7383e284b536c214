"""Printing on a console that does not know every character, such as one of Windows in the code page 1252 or 949.

Python raises UnicodeEncodeError there. Here such a character becomes the nearest that the console has: an arrow "->".
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
        if hasattr(stream, "reconfigure"):              # not where a notebook or a test has put another object
            stream.reconfigure(errors="tinynet.nearest")
