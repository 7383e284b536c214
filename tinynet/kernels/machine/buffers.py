"""Buffers that begin with a cache line, and where arrays lie in memory.

NumPy tells an array's address by `array.ctypes.data`. That goes through objects of Python, which takes a microsecond
while they are in a near cache, and twenty after a kernel has filled the caches with its data.
"""

import threading

import numpy as np
from numba.extending import overload

from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.simd import address

LINE = 16                              # floats of a cache line
_of_this_thread = threading.local()


@jit
def address_of(array):
    return address(array, 0)


def aligned(size):
    """A buffer of `size` float32 values that begins with a cache line."""
    raw = np.empty(size + LINE, np.float32)
    return raw[-address_of(raw) // 4 % LINE:][:size]


def scratch(name, size, rows):
    """An aligned buffer of at least `size` float32 values for each member of a team of so many.

    It is this Python thread's own, and kept for its next call. `own` gives a member's part.
    """
    row = -(-size // LINE) * LINE
    buffer = getattr(_of_this_thread, name, None)
    if buffer is None or buffer.size < rows * row:
        buffer = aligned(rows * row)
        setattr(_of_this_thread, name, buffer)
    return buffer[:rows * row].reshape(rows, row)


@jit
def own(buffers, team):
    """The rows of some buffers that belong to this member of the team, for compiled loops."""
    return items(buffers, team[1])


def items(arrays, place):
    """(a[place], b[place], ...) of arrays (a, b, ...), for compiled loops."""
    return tuple(a[place] for a in arrays)


@overload(items)
def _(arrays, place):
    if len(arrays) == 1:
        return lambda arrays, place: (arrays[0][place],)
    return lambda arrays, place: (arrays[0][place], *items(arrays[1:], place))
