"""What mpiexec tells the processes that it starts, through environment variables, before MPI itself is there."""

import os
import typing

LAUNCHERS = (                          # rank, number of processes, rank on this machine
    ("PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID"),                                              # MPICH, Intel MPI
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"))           # Open MPI


class Place(typing.NamedTuple):
    """The rank of a process, from 0; how many processes there are; its rank among those of this machine."""

    rank: int
    world_size: int
    local_rank: int


def place(environment=os.environ):
    """The `Place` of this process, or None if no mpiexec has started it."""
    for names in LAUNCHERS:
        values = [environment.get(name, "0") for name in names]
        if names[0] in environment and names[1] in environment and all(value.isdecimal() for value in values):
            return Place(*map(int, values))
    return None


def tell_scripts(environment=os.environ):
    """Set RANK, WORLD_SIZE and LOCAL_RANK, which scripts for PyTorch read, as PyTorch's `torchrun` does."""
    found = place(environment)
    if found is not None:
        for name, value in zip(("RANK", "WORLD_SIZE", "LOCAL_RANK"), found):
            environment.setdefault(name, str(value))
