"""A team: what the threads that work on one job have in common, as a compiled loop sees it."""

from typing import NamedTuple

ALONE = 0                              # as the address of the counters: there is no other thread and nothing to count
APART = 16                             # from one counter to the next, in int64s: two cache lines


class Team(NamedTuple):
    """Two integers, because Numba never frees anything else that a generator holds (see `chunks.py`).

    Compiled loops get a plain tuple of them, `tuple(team)`: Numba takes longer to compile for a named one.
    """

    counters: int = ALONE              # address of the job's counters: for each phase, chunks taken and chunks done
    member: int = 0                    # which thread of the team this one is; the first has called the kernel


NO_TEAM = tuple(Team())                # of a thread that works alone
