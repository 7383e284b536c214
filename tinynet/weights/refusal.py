"""What the readers of weight files share: how to refuse, and the bounds of JSON and of a dict's keys."""

from tinynet.system import bounded_json

MAX_KEY = 2**60               # Python hashes a smaller integer to itself


class Refusal(ValueError):
    """Why a file is not read, as the end of a sentence that begins with its name."""


def parse_json(raw, most):
    """What the JSON in the bytes says; Refusal if it is none, or passes a bound of `bounded_json`."""
    try:
        return bounded_json.parse(raw, most)
    except ValueError as error:
        raise Refusal(str(error)) from None


def as_dict(pairs):
    """`dict(pairs)` if the keys hash fast and apart: no nested tuples, no integers made to collide."""
    for key, _ in pairs:
        if not isinstance(key, (str, int, float, type(None))):
            raise Refusal(f"it holds a dict with a {type(key).__name__} as a key")
        if isinstance(key, int) and abs(key) >= MAX_KEY:
            raise Refusal("it holds a dict with an absurdly large key")
    return dict(pairs)
