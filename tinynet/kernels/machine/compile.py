"""Compiling loops with Numba, and keeping the result on disk.

Numba's own cache only checks the file of the function itself. tinynet's cache is a folder whose name contains the hash
of *all* kernel sources, so that a change in any of them makes every kernel be compiled again.
"""

import hashlib
import pathlib
import platform

import llvmlite
import numba
import numpy
from numba.core import event

from tinynet.kernels.machine import lanes
from tinynet.kernels.machine.cache import Folder, KernelCache
from tinynet.kernels.machine.memory import keep_freed_memory
from tinynet.system import folders
from tinynet.system.progress import say


def source_hash():
    """A short hash of everything that decides the machine code: kernel sources, versions, the number of lanes."""
    versions = platform.python_version(), numpy.__version__, numba.__version__, llvmlite.__version__, lanes.LANES
    digest = hashlib.sha256(repr(versions).encode())
    for path in sorted(pathlib.Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


FOLDER = Folder(folders.cache_folder(), source_hash())


def jit(function=None, cache=True, **options):
    """`numba.njit` as every kernel here wants it: without the GIL, with C's division, kept in `FOLDER`.

    Usable bare or with options (`@jit(fastmath=True)`). Threads come from `threads.py`, never from Numba, so that
    Python threads may run kernels at the same time.
    """
    if function is None:
        return lambda f: jit(f, cache, **options)
    if numba.config.DISABLE_JIT:
        return function
    dispatcher = numba.njit(**{"nogil": True, "error_model": "numpy", **options})(function)
    if cache:
        dispatcher._cache = KernelCache(function, FOLDER)
    return dispatcher


class _Announce(event.Listener):
    """Prints once per process, on stderr, that kernels are being compiled, and whether they are kept for next time."""

    said = False

    def on_start(self, happening):
        ours = happening.data["dispatcher"].py_func.__module__.startswith("tinynet.kernels")
        if ours and not self.said:
            self.said = True
            what = "compiling kernels, some 20 s" if FOLDER.is_empty() else "compiling kernels that are new here"
            say(f"tinynet: {what}; {FOLDER.outlook()}")

    def on_end(self, happening):
        pass


event.register("numba:compile", _Announce())
keep_freed_memory()                    # this module is imported when the first compiled kernel is about to run
