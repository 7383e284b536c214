"""The process group: all processes of a run, connected by MPI. Each has a rank, from 0 to the world size minus 1."""

import datetime
import importlib.util
import os
import time
from types import SimpleNamespace

from tinynet.distributed import launch
from tinynet.kernels.machine import cores, threads

TIMEOUT = datetime.timedelta(minutes=30)
BACKENDS = (None, "mpi", "gloo", "cpu:gloo", "undefined")      # PyTorch's for processors; MPI stands for all of them
SPIN = 0.002                           # seconds of waiting at full speed, before the process sleeps in between
LONGEST_SLEEP = 0.01                   # seconds
NOT_INSTALLED = "it needs MPI and the package mpi4py: pip install 'tinynet[mpi]' brings both"
_world = None


class Group:
    """The processes of a run. `communicator` is for calls that wait; `background` for those that do not."""

    def __init__(self, communicator, timeout):
        self.communicator, self.background = communicator.Dup(), communicator.Dup()
        self.rank, self.size = communicator.Get_rank(), communicator.Get_size()
        self.timeout = timeout.total_seconds()

    def wait(self, request, what, timeout=None, status=None):
        """Wait for an MPI request, and note its MPI `status`.

        MPI's own `Wait` uses a whole core and holds signals back. This one sleeps more and more, and Python's signal
        handlers run in between. RuntimeError after `timeout` seconds, for the call `what`.
        """
        start, timeout = time.monotonic(), self.timeout if timeout is None else timeout
        while not request.Test(status):
            waited = time.monotonic() - start
            if waited > timeout:
                raise RuntimeError(f"{what}: waited {timeout:.0f} s for another process, which may hang or be gone")
            time.sleep(min(waited / 20, LONGEST_SLEEP) if waited > SPIN else 0)


# PyTorch's name for the group of all processes, the only one there is, is group.WORLD.
group = SimpleNamespace(WORLD=None)


def _set_world(found):
    global _world
    _world = group.WORLD = found


def world(given=None):
    """The group. ValueError before `init_process_group`, and for a `given` group other than it."""
    if _world is None:
        raise ValueError("torch.distributed: there is no process group yet; call init_process_group() before")
    if given is not None and given is not _world:
        raise ValueError("torch.distributed: expected the group of all processes, the only one there is")
    return _world


def several():
    """Whether there is a group of more than one process."""
    return _world is not None and _world.size > 1


def is_available():
    """Whether mpi4py is installed. `torch.distributed.is_available`."""
    return importlib.util.find_spec("mpi4py") is not None


is_mpi_available = is_gloo_available = is_available


def is_nccl_available():
    """Always False: it is for GPUs. `torch.distributed.is_nccl_available`."""
    return False


def is_torchelastic_launched():
    """Always False: mpiexec starts the processes. `torch.distributed.is_torchelastic_launched`."""
    return False


def is_initialized():
    """Whether `init_process_group` has connected the processes. `torch.distributed.is_initialized`."""
    return _world is not None


def get_rank(group=None):
    """The number of this process, from 0; ValueError before `init_process_group`. `torch.distributed.get_rank`.

    `group` is that of all processes, or None.
    """
    return world(group).rank


def get_world_size(group=None):
    """How many processes there are; ValueError before `init_process_group`. `torch.distributed.get_world_size`.

    `group` is that of all processes, or None.
    """
    return world(group).size


def get_backend(group=None):
    """Always "mpi"; ValueError before `init_process_group`. `torch.distributed.get_backend`.

    `group` is that of all processes, or None.
    """
    world(group)
    return "mpi"


def init_process_group(backend=None, init_method=None, timeout=TIMEOUT, world_size=-1, rank=-1, store=None,
                       group_name="", pg_options=None, device_id=None):
    """Connect the processes that `mpiexec -n N` has started. `torch.distributed.init_process_group`.

    MPI does what any `backend` for processors would, and knows the addresses: `init_method`, `store`, `group_name` and
    `pg_options` change nothing, nor does `device_id`. `timeout` is how long a call waits for another process. The
    processes of one machine share its cores: each uses its part as threads, unless it was told how many.

    ValueError if `world_size` or `rank` are not MPI's, for a `backend` for GPUs, and for processes of different
    versions. RuntimeError without MPI, or where mpiexec and mpi4py belong to different MPIs, or for a second call.
    """
    if _world is not None:
        raise RuntimeError("init_process_group: the process group is there already")
    if backend not in BACKENDS:
        raise ValueError(f'init_process_group: expected backend "mpi" or "gloo", got {backend!r}')
    from tinynet.distributed.equality import check_same, versions          # they need the group
    from tinynet.distributed.failure import watch
    mpi = _mpi()
    found = Group(mpi.COMM_WORLD, timeout or TIMEOUT)
    _check_place(found, world_size, rank, mpi)
    _set_world(found)
    watch()
    check_same(versions(), "the processes run different versions")
    threads.share_cores(_cores_of_each(mpi))


def _mpi():
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        reason = "" if isinstance(error, ModuleNotFoundError) else f" ({error})"
        raise RuntimeError(f"init_process_group: {NOT_INSTALLED}{reason}") from None
    return MPI


def _check_place(found, world_size, rank, mpi):
    """Compare MPI's rank and world size with those that mpiexec tells, and with those that the caller expects."""
    told = launch.place()
    if told is not None and told.world_size != found.size:
        library = mpi.Get_library_version().split("\n")[0].strip("\0")
        raise RuntimeError(f"init_process_group: mpiexec has started {told.world_size} processes, but MPI connects "
                           f"{found.size}; mpi4py uses {library}: take the mpiexec that belongs to it")
    for name, given, real in ("world_size", world_size, found.size), ("rank", rank, found.rank):
        if given not in (None, -1, real):
            raise ValueError(f"init_process_group: expected {name} {real}, as MPI has it, got {given}; "
                             "mpiexec -n says how many processes there are")


def _cores_of_each(mpi):
    """How many threads this process should use: its part of the cores, where several processes may use the same."""
    here = mpi.COMM_WORLD.Split_type(mpi.COMM_TYPE_SHARED)
    mine = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    all_sets = here.allgather(mine)
    here.Free()
    share = sum(1 / sum(core in other for other in all_sets) for core in mine) / len(mine)
    return max(1, int(share * cores.count() + 1e-6))


def destroy_process_group(group=None):
    """Wait for all processes, then leave the group; ValueError if there is none.

    `group` is that of all processes, or None. `torch.distributed.destroy_process_group`.
    """
    found = world(group)
    found.wait(found.communicator.Ibarrier(), "destroy_process_group")
    found.communicator.Free()
    found.background.Free()
    _set_world(None)
