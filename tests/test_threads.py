"""Threads: every chunk is done once, errors come back, and nothing is left behind that disturbs the next job."""

import dis
import gc
import math
import os
import signal
import sys
import threading
import time

import numpy as np
import pytest
import threadpoolctl

import tinynet
from tinynet import kernels
from tinynet.kernels import conv, matmul, norm
from tinynet.kernels.machine import blas, cores, pool, threads
from tinynet.kernels.machine.chunks import chunks
from tinynet.kernels.machine.share import shared
from tinynet.nn import functional as F

COUNTS = pytest.mark.parametrize("count", [1, 2, 5])


@pytest.fixture(autouse=True)
def same_number_afterwards():
    before = tinynet.get_num_threads()
    yield
    tinynet.set_num_threads(before)


@shared
def two_phases(team, taken, sums, x):
    """Each chunk's sum; then, from all of them, the same value for each chunk."""
    for i in chunks(team, 1, len(x)):
        taken[0, i] += 1
        sums[i] = x[i].sum()
    for i in chunks(team, 0, len(x)):
        taken[1, i] += 1
        x[i] = sums.sum()


@shared
def too_large(team, start):
    for i in chunks(team, 1, 10):
        np.empty(1 << 50 if i >= start else 0)
    for _ in chunks(team, 0, 10):
        pass


@COUNTS
def test_compiled_loops_take_every_chunk_once_and_see_the_phase_before(count):
    tinynet.set_num_threads(count)
    for size in (1, 2, 3, 100):
        for _ in range(20):
            x, taken, sums = np.arange(8.0 * size).reshape(size, 8), np.zeros((2, size), int), np.empty(size)
            total = x.sum()
            threads.on_all_threads(two_phases, threads.team_for(size), taken, sums, x)
            assert (taken == 1).all() and (x == total).all()


@shared
def members(team, seen):
    for _ in chunks(team, 0, 1000):
        seen[team[1]] += 1


def test_a_team_is_no_larger_than_asked_for_and_those_who_sleep_are_woken():
    for count in (5, 2, 1, 3):
        tinynet.set_num_threads(count)
        seen = np.zeros((6, 16), int)                  # a row for each member, which no other writes to
        threads.on_all_threads(members, count, seen)
        assert seen[:count].sum() == 16 * 1000 and not seen[count:].any()
    sleepers = threads._pool.sleepers
    wait_for(lambda: len(sleepers) == len(threads._pool.threads))
    threads.on_all_threads(members, 3, seen)
    assert len(sleepers) < len(threads._pool.threads)
    wait_for(lambda: len(sleepers) == len(threads._pool.threads))


def wait_for(condition):
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    raise TimeoutError


@COUNTS
@pytest.mark.parametrize("n, grain", [(0, 3), (1, 3), (10, 3), (64, 1)])
def test_python_chunks_cover_the_range_in_their_order(count, n, grain):
    tinynet.set_num_threads(count)
    seen = []
    threads.parallel_for(lambda start, stop: seen.append((start, stop)), n, grain)
    assert sorted(seen) == [(start, min(start + grain, n)) for start in range(0, n, grain)]


@COUNTS
def test_an_error_ends_the_job_and_comes_back(count):
    tinynet.set_num_threads(count)
    done = []

    def body(start, stop):
        if start == 3:
            raise ValueError("the third")
        done.append(start)
    with pytest.raises(ValueError, match="the third"):
        threads.parallel_for(body, 1000, 1)
    assert len(done) < 999
    for start in (0, 3):
        with pytest.raises(MemoryError, match="too_large: not enough memory"):
            threads.on_all_threads(too_large, count, start)
    test_compiled_loops_take_every_chunk_once_and_see_the_phase_before(count)


