"""Python objects of all processes, pickled by mpi4py; and errors that all processes share.

A process waits at a barrier before each such call, because MPI's own waiting would use a whole core.
"""

from tinynet.distributed.collectives import barrier, root_of
from tinynet.distributed.process_group import several, world


def all_gather_object(object_list, obj, group=None):
    """Put the object of process i, of any shape, into `object_list[i]`, on all processes.

    ValueError unless the list has a place for each process. `torch.distributed.all_gather_object`.
    """
    found = world(group)
    if len(object_list) != found.size:
        raise ValueError(f"all_gather_object: expected a list of length {found.size}, one place for each process, "
                         f"got {len(object_list)}")
    object_list[:] = of_all(obj)


def gather_object(obj, object_gather_list=None, dst=None, group=None, group_dst=None):
    """As `all_gather_object`, but process `dst` alone, 0 by default, gets the objects, of any shape.

    `object_gather_list` is its list, `group_dst` another name of `dst`. ValueError for a rank that is not
    there. `torch.distributed.gather_object`.
    """
    found = world(group)
    root = root_of(found, dst, group_dst, "gather_object", 0)
    objects = of_all(obj)
    if found.rank == root:
        object_gather_list[:] = objects


def broadcast_object_list(object_list, src=None, group=None, device=None, group_src=None):
    """Give all processes the objects, of any shape, of process `src`, 0 by default, in place.

    `group_src` is another name of `src`; `device` changes nothing. ValueError for a rank that is not there.
    `torch.distributed.broadcast_object_list`.
    """
    found = world(group)
    root = root_of(found, src, group_src, "broadcast_object_list", 0)
    barrier()
    object_list[:] = found.communicator.bcast(list(object_list), root)


# For the engine itself: with one process, or without a group, these only call the function -----------------------


def of_all(obj):
    """The objects of all processes, in the order of their ranks."""
    if not several():
        return [obj]
    barrier()
    return world().communicator.allgather(obj)


def together(function):
    """`function()`; if it fails in one process, that error is raised in all of them, and says in which it was."""
    try:
        result, error = function(), None
    except Exception as raised:
        if not several():
            raise
        result, error = None, raised
    found = of_all(error)
    failed = [rank for rank, error in enumerate(found) if error is not None]
    if not failed:
        return result
    if len(failed) < len(found):
        raise shared(RuntimeError(f"process {failed[0]} of {len(found)}: {found[failed[0]]}")) from None
    raise shared(found[0])


def shared(error):
    """The error, with a note that all processes have it; see `failure.tell`."""
    error.shared = True
    return error


def from_first(function):
    """What `function()` returns in process 0, which alone calls it; its error is raised in all processes."""
    if not several():
        return function()
    result = error = None
    if world().rank == 0:
        try:
            result = function()
        except Exception as raised:
            error = raised
    barrier()
    result, error = world().communicator.bcast((result, error), 0)
    if error is not None:
        raise shared(error)
    return result
