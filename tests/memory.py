"""How much memory arrays hold, and how many objects there are: what must not grow from step to step."""

import gc
import tracemalloc

import numpy as np


def growth(step, warm_up=20, steps=180):
    """(bytes of array memory, number of objects) that `steps` calls of `step()` add after a warm-up."""
    tracemalloc.start()
    try:
        for _ in range(warm_up):
            step()
        before = held()
        for _ in range(steps):
            step()
        after = held()
    finally:
        tracemalloc.stop()
    return after[0] - before[0], after[1] - before[1]


def held():
    gc.collect()
    only_arrays = tracemalloc.DomainFilter(True, np.lib.tracemalloc_domain)
    snapshot = tracemalloc.take_snapshot().filter_traces([only_arrays])
    return sum(trace.size for trace in snapshot.traces), len(gc.get_objects())
