"""Compiling loops with Numba, and keeping the result on disk.

Numba's own cache looks only at the file that a function stands in. Ours lies in a folder named by the hash of *all*
kernel sources, so that no change anywhere can leave a stale kernel behind.
"""

import hashlib
import os
import pathlib
import sys
import tempfile

import numba
from numba.core import event

from tinynet import folders
from tinynet.kernels.machine import lanes
from tinynet.kernels.machine.memory import keep_freed_memory


def source_hash():
    """A short hash of all that decides the machine code: kernel sources, Numba's version, the number of lanes."""
    digest = hashlib.sha256(f"{numba.__version__} {lanes.LANES}".encode())
    for path in sorted(pathlib.Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _writable(folder):
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return os.access(folder, os.W_OK)
    except OSError:
        return False


def _choose_folder():
    folder = folders.cache_folder() / "kernels" / source_hash()
    return folder if _writable(folder) else pathlib.Path(tempfile.mkdtemp(prefix="tinynet-kernels-"))


FOLDER = _choose_folder()


def jit(function=None, **options):
    """`numba.njit` as every kernel here wants it: without the GIL, with C's division, cached in `FOLDER`.

    Usable bare or with options (`@jit(fastmath=True)`). Threads come from `threads.py`, never from Numba, so that
    Python threads may run kernels at the same time.
    """
    if function is None:
        return lambda f: jit(f, **options)
    if numba.config.DISABLE_JIT:
        return function
    previous, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(FOLDER)
    try:
        return numba.njit(**{"nogil": True, "cache": True, "error_model": "numpy", **options})(function)
    finally:
        numba.config.CACHE_DIR = previous


class _Announce(event.Listener):
    """Says once a process, on stderr, that a pause is compilation, and will not come back for these kernels."""

    said = False

    def on_start(self, happening):
        ours = happening.data["dispatcher"].py_func.__module__.startswith("tinynet.kernels")
        if ours and not self.said:
            self.said = True
            print("tinynet: compiling kernels that are new here (all of them: some 20 s); they are kept for next time",
                  file=sys.stderr, flush=True)

    def on_end(self, happening):
        pass


event.register("numba:compile", _Announce())
keep_freed_memory()                    # this module is imported when the first compiled kernel is about to run
