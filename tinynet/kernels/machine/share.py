"""One compiled loop on several threads at once, without a word of Python in between.

Threads that are to help wait in a compiled loop of their own, `serve`, which does not hold the GIL. The thread that
calls a kernel writes on a *board*, a few integers in memory that all threads can see, where the kernel's machine code
begins and where its arguments lie. Then it changes the number of the latest job, and goes to work. Each helper sees the
new number and calls that same code with those same arguments. All of them take chunks of the work (`chunks.py`), until
there are none left.

Why it is fast: a helper begins within a microsecond. To send it through Python instead took some 50 microseconds, for
taking the GIL and for reading its objects from memory after a kernel had filled the caches; a training step of
ResNet-20 has a hundred such moments.

The board's integers lie apart, so that no two of them share a cache line.
"""

import hashlib

from numba import config, types
from numba.core import cgutils, typing
from numba.extending import intrinsic

from tinynet.kernels.machine.compile import jit
from tinynet.kernels.machine.emit import INT
from tinynet.kernels.machine.spin import PATIENCE, ROUNDS, give_way, increase, look, put
from tinynet.kernels.machine.team import ALONE, APART

LATEST, OPEN, ENTERED, LEFT, JOINED, HELPERS, CODE, ARGUMENTS, FINISHED, FAILED, COUNTERS = (
    8 * APART * place for place in range(11))
PLACES = 16                            # of the board, the six counters of a team included
ENTRY = typing.signature(types.none, types.int64, types.int64)


def shared(loop):
    """A compiled function (board, number, helpers, *args) that shares `loop(team, *args)`; usable as a decorator.

    It runs the loop on this thread, and on up to so many helpers that serve the board, as the job of this number. It
    returns when none of them is at work, and says whether the loop ended well everywhere: it does not, if there was no
    memory. Without helpers, the board is not used.
    """
    if config.DISABLE_JIT:             # an intrinsic cannot be called from Python
        return lambda board, number, helpers, *args: loop((ALONE, 0), *args) is None
    compiled = loop if hasattr(loop, "py_func") else jit(loop, cache=False)
    loop, prepared = getattr(compiled, "py_func", loop), prepare(compiled)

    def launch(board, number, helpers, *args):
        counters = board + COUNTERS if helpers else ALONE
        code, place = prepared((counters, *args))
        if helpers == 0:
            return run(code, place, 0)
        for counter in range(6):
            put(counters + 8 * APART * counter, 0)
        put(board + JOINED, 0)
        put(board + HELPERS, helpers)
        put(board + CODE, code)
        put(board + ARGUMENTS, place)
        put(board + FAILED, 0)
        put(board + OPEN, number)
        put(board + LATEST, number)
        if not run(code, place, 0):
            put(board + FAILED, 1)     # the others no longer wait for this thread's chunks
        put(board + OPEN, 0)
        looks = 0
        # In this order: if all had left that have entered by now, then all of these have left. In the other order, one
        # that enters in between and leaves at once would stand for one that is still at work.
        while look(board + LEFT) != look(board + ENTERED):
            looks += 1
            if looks % PATIENCE == 0:
                give_way()
        return look(board + FAILED) == 0

    launch.__module__, launch.__name__ = loop.__module__, loop.__name__
    launch.__qualname__, launch.__doc__ = f"{loop.__qualname__}.launch", loop.__doc__
    return jit(launch)


def prepare(loop):
    """An intrinsic: (counters, *args) -> (address of a function that runs the loop, address of these arguments)."""
    @intrinsic
    def prepared(typing_context, arguments):
        @intrinsic
        def arguments_at(typing_context, place):
            def generate(context, builder, signature, args):
                kind = context.get_value_type(arguments)
                value = builder.load(builder.inttoptr(args[0], kind.as_pointer()), typ=kind)
                context.nrt.incref(builder, arguments, value)          # Numba lets go of what a function has returned
                return value
            return arguments(types.int64), generate

        def entry(place, member):
            given = arguments_at(place)
            loop((given[0], member), *given[1:])

        # The linker knows a function by its name alone, and kernels that are loaded from disk come from many processes.
        types_of_arguments = hashlib.sha256(str(arguments).encode()).hexdigest()[:16]
        entry.__module__ = loop.py_func.__module__
        entry.__qualname__ = f"{loop.py_func.__qualname__}.entry_{types_of_arguments}"

        def generate(context, builder, signature, args):
            compiled = context.compile_subroutine(builder, entry, ENTRY)
            code = builder.ptrtoint(context.declare_function(builder.module, compiled.fndesc), INT)
            place = builder.ptrtoint(cgutils.alloca_once_value(builder, args[0]), INT)
            return context.make_tuple(builder, signature.return_type, (code, place))
        return types.UniTuple(types.int64, 2)(arguments), generate
    return prepared


@intrinsic
def run(typing_context, code, place, member):
    """Call a function that `prepared` has given the address of; returns whether it ended without an error."""
    def generate(context, builder, signature, args):
        kind = context.call_conv.get_function_type(types.none, ENTRY.args)
        function = builder.inttoptr(args[0], kind.as_pointer())
        status, _ = context.call_conv.call_function(builder, function, types.none, ENTRY.args, args[1:])
        return status.is_ok
    return types.boolean(types.int64, types.int64, types.int64), generate


@jit
def tell_finished(board):
    """A helper says that it has come back from a job of Python."""
    increase(board + FINISHED)


@jit
def serve(board, seen):
    """Help with the jobs after the one that was `seen` last; returns the number of the last one.

    That is a job of Python, with an odd number, or there was none for a while.
    """
    looks = 0
    while looks < ROUNDS:
        latest = look(board + LATEST)
        if latest > seen:
            seen, looks = latest, 0
            if latest % 2 == 1:
                return seen
            help_with(board, latest)
        looks += 1
        if looks % PATIENCE == 0:
            give_way()
    return seen


@jit
def help_with(board, number):
    """Join the job of this number, unless it has ended, or has helpers enough.

    The thread that shares it says first that it ends, and then waits for those that have entered. A helper enters
    first, and then asks whether it has ended. So none can slip in.
    """
    increase(board + ENTERED)
    if look(board + OPEN) == number:
        member = increase(board + JOINED) + 1
        if member <= look(board + HELPERS) and not run(look(board + CODE), look(board + ARGUMENTS), member):
            put(board + FAILED, 1)
    increase(board + LEFT)
