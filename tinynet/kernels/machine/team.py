"""A team: the threads that are in one compiled loop at the same time (see `share.py`).

To the loop, a team is a pair of integers, because Numba never frees anything else that a generator holds (`chunks.py`):
the address of the job's counters, for each phase chunks taken and chunks done; and which member of the team this thread
is. The first one, number 0, is the one that has called the kernel.
"""

ALONE = 0                              # as the address of the counters: there is no other thread and nothing to count
APART = 16                             # from one counter to the next, in int64s: two cache lines
