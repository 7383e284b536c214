"""Counters in memory that threads watch: a way to wait without sleeping, because waiting mostly takes microseconds.

A thread that sleeps on a lock needs tens of microseconds to wake up, and a training step of ResNet-20 has some hundred
parallel regions. A thread that has nothing to do therefore watches a counter for a moment, outside the GIL, and only
then sleeps.

A counter is an int64, known by its address. `look`, `put` and `increase` are single atomic instructions. Their Python
bodies are used where Numba is switched off.
"""

import ctypes
import os
import time

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from tinynet.kernels.machine.compile import jit

ROUNDS = 10_000_000                    # looks at a counter before giving up: some 2 ms
GRACE = 20_000                         # looks after it has changed: about 4 us
LONG_GRACE = 80_000                    # the same, where a thread has to go through Python before it releases the GIL
PATIENCE = 50_000                      # looks before another thread may have the core: about 10 us


def look(counter):
    """The counter's value. What another thread wrote before it changed the counter can be read afterwards."""
    return ctypes.c_int64.from_address(counter).value


def put(counter, value):
    """Set the counter; returns its value before."""
    before = look(counter)
    ctypes.c_int64.from_address(counter).value = value
    return before


def increase(counter):
    """Add 1 to the counter, as one step for all threads; returns its value before."""
    return put(counter, look(counter) + 1)


def give_way():
    """Let another thread have this core, if one waits for it."""
    time.sleep(0)


@jit
def await_all(counter, value, failed):
    """Return as soon as the counter has reached `value`, or the counter `failed` is not 0, however long that takes."""
    looks = 0
    while look(counter) < value and look(failed) == 0:
        looks += 1
        if looks % PATIENCE == 0:      # the thread that we wait for may need this core
            give_way()


@jit
def watch(counter, value):
    """Return a moment after the counter has reached `value`, or after `ROUNDS` looks.

    In that moment, the thread that changed the counter reaches its own kernel and releases the GIL there. A thread that
    asks for the GIL too early is put to sleep, which `watch` is here to avoid.
    """
    if reached(counter, value):
        pause(counter, GRACE)


@jit
def reached(counter, value):
    """What the counter shows as soon as it has reached `value`, which is above 0; 0 after `ROUNDS` looks."""
    for looks in range(1, ROUNDS):
        found = look(counter)
        if found >= value:
            return found
        if looks % PATIENCE == 0:
            give_way()
    return 0


@jit
def pause(counter, looks):
    """So many looks, to let time pass."""
    for _ in range(looks):
        look(counter)


# The instructions -----------------------------------------------------------------------------------------------

INT = ir.IntType(64)


def _instruction(emit, operands):
    """An intrinsic for emit(builder, pointer, *operands), all int64, its result too; it takes the pointer's address."""
    def generate(context, builder, signature, args):
        return emit(builder, builder.inttoptr(args[0], INT.as_pointer()), *args[1:])
    return types.int64(*[types.int64] * (1 + operands)), generate


@intrinsic
def _load(typing_context, counter):
    return _instruction(lambda builder, pointer: builder.load_atomic(pointer, "acquire", 8, typ=INT), 0)


@intrinsic
def _exchange(typing_context, counter, value):
    return _instruction(lambda builder, pointer, value: builder.atomic_rmw("xchg", pointer, value, "seq_cst"), 1)


@intrinsic
def _add(typing_context, counter, value):
    return _instruction(lambda builder, pointer, value: builder.atomic_rmw("add", pointer, value, "seq_cst"), 1)


@overload(look)
def _(counter):
    return lambda counter: _load(counter)


@overload(put)
def _(counter, value):
    return lambda counter, value: _exchange(counter, value)


@overload(increase)
def _(counter):
    return lambda counter: _add(counter, 1)


@intrinsic
def _sched_yield(typing_context):
    def generate(context, builder, signature, args):
        function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.IntType(32), []), "sched_yield")
        builder.call(function, [])
        return context.get_dummy_value()
    return types.void(), generate


@overload(give_way)
def _():
    return (lambda: _sched_yield()) if os.name == "posix" else (lambda: None)
