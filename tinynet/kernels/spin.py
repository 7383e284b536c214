"""Waiting without sleeping, for the few microseconds between one kernel and the next.

A thread that sleeps on a lock needs tens of microseconds to wake up; a training step of ResNet-20 has 134 parallel
regions. So a worker that has nothing to do first watches a counter in memory for a moment, outside the GIL, and only
then sleeps.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from tinynet.kernels.compile import jit

ROUNDS = 1_000_000                       # reads of the counter before giving up: about 0.2 ms
GRACE = 20_000                          # reads after it has changed: about 4 us


@intrinsic
def _load(typing_context, address):
    """The int64 at `address`, read anew every time."""
    def generate(context, builder, signature, args):
        pointer = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        return builder.load_atomic(pointer, ordering="acquire", align=8, typ=ir.IntType(64))
    return types.int64(types.int64), generate


@jit
def watch(address, value):
    """Return a moment after the counter at `address` is no longer `value`, or after `ROUNDS` reads.

    The moment is for the thread that changed it to reach its own kernel, and let go of the GIL there: whoever asks for
    the GIL while it is taken is put to sleep, which is what we are here to avoid.
    """
    for _ in range(ROUNDS):
        if _load(address) != value:
            for _ in range(GRACE):
                _load(address)
            return