def test_jobs_within_jobs_and_from_several_threads_run_alone():
    tinynet.set_num_threads(2)
    x = np.random.default_rng(0).standard_normal((8, 16, 32, 32)).astype(np.float32)
    expected, found = norm.batch_norm_train(x, None, None, 1e-5)[0], [None] * 6

    def work(i):
        for _ in range(5):
            found[i] = norm.batch_norm_train(x, None, None, 1e-5)[0]
    threads.parallel_for(lambda start, stop: work(start), 3, 1)
    others = [threading.Thread(target=work, args=[i]) for i in (3, 4, 5)]
    for thread in others:
        thread.start()
    for thread in others:
        thread.join()
    assert all((y == expected).all() for y in found)


def products():
    """Kernels that multiply matrices on more than one thread, by name."""
    rng = np.random.default_rng(0)
    calls = {}
    for dtype in (np.float32, np.float64):
        a, b = rng.standard_normal((200, 300)).astype(dtype), rng.standard_normal((300, 170)).astype(dtype)
        x, w = rng.standard_normal((8, 16, 20, 20)).astype(dtype), rng.standard_normal((32, 16, 3, 3)).astype(dtype)
        dy = rng.standard_normal((8, 32, 20, 20)).astype(dtype)
        once = conv.Geometry(padding=(1, 1))
        name = np.dtype(dtype).name
        calls[f"matmul {name}"] = lambda a=a, b=b: matmul.matmul(a, b)
        calls[f"convolution {name}"] = lambda x=x, w=w: conv.conv2d(x, w, once)
        calls[f"weight gradient {name}"] = lambda x=x, dy=dy, w=w: conv.conv2d_backward_weight(x, dy, w.shape, once)
        calls[f"linear {name}"] = lambda a=a, b=b: F.linear(tinynet.Tensor(a), tinynet.Tensor(b.T)).array
    return calls


PRODUCTS = products()
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


@pytest.mark.parametrize("name", PRODUCTS)
@pytest.mark.parametrize("python_threads", [1, 4])
def test_same_bits_outside_the_main_thread(name, python_threads):
    tinynet.set_num_threads(2)
    found = []
    workers = [threading.Thread(target=lambda: found.extend(PRODUCTS[name]() for _ in range(3)))
               for _ in range(python_threads)]
    expected = PRODUCTS[name]()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(found) == 3 * python_threads and all((y == expected).all() for y in found)


@needs_fork
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("name", PRODUCTS)
def test_same_bits_after_fork(name):
    tinynet.set_num_threads(2)
    expected = PRODUCTS[name]()
    child = os.fork()
    if child == 0:
        os._exit(0 if (PRODUCTS[name]() == expected).all() else 1)
    assert os.waitpid(child, 0)[1] == 0


def blas_threads():
    libraries = threadpoolctl.ThreadpoolController().select(user_api="blas").lib_controllers
    return [library.get_num_threads() for library in libraries]


def set_blas_threads(n):
    for library in threadpoolctl.ThreadpoolController().select(user_api="blas").lib_controllers:
        blas._set_threads(library, n)


@pytest.fixture
def two_blas_threads():
    before = blas_threads()
    if not before:
        pytest.skip("no BLAS library here whose threads can be set")
    set_blas_threads(2)
    yield
    set_blas_threads(max(before))


def test_blas_is_on_one_thread_in_every_python_thread_at_once(two_blas_threads):
    """With more, several Python threads at once took fifty times as long, and gave other bits."""
    tinynet.set_num_threads(2)
    seen, at_once = [], threading.Barrier(3)

    def body(start, stop):
        seen.extend(blas_threads())

    def work():
        for _ in range(20):
            at_once.wait()
            threads.parallel_for(body, 4, 1, blas=True)
    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert set(seen) == {1} and set(blas_threads()) == {2}


@needs_fork
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_in_the_middle_of_a_product_leaves_no_lock_and_all_of_blas(two_blas_threads):
    tinynet.set_num_threads(2)
    expected, statuses, one_at_a_time = PRODUCTS["matmul float64"](), [], threading.Lock()

    def body(start, stop):
        with one_at_a_time:                            # filelock refuses a fork in another thread's fork
            child = os.fork()
        if child == 0:
            right = set(blas_threads()) == {2} and (PRODUCTS["matmul float64"]() == expected).all()
            os._exit(0 if right else 1)
        statuses.append(os.waitpid(child, 0)[1])
    threads.parallel_for(body, 2, 1, blas=True)
    assert statuses == [0, 0]


