"""The known names that are nearest to an unknown name, worded as the end of an error's sentence."""

import difflib

SHOWN = 30                             # known names at most, where none of them is near


def nearest(name, known, count=1, cutoff=0.6):
    """At most `count` of the names `known` that resemble `name`, the nearest first; case does not matter."""
    by_lower_case = {}
    for candidate in known:
        by_lower_case.setdefault(str(candidate).lower(), candidate)
    found = difflib.get_close_matches(str(name).lower(), by_lower_case, count, cutoff)
    return [by_lower_case[lower] for lower in found]


def did_you_mean(name, known, count=1, cutoff=0.6):
    """"; did you mean linspace?", or an empty text if no known name is near."""
    near = nearest(name, known, count, cutoff)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def nearest_names(name, known):
    """"; the nearest names are a, b, c", or "; there are ..." with all known names if none is near."""
    near, known = nearest(name, known, 3), list(known)
    if near:
        return f"; the nearest names are {', '.join(near)}"
    more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
    return f"; there are {', '.join(known[:SHOWN])}{more}"
