"""Threads: every chunk is done once, errors come back, and nothing is left behind that disturbs the next job."""

import os
import signal
import threading
import time

import numpy as np
import pytest

import tinynet
from tinynet.kernels import norm
from tinynet.kernels.machine import threads
from tinynet.kernels.machine.chunks import chunks
from tinynet.kernels.machine.compile import jit

COUNTS = pytest.mark.parametrize("count", [1, 2, 5])


@pytest.fixture(autouse=True)
def same_number_afterwards():
    before = tinynet.get_num_threads()
    yield
    tinynet.set_num_threads(before)


@jit
def two_phases(team, taken, sums, x):
    """Each chunk's sum; then, from all of them, the same value for each chunk."""
    for i in chunks(team, 1, len(x)):
        taken[0, i] += 1
        sums[i] = x[i].sum()
    for i in chunks(team, 0, len(x)):
        taken[1, i] += 1
        x[i] = sums.sum()


@COUNTS
def test_compiled_loops_take_every_chunk_once_and_see_the_phase_before(count):
    tinynet.set_num_threads(count)
    for size in (1, 2, 3, 100):
        for _ in range(20):
            x, taken, sums = np.arange(8.0 * size).reshape(size, 8), np.zeros((2, size), int), np.empty(size)
            total = x.sum()
            threads.share(lambda team: two_phases(team, taken, sums, x), size)
            assert (taken == 1).all() and (x == total).all()


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
    with pytest.raises(ZeroDivisionError):
        threads.share(lambda team: 1 / 0, 4)
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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_makes_threads_of_its_own():
    tinynet.set_num_threads(2)
    x = np.ones((8, 16, 32, 32), np.float32)
    norm.batch_norm_train(x, None, None, 1e-5)
    child = os.fork()
    if child == 0:
        y = norm.batch_norm_train(x, None, None, 1e-5)[0]
        os._exit(0 if not y.any() else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.skipif(os.name != "posix", reason="signals are sent to this process")
def test_interrupts_leave_the_threads_in_order():
    tinynet.set_num_threads(2)
    x = np.random.default_rng(0).standard_normal((8, 16, 32, 32)).astype(np.float32)
    expected, interrupts = norm.batch_norm_train(x, None, None, 1e-5)[0], 0

    def interrupt():
        for _ in range(50):
            time.sleep(0.004)
            os.kill(os.getpid(), signal.SIGINT)
    sender = threading.Thread(target=interrupt)
    try:
        sender.start()
        while sender.is_alive():
            try:
                norm.batch_norm_train(x, None, None, 1e-5)
            except KeyboardInterrupt:
                interrupts += 1
    except KeyboardInterrupt:                          # between one round and the next
        interrupts += 1
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sender.join()
        signal.signal(signal.SIGINT, signal.default_int_handler)
    assert interrupts and (norm.batch_norm_train(x, None, None, 1e-5)[0] == expected).all()


@pytest.mark.parametrize("n", [0, -1, 1.5, "2", None])
def test_a_wrong_number_of_threads_is_refused(n):
    with pytest.raises(ValueError, match="set_num_threads: expected an integer of at least 1, got"):
        tinynet.set_num_threads(n)
