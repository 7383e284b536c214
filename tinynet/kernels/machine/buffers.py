"""Buffers that begin with a cache line, and where arrays lie in memory.

NumPy tells an array's address by `array.ctypes.data`. That goes through objects of Python, which takes a microsecond
while they are in a near cache, and twenty after a kernel has filled the caches with its data.
"""

import threading

import numpy as np

from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.simd import address

CACHE_LINE = 64
_of_this_thread = threading.local()


@jit
def address_of(array):
    return address(array, 0)


def aligned(size):
    """A buffer of `size` float32 values that begins with a cache line."""
    raw = np.empty(size + CACHE_LINE // 4, np.float32)
    return raw[-address_of(raw) % CACHE_LINE // 4:][:size]


def scratch(name, size):
    """An aligned buffer of at least `size` float32 values, this thread's own, kept for its next call."""
    buffer = getattr(_of_this_thread, name, None)
    if buffer is None or buffer.size < size:
        buffer = aligned(size)
        setattr(_of_this_thread, name, buffer)
    return buffer
