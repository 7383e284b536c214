"""A team: what the threads that work on one job have in common, as a compiled loop sees it."""

from typing import NamedTuple

ALONE = 0                              # as the address of the counters: there is no other thread and nothing to count
APART = 16                             # from one counter to the next, in int64s: two cache lines


class Team(NamedTuple):
    """Five integers, because Numba never frees anything else that a generator holds (see `chunks.py`).

    Compiled loops get a plain tuple of them, `tuple(team)`: Numba takes longer to compile for a named one.
    """

    counters: int = ALONE              # address of the job's counters: for each phase, chunks taken and chunks done
    number: int = 0                    # the job's number
    latest: int = 0                    # address of the pool's counter that shows the number of the latest job
    finished: int = 0                  # address of the pool's counter of finished helpers
    target: int = 0                    # what `finished` shows once this job's helpers are done; 0 on a helper


NO_TEAM = tuple(Team())                # of a thread that works alone
