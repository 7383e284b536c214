"""One network in several processes, each with a part of the data. The names are those of `torch.nn.parallel`."""

import contextlib

from tinynet.distributed import collectives, equality
from tinynet.distributed.buckets import Reducer
from tinynet.distributed.process_group import world
from tinynet.gradients.modes import is_grad_enabled
from tinynet.nn.module import Module

__all__ = ["DistributedDataParallel"]

MEGABYTE = 2 ** 20
LARGEST, SHARE = 25 * MEGABYTE, 8      # of a bucket: bytes; and the part of all gradients, here an eighth


class DistributedDataParallel(Module):
    """The network `module` in several processes. Each backward pass leaves the mean of their gradients in `.grad`.

    All processes begin with the parameters and buffers of process 0. Then each calls the network with its own part of
    the batch, (N, ...) -> as `module`, and all take the same step. With equal parts of a batch and a loss that is
    their mean, the step is that of one process with the whole batch. BatchNorm takes the statistics of its own part;
    `nn.SyncBatchNorm` those of all.

    Gradients are added up in buckets while the backward pass runs. A bucket has at most `bucket_cap_mb` megabytes; by
    default an eighth of all gradients, at most 25. (In PyTorch it is 25, in which a small network has one bucket, and
    nothing is hidden.) `broadcast_buffers`: before each forward pass, all take the buffers of process 0.
    `init_sync=False` leaves out the first broadcast. `find_unused_parameters`: some parameters may get no gradient,
    other than by default, which is a RuntimeError. `gradient_as_bucket_view` and `static_graph` change no value.

    ValueError before `init_process_group`, for `device_ids` and `output_device`, for another `dim` than 0, for networks
    that differ, and for another `process_group` than that of all. RuntimeError without a parameter that learns.
    Li et al. 2020, "PyTorch Distributed". `torch.nn.parallel.DistributedDataParallel`.
    """

    def __init__(self, module, device_ids=None, output_device=None, dim=0, broadcast_buffers=True, init_sync=True,
                 process_group=None, bucket_cap_mb=None, find_unused_parameters=False, gradient_as_bucket_view=False,
                 static_graph=False):
        super().__init__()
        name = type(self).__name__
        if device_ids or output_device is not None or dim != 0:
            raise ValueError(f"{name}: expected device_ids and output_device None, because there is only the CPU, "
                             f"and dim 0; got {device_ids}, {output_device} and {dim}")
        world(process_group)
        learning = {path: p for path, p in module.named_parameters() if p.requires_grad}
        if not learning:
            raise RuntimeError(f"{name}: expected a module with parameters that require a gradient")
        facts = {path: (tuple(p.shape), str(p.dtype), p.requires_grad) for path, p in module.named_parameters()}
        equality.check_same(facts, f"{name}: the processes have different networks")
        if init_sync:
            collectives.broadcast_all([*module.parameters(), *module.buffers()])
        self.module, self.broadcast_buffers = module, True if broadcast_buffers is None else broadcast_buffers
        total = sum(p.array.nbytes for p in learning.values())
        capacity = min(LARGEST, total / SHARE) if bucket_cap_mb is None else bucket_cap_mb * MEGABYTE
        self.reducer = Reducer(learning, capacity, find_unused_parameters)

    def forward(self, *inputs, **kwargs):
        if self.reducer.enabled and is_grad_enabled():
            self.reducer.prepare()
        if self.reducer.enabled and self.broadcast_buffers:
            collectives.broadcast_all(list(self.module.buffers()))
        return self.module(*inputs, **kwargs)

    @contextlib.contextmanager
    def no_sync(self):
        """A context in which gradients are only added up here; the next backward pass after it averages the sums."""
        before, self.reducer.enabled = self.reducer.enabled, False
        try:
            yield
        finally:
            self.reducer.enabled = before
