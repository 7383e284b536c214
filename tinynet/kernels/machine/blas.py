"""Matrix multiplication on one thread: the chunks of `threads.py` are the parallelism, BLAS must add none.

BLAS cuts its sums by the number of its threads, so that the bits of a result would depend on that number. Most BLAS
libraries have one number for the whole process. It is therefore 1 while any Python thread multiplies for tinynet, and
the last of them sets it back to what it was.
"""

import functools
import threading

_lock = threading.Lock()
_users = set()                         # a token for every `on_one_thread` that runs
_before = {}                           # (library, token): its number of threads; the token is None for a shared number


def on_one_thread(call):
    """Call `call()` while every BLAS library works on a single thread."""
    token = object()
    try:
        _enter(token)
        call()
    finally:
        try:
            _leave(token)
        except KeyboardInterrupt:      # Ctrl-C came in the middle of it: leaving twice does no harm
            _leave(token)
            raise


def _enter(token):
    with _lock:
        _users.add(token)
        for library in _libraries():
            threads = library.get_num_threads()
            if threads != 1:
                _before.setdefault((library, token if _per_thread(library) else None), threads)
                _set_threads(library, 1)


def _leave(token):
    with _lock:
        _users.discard(token)
        for (library, owner), threads in list(_before.items()):
            if owner is token or owner is None and not _users:
                _set_threads(library, threads)
                del _before[library, owner]


@functools.cache
def _libraries():
    import threadpoolctl
    return threadpoolctl.ThreadpoolController().select(user_api="blas").lib_controllers


def _per_thread(library):
    """Whether each Python thread has its own number of BLAS threads: with OpenMP."""
    return getattr(library, "threading_layer", None) == "openmp"


def _set_threads(library, threads):
    # threadpoolctl lets one Python thread alone change the number, unless that thread gives the right away.
    if hasattr(library, "clear_controlling_thread"):
        library.clear_controlling_thread(force=True)
    library.set_num_threads(threads)


def after_fork():
    """Only the forking thread lives on in the child process: the numbers that other threads had changed go back."""
    global _lock
    _lock = threading.Lock()
    _users.clear()
    _leave(None)
