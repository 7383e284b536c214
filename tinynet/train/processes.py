"""How a command trains in one process, or in those that mpiexec has started."""

import contextlib
import os

import tinynet
from tinynet import distributed
from tinynet.distributed import launch
from tinynet.train.distributed_trainer import DistributedTrainer
from tinynet.train.trainer import Trainer


@contextlib.contextmanager
def connected(wanted):
    """A context that gives the class of the trainer. If several processes are `wanted`, it connects them.

    Within it, process 0 alone prints. At its end all wait for process 0, which measures and writes. ValueError if
    mpiexec has not started this process.
    """
    if not wanted:
        yield Trainer
        return
    if launch.place() is None:
        raise ValueError("--distributed: expected processes that mpiexec has started, as in `mpiexec -n 4 tinynet "
                         "train --distributed`, got one on its own")
    distributed.init_process_group()
    with contextlib.nullcontext() if distributed.get_rank() == 0 else silence():
        yield DistributedTrainer
        distributed.barrier()


@contextlib.contextmanager
def silence():
    """Within the block, nothing is printed."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere, \
            contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        yield


def story():
    """In how many processes the training runs, a phrase; nothing for one that is alone."""
    if not distributed.is_initialized():
        return ""
    count, threads = distributed.get_world_size(), tinynet.get_num_threads()
    return f", in {count} process{'es' * (count > 1)} of {threads} thread{'s' * (threads > 1)}"
