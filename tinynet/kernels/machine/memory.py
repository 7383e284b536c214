"""Memory: keeping freed memory for the next step, and buffers that begin with a cache line.

A training step allocates and frees the same large arrays again and again. The C library hands arrays over some
megabytes back to the system at once. The next ones arrive as pages that the system has to map and clear one by one:
17,000 page faults in a step of ResNet-20, which take 25 to 40 ms. If the C library keeps what was freed, there are
none. The process then holds its peak of memory until it ends, and the next step would need that memory again anyway.
"""

import ctypes
import os
import threading

import numpy as np

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3            # the names and numbers of glibc's malloc.h
LARGEST = 2**31 - 1
CACHE_LINE = 64
_of_this_thread = threading.local()


def keep_freed_memory():
    """Ask glibc to reuse freed memory of any size; elsewhere, or with TINYNET_KEEP_MEMORY=0, do nothing."""
    if os.environ.get("TINYNET_KEEP_MEMORY") == "0":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return                                         # another C library
    mallopt(M_MMAP_THRESHOLD, 2**30)
    mallopt(M_TRIM_THRESHOLD, LARGEST)


def aligned(size):
    """A buffer of `size` float32 values that begins with a cache line."""
    raw = np.empty(size + CACHE_LINE // 4, np.float32)
    return raw[-raw.ctypes.data % CACHE_LINE // 4:][:size]


def scratch(name, size):
    """An aligned buffer of at least `size` float32 values, this thread's own, kept for its next call."""
    buffer = getattr(_of_this_thread, name, None)
    if buffer is None or buffer.size < size:
        buffer = aligned(size)
        setattr(_of_this_thread, name, buffer)
    return buffer
