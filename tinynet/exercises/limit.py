"""A time limit for code that may never end.

A thread waits, and then has an exception raised in the thread that runs the code, between two steps of its Python:
so it works on every system, and outside of the main thread. It does not interrupt a single call that never returns,
such as a sleep, nor code that catches every exception there is; for these there is a last resort.
"""

import contextlib
import ctypes
import threading

TRIES, REPEAT = 10, 0.5                # how often the exception is raised, and seconds between two tries


class TimeUp(BaseException):
    """No Exception, so that an answer's `except Exception:` does not catch it."""


@contextlib.contextmanager
def time_limit(seconds, last_resort=None):
    """Raise TimeUp in the block once it has run for so many seconds.

    Where it goes on all the same, `last_resort` is called, in another thread: it may end the process.
    """
    thread, lock, over = threading.get_ident(), threading.Lock(), threading.Event()

    def wait():
        for attempt in range(TRIES):
            if over.wait(REPEAT if attempt else seconds):
                return
            with lock:
                if not over.is_set():
                    raise_in(thread, TimeUp)
        if last_resort and not over.wait(REPEAT):
            last_resort()

    threading.Thread(target=wait, name="time limit", daemon=True).start()
    try:
        yield
    finally:
        while not over.is_set():
            try:
                with lock:
                    over.set()         # a call, so an exception that is on its way is raised here at the latest
            except TimeUp:
                pass


def raise_in(thread, error):
    """Have an exception raised in another thread, at its next call or loop.

    CPython can also withdraw one that has not been raised yet, but then a flag remains set: the interpreter looks
    for work at every call, and CPython 3.11 hangs as soon as somebody traces the thread.
    """
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))
