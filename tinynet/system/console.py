"""Printing where it can fail.

A console may not have every character, such as a Windows console in the code page 1252 or 949. Python raises
UnicodeEncodeError there. This module replaces such a character by a similar one: an arrow by "->". And a console may
be gone: its window was closed, or the program that reads the output has ended.
"""

import codecs
import os
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


def flush_or_drop():
    """Write what is still in memory, or drop it if nobody can read it. Else Python would end with status 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
