"""The common part of the readers of weight files: refusing a file, and the bounds of JSON and of a dict's keys."""

from tinynet.system import bounded_json

MAX_KEY = 2**60               # Python hashes a smaller integer to itself


class Refusal(ValueError):
    """The reason why a file is not read: the end of a sentence that begins with the file's name."""


def parse_json(raw, most):
    """The value of the JSON in the bytes; Refusal if it is not JSON, or exceeds a bound of `bounded_json`."""
    try:
        return bounded_json.parse(raw, most)
    except ValueError as error:
        raise Refusal(str(error)) from None


def as_dict(pairs):
    """`dict(pairs)`. Refusal for keys that can make a dict slow: nested tuples, and integers that collide."""
    for key, _ in pairs:
        if not isinstance(key, (str, int, float, type(None))):
            raise Refusal(f"it holds a dict with a {type(key).__name__} as a key")
        if isinstance(key, int) and abs(key) >= MAX_KEY:
            raise Refusal("it holds a dict with an absurdly large key")
    return dict(pairs)
