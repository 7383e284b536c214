"""Measuring in turns: A B C A B C ..., so that a disturbance of the machine affects all of them.

A `Job` is one thing to measure. Rows that are measured together share their common jobs. Every job first runs once
without being measured, so that caches are filled, kernels are compiled and files are read.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections import namedtuple

from tinynet.bench.children import Child, environment

Job = namedtuple("Job", "instrument who workload options conv_method cache seconds")

PAUSE = 0.01                           # seconds between turns: the idle threads of the last one fall asleep
MEMORY_STEPS = 6                       # enough for the largest resident size to be reached


class Instruments:
    """The ways to measure a job, by name. Children that measure time live on until the bench ends."""

    def __init__(self, quick=False):
        self.quick = quick             # a turn is one run, whatever the job says
        self.children = {}

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for child in self.children.values():
            child.__exit__(*exception)

    def measure(self, job):
        return getattr(self, job.instrument)(job)

    def time(self, job):
        """Seconds of one run; each turn starts with a run that does not count."""
        child = self.child(job)
        time.sleep(PAUSE)
        child.ask("run", seconds=0)
        return child.ask("run", seconds=0 if self.quick else job.seconds)

    def memory(self, job):
        """The largest resident size of a process that trains some steps, in bytes."""
        with Child(job.who) as child:
            prepare(child, job)
            for _ in range(MEMORY_STEPS):
                child.ask("run", seconds=0)
            return child.ask("state")["peak"]

    def start(self, job):
        """Seconds from starting a process to the end of its first run; an "empty" cache makes it compile."""
        with tempfile.TemporaryDirectory() as empty:
            variables = {"TINYNET_CACHE": empty} if job.cache == "empty" else {}
            start = time.perf_counter()
            with Child(job.who, **variables) as child:
                prepare(child, job)
                child.ask("run", seconds=0)
                return time.perf_counter() - start

    def importing(self, job):
        """Seconds of `import LIBRARY` in a fresh interpreter."""
        code = ("import time; start = time.perf_counter();"
                f"import {job.who.library}; print(time.perf_counter() - start)")
        run = subprocess.run([sys.executable, "-P", "-c", code], env=environment(job.who.threads), check=True,
                             stdout=subprocess.PIPE, text=True, encoding="utf-8")
        return float(run.stdout)

    def child(self, job):
        """The living child for this job, with the job as its current workload."""
        if job.who not in self.children:
            self.children[job.who] = child = Child(job.who)
            threads = child.ask("state")["threads"]
            if threads != job.who.threads:
                raise RuntimeError(f"{child.name()} uses {threads} threads instead of {job.who.threads}")
        prepare(self.children[job.who], job)
        return self.children[job.who]

    def work(self, job):
        """The least work of one run, and its unit; None for a job that does not measure time."""
        return self.child(job).ask("work") if job.instrument == "time" else None

    def drop(self):
        for child in self.children.values():
            child.ask("drop")


def prepare(child, job):
    child.ask("prepare", workload=job.workload, options=dict(job.options), conv_method=job.conv_method)


def in_turns(rounds, measure):
    """{job: its values}. `rounds` maps each job to its number of rounds."""
    for job in rounds:
        if job.cache != "empty":       # nothing to warm up there
            measure(job)
    values = {job: [] for job in rounds}
    for i in range(max(rounds.values())):
        for job in rounds:
            if i < rounds[job]:
                values[job].append(measure(job))
    return values


def summary(values):
    """Median and quartiles."""
    if len(values) < 2:
        return dict.fromkeys(("median", "low", "high"), values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": median, "low": low, "high": high}


def ratio(ours, theirs):
    """Median and quartiles of ours / theirs over the rounds, each pair measured one after the other."""
    return summary([a / b for a, b in zip(ours, theirs)])


def better(values, name):
    """PyTorch's eager column with the smaller median in the row `name`; None without PyTorch."""
    there = [column for column in ("nchw", "channels_last") if (name, column) in values]
    return min(there, key=lambda column: statistics.median(values[name, column]), default=None)
