"""Memory: keeping what was freed for the next step.

A training step allocates and frees the same large arrays again and again. The C library hands arrays over some
megabytes back to the system at once. The next ones arrive as pages that the system has to map and clear one by one:
17,000 page faults in a step of ResNet-20, which take 25 to 40 ms. If the C library keeps what was freed, there are
none. The process then holds its peak of memory until it ends, and the next step would need that memory again anyway.
"""

import ctypes
import os

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3            # the names and numbers of glibc's malloc.h
LARGEST = 2**31 - 1


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
