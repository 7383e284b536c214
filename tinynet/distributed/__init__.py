"""Several processes that work on one thing, on one machine or on many: `torch.distributed` over MPI.

`mpiexec -n 4 python SCRIPT` starts four processes; `init_process_group()` connects them. MPI does all the transport,
through the package mpi4py (the extra `mpi`). docs/scaling.md explains how a training is shared, and what it costs.

    launch         what mpiexec tells a process about its place
    process_group  the processes of a run, and their ranks; how many threads each uses
    collectives    what all processes call together: broadcast, all_reduce, gather, barrier
    objects        the same for Python objects, and errors that all processes share
    buckets        gradients that are added up while the backward pass still runs
    equality       whether all processes hold the same weights, settings and versions
    failure        how a process that fails ends the others
"""

from tinynet.distributed.collectives import (
    ReduceOp, Work, all_gather, all_gather_into_tensor, all_reduce, barrier, broadcast, gather, recv, reduce, scatter,
    send)
from tinynet.distributed.process_group import (
    destroy_process_group, get_backend, get_rank, get_world_size, group, init_process_group, is_available,
    is_gloo_available, is_initialized, is_mpi_available, is_nccl_available, is_torchelastic_launched)
from tinynet.distributed.objects import all_gather_object, broadcast_object_list, gather_object

__all__ = [
    "ReduceOp", "Work", "all_gather", "all_gather_into_tensor", "all_gather_object", "all_reduce", "barrier",
    "broadcast", "broadcast_object_list", "destroy_process_group", "gather", "gather_object", "get_backend", "get_rank",
    "get_world_size", "group", "init_process_group", "is_available", "is_gloo_available", "is_initialized",
    "is_mpi_available", "is_nccl_available", "is_torchelastic_launched", "recv", "reduce", "scatter", "send"]