def test_threads_that_cannot_be_started_are_done_without(monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")
    monkeypatch.setattr(threads, "_pool", None)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    tinynet.set_num_threads(3)
    for name, call in PRODUCTS.items():
        found = call()
        tinynet.set_num_threads(1)
        assert (found == call()).all(), name
        tinynet.set_num_threads(3)


def test_a_helper_that_comes_late_leaves_the_job_alone():
    calls = []
    job = pool.Job(lambda: calls.append(1), 2)
    assert job.enter()
    job.leave()
    job.close()
    job.close()                                        # once more, as after Ctrl-C
    assert not job.enter() and calls == []


class Interrupt:
    """Raises KeyboardInterrupt at the n-th moment at which CPython looks for signals in the files of the threads.

    It looks after a call, when a function begins, and when a loop goes round. Python 3.11 shows each instruction to a
    trace function, later ones to `sys.monitoring`.
    """

    MODULES = threads, pool, blas, threadpoolctl
    LOOKS = ("CALL", "RESUME", "JUMP_BACKWARD", "POP_JUMP_BACKWARD")
    TOOL = 3

    def __init__(self, n):
        self.left, self.previous, self.thread = n, {}, threading.get_ident()

    def __enter__(self):
        if hasattr(sys, "monitoring"):
            sys.monitoring.use_tool_id(self.TOOL, "interrupt")
            sys.monitoring.register_callback(self.TOOL, sys.monitoring.events.INSTRUCTION, self.monitor)
            self._watch(sys.monitoring.events.INSTRUCTION)
        else:
            sys.settrace(self.trace)

    def __exit__(self, *error):
        if hasattr(sys, "monitoring"):
            self._watch(sys.monitoring.events.NO_EVENTS)
            sys.monitoring.free_tool_id(self.TOOL)
        else:
            sys.settrace(None)

    def trace(self, frame, event, argument):
        if frame.f_code.co_filename not in [module.__file__ for module in self.MODULES]:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event == "opcode":
            self.see(frame, frame.f_code.co_code[frame.f_lasti])
        return self.trace

    def monitor(self, code, offset):
        if threading.get_ident() == self.thread:
            self.see(code, code.co_code[offset])

    def see(self, place, instruction):
        before, self.previous[place] = self.previous.get(place), dis.opname[instruction]
        if before is not None and before.startswith(self.LOOKS):
            self.left -= 1
            if self.left == 0:
                self.previous.clear()
                raise KeyboardInterrupt

    def _watch(self, events):
        for module in self.MODULES:
            for code in codes_in(vars(module), module):
                sys.monitoring.set_local_events(self.TOOL, code, events)


def codes_in(names, module):
    """The code of all functions and methods of a module, with the functions inside of them."""
    for thing in list(names.values()):
        thing = getattr(thing, "__wrapped__", getattr(thing, "__func__", thing))
        if getattr(thing, "__module__", None) == module.__name__:
            if isinstance(thing, type):
                yield from codes_in(vars(thing), module)
            elif hasattr(thing, "__code__"):
                yield from with_parts(thing.__code__)


def with_parts(code):
    yield code
    for part in code.co_consts:
        if isinstance(part, type(code)):
            yield from with_parts(part)


@pytest.fixture
def compiled():
    with kernels.use("numba"):
        yield


@pytest.mark.parametrize("name", ["normalization", "matmul float64"])
def test_ctrl_c_at_any_moment_leaves_no_lock_and_all_of_blas(name, two_blas_threads, compiled):
    tinynet.set_num_threads(2)
    x = np.random.default_rng(0).standard_normal((8, 16, 32, 32)).astype(np.float32)
    call = PRODUCTS.get(name, lambda: norm.batch_norm_train(x, None, None, 1e-5)[0])
    expected, moments = call(), 0
    while True:
        moments += 1
        try:
            with Interrupt(moments):
                call()
            break                                      # there are no more moments
        except KeyboardInterrupt:
            pass
        assert not threads._pool_in_use.locked(), f"moment {moments}"
        assert set(blas_threads()) == {2}, f"moment {moments}"
        assert (call() == expected).all(), f"moment {moments}"
    assert moments > 10


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers that send signals here")
def test_interrupts_leave_the_threads_in_order(two_blas_threads):
    tinynet.set_num_threads(2)
    x = np.random.default_rng(0).standard_normal((8, 16, 32, 32)).astype(np.float32)

    def call():
        return norm.batch_norm_train(x, None, None, 1e-5)[0], PRODUCTS["matmul float64"]()
    expected, interrupts, armed = call(), 0, False

    def handle(*_):
        nonlocal armed
        if armed:                                      # inside of `try`, once
            armed = False
            raise KeyboardInterrupt
    before = signal.signal(signal.SIGALRM, handle)
    gc.disable()                    # Python drops what is raised in a callback of its collector, and Hypothesis has one
    signal.setitimer(signal.ITIMER_REAL, 0.003, 0.003)
    try:
        while interrupts < 60:
            try:
                armed = True
                call()
                armed = False
            except KeyboardInterrupt:
                interrupts += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        gc.enable()
    assert not threads._pool_in_use.locked() and set(blas_threads()) == {2}
    assert all((a == b).all() for a, b in zip(call(), expected))


@pytest.mark.parametrize("own, others, expected", [
    ("3", "2", 3), (None, "2", 2), (None, "4,2", 4), (None, "many", None), (None, "0", None), (" 2 ", None, 2),
    ("", "5", 5), (None, None, None)])
def test_the_environment_says_how_many_threads(monkeypatch, own, others, expected):
    for variable, value in (("TINYNET_NUM_THREADS", own), ("OMP_NUM_THREADS", others)):
        monkeypatch.delenv(variable, raising=False)
        if value is not None:
            monkeypatch.setenv(variable, value)
    assert threads._from_environment() == expected


@pytest.mark.parametrize("value", ["abc", "0", "-1", "1.5"])
def test_a_wrong_number_in_the_environment_is_refused(monkeypatch, value):
    monkeypatch.setenv("TINYNET_NUM_THREADS", value)
    monkeypatch.setattr(threads, "_count", None)
    with pytest.raises(ValueError, match=f"TINYNET_NUM_THREADS: expected an integer of at least 1, got '{value}'"):
        tinynet.get_num_threads()


QUOTAS = {
    "no control groups": ({}, math.inf),
    "version 2": ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "150000 100000"}, 1.5),
    "version 2, of an outer group": ({"proc/self/cgroup": "0::/a/b", "sys/fs/cgroup/a/cpu.max": "50000 100000",
                                      "sys/fs/cgroup/a/b/cpu.max": "max 100000"}, 0.5),
    "version 2, no limit": ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "max 100000"}, math.inf),
    "version 1": ({"proc/self/cgroup": "4:cpu,cpuacct:/a\n3:memory:/a",
                   "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "300000",
                   "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000"}, 3),
    "version 1, no limit": ({"proc/self/cgroup": "1:cpu:/", "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
                             "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000"}, math.inf),
    "nonsense": ({"proc/self/cgroup": "0::/\n\nwhat", "sys/fs/cgroup/cpu.max": "many few lines"}, math.inf),
}


@pytest.mark.parametrize("case", QUOTAS)
def test_a_container_grants_so_many_cores(case, tmp_path, monkeypatch):
    files, expected = QUOTAS[case]
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text + "\n", encoding="utf-8")
    assert cores.quota(tmp_path) == expected
    monkeypatch.setattr(cores, "quota", lambda: expected)
    assert 1 <= cores.count() <= max(1, math.ceil(min(expected, os.cpu_count())))


def test_cores_are_counted_where_a_process_has_no_affinity(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert cores.count() >= 1


@pytest.mark.parametrize("n", [0, -1, 1.5, "2", None])
def test_a_wrong_number_of_threads_is_refused(n):
    with pytest.raises(ValueError, match="set_num_threads: expected an integer of at least 1, got"):
        tinynet.set_num_threads(n)
