"""The parent's side of `worker`: starting a child process, asking it, ending it."""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys
from collections import namedtuple

from tinynet.bench import worker

# layout: PyTorch's order of memory, else None. heap: "kept", or "default", the behaviour of the C library.
Who = namedtuple("Who", "library layout threads heap", defaults=("kept",))

# PyTorch at its best: the C library keeps freed memory, as tinynet asks it to (`kernels/machine/memory.py`).
KEPT_HEAP = {"MALLOC_TRIM_THRESHOLD_": "4000000000", "MALLOC_MMAP_THRESHOLD_": "4000000000"}
# Both libraries as on a processor with AVX2.
AVX2 = {"TINYNET_SIMD_LANES": "8", "NUMBA_CPU_NAME": "haswell", "ONEDNN_MAX_CPU_ISA": "AVX2",
        "ATEN_CPU_CAPABILITY": "avx2"}

NAMES = {"tinynet": "tinynet", "numpy": "NumPy", "torch": "PyTorch"}


def torch_installed():
    return importlib.util.find_spec("torch") is not None


def environment(threads, **more):
    """A child's environment: the same number of threads for every library, and this tinynet to import."""
    package_parent = str(pathlib.Path(worker.__file__).resolve().parents[2])
    paths = [package_parent, *filter(None, [os.environ.get("PYTHONPATH")])]
    counts = {name: str(threads) for name in
              ("TINYNET_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    return {**os.environ, **counts, "PYTHONPATH": os.pathsep.join(paths), **more}


class Child:
    """A worker process for one library, layout and number of threads. Use it in a `with` block."""

    def __init__(self, who, **environment_variables):
        self.who = who
        if who.heap == "kept":
            environment_variables = {**KEPT_HEAP, **environment_variables}
        command = [sys.executable, "-P", worker.__file__, who.library, str(who.layout), str(who.threads)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=environment(who.threads, **environment_variables), encoding="utf-8")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.kill()
        self.process.communicate()

    def ask(self, do, **request):
        try:
            self.process.stdin.write(json.dumps({"do": do, **request}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise ChildProcessError(f"the process that measures {self.name()} ended with status "
                                    f"{self.process.wait()} when asked to {do} {request}")
        reply = json.loads(line)
        if "error" in reply:
            raise RuntimeError(f"{self.name()} could not {do} {request}: {reply['error']}")
        return reply["answer"]

    def name(self):
        return " ".join(filter(None, (NAMES[self.who.library], self.who.layout)))
