"""Printing on a console that does not know every character, such as one of Windows in the code page 1252 or 949.

Python raises UnicodeEncodeError there. Here such a character is written as near as the console can: an arrow as "->".
"""

import codecs
import sys

NEAREST = {"→": "->", "←": "<-", "×": "x", "±": "+-", "µ": "u", "·": "*", "√": "sqrt", "≥": ">=", "≤": "<=", "–": "-",
           "—": "-", "…": "...", "’": "'", "“": '"', "”": '"', "°": " degrees", "²": "^2", "³": "^3"}


def nearest(error):
    """An error handler for codecs: the characters that cannot be encoded, as near as ASCII comes, else "?"."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    unknown = error.object[error.start:error.end]
    return "".join(NEAREST.get(character, "?") for character in unknown), error.end


def accept_any_text():
    """From here on, what is printed on stdout or stderr never raises UnicodeEncodeError."""
    codecs.register_error("tinynet.nearest", nearest)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):              # not where a notebook or a test has put another object
            stream.reconfigure(errors="tinynet.nearest")
