"""Common part of the ladders: one computation, from its definition to the kernel that tinynet runs, each step timed."""

import argparse
import json
import pathlib
import time
from typing import Callable, NamedTuple

import numpy as np

import tinynet
from tinynet.commands.info import facts


class Rung(NamedTuple):
    """A way to compute the same: `run(*arrays)`. Slow ones get only `share` of the batch."""

    name: str
    run: Callable
    share: float = 1.0


def arguments(story, **defaults):
    """The command line: an option for each size."""
    parser = argparse.ArgumentParser(description=story, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in defaults.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--json", metavar="FILE", help="keep the times in a file that names the machine")
    return parser.parse_args()


def on_threads(count, run):
    """`run` with so many threads of tinynet's."""
    def rung(*arrays):
        tinynet.set_num_threads(count)
        return run(*arrays)
    return rung


def seconds(run, batch, others, repeats=7):
    """The median time of a call, after one on a single item that compiles what is to be compiled."""
    run(batch[:1], *others)
    times = []
    while len(times) < repeats and sum(times) < 10:
        start = time.perf_counter()
        run(batch, *others)
        times.append(time.perf_counter() - start)
    return np.median(times)


def climb(rungs, batch, *others, item="item", work=None, unit="GFLOP/s"):
    """Time each rung on `batch`, check that it gives what the first one gives, and print a table.

    `work` is what one item takes, in operations or bytes; with it the table has a rate, in billions of a second.
    Returns the rows of the table.
    """
    print(f"{'rung':44} {'µs / ' + item:>12} {unit if work else '':>9} {'times the rung below':>21}")
    before, expected, rows = None, rungs[0].run(batch[:1], *others), []
    for name, run, share in rungs:
        np.testing.assert_allclose(run(batch[:1], *others), expected, rtol=1e-3, atol=1e-4)
        items = batch[:max(1, round(share * len(batch)))]
        each = seconds(run, items, others) / len(items)
        rate = f"{work / each / 1e9:9.3f}" if work else " " * 9
        print(f"{name:44} {1e6 * each:12.3f} {rate} {before / each if before else 1:21.1f}", flush=True)
        before = each
        rows.append({"rung": name, "ms": 1000 * each, "rate": work and work / each / 1e9})
    return rows


def keep(path, sizes, rows):
    """Write the rows into a file, with the sizes and the machine."""
    machine = {key: str(value) for key, value in facts().items() if not key.endswith(("cache", "folder"))}
    result = {"machine": machine, "settings": sizes, "rows": rows}
    pathlib.Path(path).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
