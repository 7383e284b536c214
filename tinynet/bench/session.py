"""A run of the bench: the chosen rows, the blocks in which they are measured, and their results."""

import itertools
from dataclasses import dataclass

from tinynet.bench import rows
from tinynet.bench.compare import Instruments, better, in_turns, ratio, summary
from tinynet.system.suggest import did_you_mean

RATES = {"FLOP": "GFLOP/s", "B": "GB/s"}


@dataclass
class Settings:
    threads: int
    layouts: tuple = ("nchw", "channels_last")         # PyTorch's; empty where it is not installed
    rounds: int | None = None                          # None: as many as each row says
    quick: bool = False                                # one short round, to try the bench

    def rounds_of(self, row):
        rounds = self.rounds or (1 if self.quick else row.rounds)
        return rounds if row.instrument == "time" else min(rounds, row.rounds)


def select(names):
    """The rows of some groups, each once.

    A name is a group or the beginning of one, or GROUP:TEXT for its rows that have TEXT in their names.
    """
    chosen = []
    for name in names:
        group, _, text = name.partition(":")
        in_groups = [row for g in find_groups(group) for row in rows.GROUPS[g]]
        found = [row for row in in_groups if text.lower() in row.name.lower()]
        if not found:
            raise ValueError(f"bench: no row of {group!r} has {text!r} in its name")
        chosen += found
    return list({row.name: row for row in chosen}.values())


def find_groups(name):
    if name in rows.GROUPS:
        return [name]
    if name == "all":
        return list(rows.GROUPS)
    beginning = [group for group in rows.GROUPS if group.startswith(name)]
    if len(beginning) == 1:
        return beginning
    hint = f"; did you mean {' or '.join(beginning)}?" if beginning else did_you_mean(name, [*rows.GROUPS, "all"], 2)
    raise ValueError(f"bench: unknown group of rows {name!r}{hint} (there are {', '.join(rows.GROUPS)}, all)")


def blocks(chosen):
    """The rows in lists that are measured in turns with one another, in the order of the first of each."""
    numbers = itertools.count()
    by_word = {}
    for row in chosen:
        by_word.setdefault(row.together or next(numbers), []).append(row)
    return list(by_word.values())


class Session:
    """Measures rows. `values` is {(row name, column): measurements}, `results` has a dict for each row."""

    def __init__(self, settings):
        self.settings = settings
        self.values = {}
        self.results = []
        self.limits = {}               # of the machine: {"GFLOP/s": ..., "GB/s": ...}

    def run(self, chosen):
        """Measure the machine's limits and the chosen rows; yields their results as blocks are done."""
        with Instruments(self.settings.quick) as instruments:
            for block in [rows.MACHINE, *blocks(chosen)]:
                for result in self.measure(block, instruments):
                    self.results.append(result)
                    yield result

    def measure(self, block, instruments):
        jobs = {row.name: row.jobs(self.settings.layouts, self.settings.threads) for row in block}
        rounds = {}
        for row in block:
            for job in jobs[row.name].values():
                rounds[job] = max(self.settings.rounds_of(row), rounds.get(job, 0))
        measured = in_turns(rounds, instruments.measure)
        for row in block:
            for column, job in jobs[row.name].items():
                self.values[row.name, column] = measured[job]
        work = {row.name: instruments.work(jobs[row.name]["tinynet"]) for row in block}
        instruments.drop()
        return [self.result(row, jobs[row.name], work[row.name]) for row in block]

    def result(self, row, jobs, work):
        columns = {column: self.values[row.name, column] for column in jobs}
        against = better(self.values, row.name)
        return {
            "group": row.group, "row": row.name, "unit": "B" if row.instrument == "memory" else "s",
            "columns": {column: {**summary(values), "values": values} for column, values in columns.items()},
            "ratio": against and {**ratio(columns["tinynet"], columns[against]), "against": against},
            "rate": work and self.rate(row, columns["tinynet"], *work),
        }

    def rate(self, row, seconds, work, unit):
        """The rate of the work, and its share of the machine's measured limit."""
        name = RATES[unit]
        if row.group == "machine":
            self.limits[name] = work / min(seconds) / 1e9
        rate = work / summary(seconds)["median"] / 1e9
        return {"value": rate, "unit": name, "share": rate / self.limits[name]}
