"""How a process that fails ends the others, which would wait for it forever.

MPI ends all processes of a run when one calls `Abort`; mpiexec does when a process is killed. Files are written under
temporary names and renamed, so that the last checkpoint stays whole.
"""

import sys

from tinynet.distributed.process_group import get_rank, get_world_size, several, world


def watch():
    """From now on, an error that nobody catches ends the other processes, too."""
    before = sys.excepthook

    def end_all(kind, error, traceback):
        before(kind, error, traceback)
        end_others(1)

    sys.excepthook = end_all


def end_others(status):
    """End all processes of the group, this one too, with a status other than 0. Nothing if there is no other."""
    if several() and status:
        sys.stdout.flush()
        sys.stderr.flush()
        world().communicator.Abort(status)
    return status


def tell(error, head, sentence):
    """Print the sentence on an error, and end the other processes; returns the exit status 1.

    An error that all processes share (`objects.together`) is told by process 0 alone, and each ends by itself.
    """
    if not several():
        print(f"{head}{sentence}", file=sys.stderr)
    elif not getattr(error, "shared", False):
        print(f"{head}process {get_rank()} of {get_world_size()}: {sentence}", file=sys.stderr)
        end_others(1)
    elif get_rank() == 0:
        print(f"{head}{sentence}", file=sys.stderr)
    return 1
