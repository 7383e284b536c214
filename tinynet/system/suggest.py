""""Did you mean ...?": the known names that are nearest to an unknown name."""

import difflib


def nearest(name, known, count=1, cutoff=0.6):
    """At most `count` of the names `known` that resemble `name`, the nearest first; case does not matter."""
    by_lower_case = {}
    for candidate in known:
        by_lower_case.setdefault(str(candidate).lower(), candidate)
    found = difflib.get_close_matches(str(name).lower(), by_lower_case, count, cutoff)
    return [by_lower_case[lower] for lower in found]


def did_you_mean(name, known):
    """The end of an error's sentence: "; did you mean linspace?", or nothing if no known name is near."""
    near = nearest(name, known)
    return f"; did you mean {near[0]}?" if near else ""
