"""The child process that runs workloads for one library: `python worker.py LIBRARY LAYOUT THREADS`.

It reads requests from its standard input and answers on its standard output, one JSON object a line:

    {"do": "prepare", "workload": "train", "options": {...}}    build it, or come back to it
    {"do": "run", "seconds": 0.2}      run it for about that long, at least once; answers seconds of one run
    {"do": "work"}                     answers what one run has to do at least, and in which unit
    {"do": "state"}                    answers threads and the peak memory of the process
    {"do": "drop"}                     forget all workloads

It does not import tinynet's engine for PyTorch, so that PyTorch's memory and start time do not include it.
"""

import contextlib
import gc
import json
import os
import pathlib
import signal
import sys
import time
import types


def bare_package():
    """`tinynet` without running its __init__: `tinynet.bench` can be imported, the engine is not."""
    package = types.ModuleType("tinynet")
    package.__path__ = [str(pathlib.Path(__file__).resolve().parents[1])]
    sys.modules["tinynet"] = package


class Worker:
    def __init__(self, name, layout, threads):
        if name != "tinynet":
            bare_package()
        from tinynet.bench.libraries import LIBRARIES
        self.library = LIBRARIES[name](int(threads), layout)
        self.prepared = {}
        self.current = None

    def prepare(self, workload, options, conv_method=None):
        """Make this workload the current one; it is built the first time."""
        from tinynet.bench.workloads import WORKLOADS
        key = (workload, conv_method, *sorted(options.items()))
        if hasattr(self.library, "use_conv_method"):
            self.library.use_conv_method(conv_method or "auto")
        if key not in self.prepared:
            self.prepared[key] = WORKLOADS[workload](self.library, **options)
        self.current = self.prepared[key]

    def run(self, seconds):
        gc.collect()                   # start clean; during the runs the collector works as for any user
        runs, start = 0, time.perf_counter()
        while True:
            self.current.run()
            runs += 1
            now = time.perf_counter()
            if now - start >= seconds:
                return (now - start) / runs

    def work(self):
        return self.current.work(), self.current.unit

    def state(self):
        return {"threads": self.library.threads(), "peak": peak_memory()}

    def drop(self):
        self.prepared.clear()
        self.current = None
        gc.collect()


def peak_memory():
    """Largest resident size of this process so far, in bytes."""
    with contextlib.suppress(OSError):
        with open("/proc/self/status", encoding="utf-8") as lines:     # getrusage would inherit the parent's peak
            return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    import resource
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def serve(worker, requests, answers):
    for line in requests:
        request = json.loads(line)
        try:
            answer = {"answer": getattr(worker, request.pop("do"))(**request)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)       # the parent says when to end, by closing our input
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)                                      # output of a library must not mix with the answers
    serve(Worker(*sys.argv[1:]), sys.stdin, channel)
