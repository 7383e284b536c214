"""What a comparison can end in, and the table of the exceptions that are known.

The table stands in docs/databases.md, for readers and for the tests: a row has the entry (or several, or `*`), what
happens, a text that the failure's description contains, and the reason.
"""

import collections
import dataclasses
import functools
import pathlib

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "databases.md"
RESULTS = {"agrees", "refused", "differs",             # a good input: the same, an error, another result
           "bad refused", "bad accepted"}              # a bad input: an error, as it should be, or a result
FAILURES = ("refused", "differs", "bad accepted")
# The errors that say what is wrong with an argument. Any other is a fault, not a refusal.
IN_WORDS = (TypeError, ValueError, IndexError, RuntimeError, NotImplementedError, KeyError)


@dataclasses.dataclass
class Outcome:
    """How one comparison ended: `entry` is PyTorch's name, `how` the variant and the type."""

    entry: str
    how: str
    result: str
    message: str = ""
    sample: str = ""

    def __str__(self):
        return f"{self.entry}, {self.how}: {self.result}: {self.message}\n    {self.sample}"


@dataclasses.dataclass(frozen=True)
class Exemption:
    """A row of the table."""

    entries: tuple
    result: str
    text: str
    reason: str

    def covers(self, outcome):
        known = outcome.entry in self.entries or self.entries == ("*",)
        return known and outcome.result == self.result and self.text in str(outcome)


@functools.cache
def exemptions():
    """The rows of the table in docs/databases.md."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("| `")]
    return [Exemption(tuple(name.strip("` ") for name in entries.split(",")), result, text.strip("`"), reason)
            for entries, result, text, reason in rows]


def unlisted(outcomes):
    """The failures that no row of the table covers."""
    return [o for o in outcomes if o.result in FAILURES and not any(row.covers(o) for row in exemptions())]


def attempt(run, *args, **kwargs):
    """(result, None), or (None, the error)."""
    try:
        return run(*args, **kwargs), None
    except Exception as error:
        return None, error


def described(error):
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def refusal(entry, how, error, sample):
    """The outcome for a bad input that ended in `error`, or in None."""
    refused = isinstance(error, IN_WORDS)
    message = "no error" if error is None else described(error)
    return Outcome(entry, how, "bad refused" if refused else "bad accepted", message, sample)


def counts(outcomes):
    """{result: number}, with 0 for what did not happen."""
    return {result: 0 for result in sorted(RESULTS)} | collections.Counter(o.result for o in outcomes)


def shares(outcomes):
    """(share of the good samples that agree, share of the bad inputs that are refused)"""
    n = counts(outcomes)
    good, bad = n["agrees"] + n["refused"] + n["differs"], n["bad refused"] + n["bad accepted"]
    return n["agrees"] / max(good, 1), n["bad refused"] / max(bad, 1)
