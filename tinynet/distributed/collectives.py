"""What all processes call together. Each changes its tensor in place; with `async_op` it goes on in the background.

The tensors of the processes must have the same shape and type, which nobody checks: MPI moves bytes.
"""

import numpy as np

from tinynet.distributed.process_group import world


class ReduceOp:
    """How `all_reduce` and `reduce` combine elements, of any shape: MPI's words. `torch.distributed.ReduceOp`."""

    SUM, AVG, PRODUCT, MIN, MAX, BAND, BOR, BXOR = OPERATORS = "SUM", "AVG", "PROD", "MIN", "MAX", "BAND", "BOR", "BXOR"


class Work:
    """A call that goes on in the background, with tensors of any shape. `wait()` ends it. `torch.distributed.Work`."""

    def __init__(self, group, request, what, finish=None):
        self.group, self.request, self.what, self.finish, self.done = group, request, what, finish, False

    def is_completed(self):
        """Whether it has ended. MPI makes progress in such calls alone, so that it is worth to ask now and then."""
        if not self.done and self.request.Test():
            self._end()
        return self.done

    def wait(self, timeout=None):
        """Wait for the end; True. RuntimeError after `timeout`, a timedelta; by default that of the group."""
        if not self.done:
            self.group.wait(self.request, self.what, timeout and timeout.total_seconds())
            self._end()
        return True

    def _end(self):
        self.done = True
        if self.finish is not None:
            self.finish()


def _run(work, async_op):
    """The work itself if it may go on in the background; else wait for its end."""
    if async_op:
        return work
    work.wait()


def _buffer(tensor):
    """The tensor's elements in the order of their indices, which all processes share: its own memory, or a copy."""
    return np.ascontiguousarray(tensor.array).reshape(tensor.shape)


def _bytes(array):
    """The memory of an array as MPI's bytes: for calls that only move it, of whatever type."""
    return array.reshape(-1).view(np.uint8)


def _back(tensor, buffer):
    """A function that writes the buffer into the tensor, unless it is the tensor's memory."""
    def finish():
        if not np.may_share_memory(tensor.array, buffer):
            tensor.array[...] = buffer
        tensor.bump()
    return finish


def _rows_back(tensors, rows):
    """A function that writes each row into the tensor of its number."""
    def finish():
        for tensor, row in zip(tensors, rows):
            _back(tensor, row)()
    return finish


def _operator(op, dtype, what):
    """MPI's operator for `op`."""
    from mpi4py import MPI
    if op not in ReduceOp.OPERATORS:
        raise ValueError(f"{what}: expected one of ReduceOp, got {op!r}")
    if dtype == bool and op in (ReduceOp.SUM, ReduceOp.AVG) or op == ReduceOp.AVG and dtype.kind != "f":
        raise TypeError(f"{what}: ReduceOp.{op} is not for tensors of {dtype}")
    return MPI.SUM if op == ReduceOp.AVG else getattr(MPI, op)


def _numbers(buffer):
    """The buffer as numbers that MPI can combine: bools are 0 and 1."""
    return buffer.view(np.uint8) if buffer.dtype == bool else buffer


def root_of(group, rank, group_rank, what, default=None):
    """The rank that a call names, as `src` or `dst` or in its group, which has all processes; else the default."""
    rank = group_rank if rank is None else rank
    rank = default if rank is None else rank
    if not isinstance(rank, (int, np.integer)) or not 0 <= rank < group.size:
        raise ValueError(f"{what}: expected a rank from 0 to {group.size - 1}, got {rank}")
    return rank


def broadcast(tensor, src=None, group=None, async_op=False, group_src=None):
    """Give all processes the tensor of process `src`, in place, (...) -> the same. `torch.distributed.broadcast`.

    `group_src` is another name of `src`. With `async_op`, returns a `Work`. ValueError for a rank that is not there.
    """
    found, buffer = world(group), _buffer(tensor)
    request = found.communicator.Ibcast(_bytes(buffer), root_of(found, src, group_src, "broadcast"))
    return _run(Work(found, request, "broadcast", _back(tensor, buffer)), async_op)


def all_reduce(tensor, op=ReduceOp.SUM, group=None, async_op=False):
    """Combine the tensors of all processes by `op`; each gets the result, in place, (...) -> the same.

    With `async_op`, returns a `Work`. TypeError for the sum of bools, and the average of integers.
    `torch.distributed.all_reduce`.
    """
    found, buffer = world(group), _buffer(tensor)
    operator, numbers, back = _operator(op, buffer.dtype, "all_reduce"), _numbers(buffer), _back(tensor, buffer)

    def finish():
        if op == ReduceOp.AVG:
            buffer[...] /= found.size
        back()

    request = found.communicator.Iallreduce(in_place(), numbers, operator)
    return _run(Work(found, request, "all_reduce", finish), async_op)


def in_place():
    """MPI's word for an operand that is also the result."""
    from mpi4py import MPI
    return MPI.IN_PLACE


def reduce(tensor, dst=None, op=ReduceOp.SUM, group=None, async_op=False, group_dst=None):
    """As `all_reduce`, but process `dst` alone gets the result, (...) -> the same. `torch.distributed.reduce`.

    `group_dst` is another name of `dst`. With `async_op`, returns a `Work`. TypeError as for `all_reduce`.
    """
    found, given = world(group), _buffer(tensor)
    root, operator = root_of(found, dst, group_dst, "reduce"), _operator(op, given.dtype, "reduce")
    result = np.empty_like(given)

    def finish():
        if found.rank == root:
            _back(tensor, result / result.dtype.type(found.size) if op == ReduceOp.AVG else result)()

    request = found.communicator.Ireduce(_numbers(given), _numbers(result), operator, root)
    return _run(Work(found, request, "reduce", finish), async_op)


def all_gather(tensor_list, tensor, group=None, async_op=False):
    """Write the tensor of process i into `tensor_list[i]`, on all processes, (...) -> the same each.

    With `async_op`, returns a `Work`. ValueError unless there is a tensor for each process, of the same shape and type
    as `tensor`. `torch.distributed.all_gather`.
    """
    found, buffer = world(group), _buffer(tensor)
    _check_list("all_gather", tensor_list, tensor, found)
    result = np.empty((found.size, *tensor.shape), tensor.dtype)
    request = found.communicator.Iallgather(_bytes(buffer), _bytes(result))
    return _run(Work(found, request, "all_gather", _rows_back(tensor_list, result)), async_op)


def _check_list(what, tensors, like, group):
    kinds = [(t.shape, t.dtype) for t in tensors or ()]
    if kinds != [(like.shape, like.dtype)] * group.size:
        raise ValueError(f"{what}: expected {group.size} tensors of shape {like.shape} and type {like.dtype}, one for "
                         f"each process, got {kinds}")


def all_gather_into_tensor(output_tensor, input_tensor, group=None, async_op=False):
    """As `all_gather`, into one tensor: for two processes (N, ...) -> (2·N, ...) or (2, N, ...).

    With `async_op`, returns a `Work`. ValueError for another size. `torch.distributed.all_gather_into_tensor`.
    """
    found, buffer = world(group), _buffer(input_tensor)
    if output_tensor.numel() != found.size * input_tensor.numel() or output_tensor.dtype != input_tensor.dtype:
        raise ValueError(f"all_gather_into_tensor: expected {found.size} times {input_tensor.shape} of "
                         f"{input_tensor.dtype}, got {output_tensor.shape} of {output_tensor.dtype}")
    result = np.empty(output_tensor.shape, output_tensor.dtype)
    request = found.communicator.Iallgather(_bytes(buffer), _bytes(result))
    return _run(Work(found, request, "all_gather_into_tensor", _back(output_tensor, result)), async_op)


def gather(tensor, gather_list=None, dst=None, group=None, async_op=False, group_dst=None):
    """Write the tensor of process i into `gather_list[i]` of process `dst`, (...) -> the same each.

    `group_dst` is another name of `dst`; without both it is 0. The other processes give no `gather_list`. With
    `async_op`, returns a `Work`. ValueError as for `all_gather`. `torch.distributed.gather`.
    """
    found, buffer = world(group), _buffer(tensor)
    root = root_of(found, dst, group_dst, "gather", 0)
    result = np.empty((found.size, *tensor.shape), tensor.dtype) if found.rank == root else None
    if result is not None:
        _check_list("gather", gather_list, tensor, found)
    request = found.communicator.Igather(_bytes(buffer), None if result is None else _bytes(result), root)
    back = None if result is None else _rows_back(gather_list, result)
    return _run(Work(found, request, "gather", back), async_op)


def scatter(tensor, scatter_list=None, src=None, group=None, async_op=False, group_src=None):
    """Give process i the tensor `scatter_list[i]` of process `src`, in place of `tensor`, (...) -> the same.

    `group_src` is another name of `src`; without both it is 0. The other processes give no `scatter_list`. With
    `async_op`, returns a `Work`. ValueError as for `all_gather`. `torch.distributed.scatter`.
    """
    found, buffer = world(group), _buffer(tensor)
    root = root_of(found, src, group_src, "scatter", 0)
    rows = None
    if found.rank == root:
        _check_list("scatter", scatter_list, tensor, found)
        rows = _bytes(np.stack([t.array for t in scatter_list]))
    request = found.communicator.Iscatter(rows, _bytes(buffer), root)
    return _run(Work(found, request, "scatter", _back(tensor, buffer)), async_op)


def send(tensor, dst=None, group=None, tag=0, group_dst=None):
    """Send a tensor (...) to process `dst`, which calls `recv` with the same `tag`. `torch.distributed.send`.

    `group_dst` is another name of `dst`. ValueError for a rank that is not there.
    """
    found = world(group)
    root, buffer = root_of(found, dst, group_dst, "send"), _buffer(tensor)
    found.wait(found.communicator.Isend(_bytes(buffer), root, tag), "send")


def recv(tensor, src=None, group=None, tag=0, group_src=None):
    """Fill a tensor (...) with what process `src` sends, any process without `src`; returns the rank of the sender.

    `group_src` is another name of `src`; `tag` is the sender's. `torch.distributed.recv`. ValueError for a rank that
    is not there.
    """
    from mpi4py import MPI
    found, buffer, status = world(group), _buffer(tensor), MPI.Status()
    any_process = src is None and group_src is None
    source = MPI.ANY_SOURCE if any_process else root_of(found, src, group_src, "recv")
    found.wait(found.communicator.Irecv(_bytes(buffer), source, tag), "recv", status=status)
    _back(tensor, buffer)()
    return status.Get_source()


def barrier(group=None, async_op=False, device_ids=None):
    """Wait until all processes have come here. With `async_op`, returns a `Work`. `torch.distributed.barrier`.

    `device_ids` changes nothing: there are no GPUs.
    """
    found = world(group)
    return _run(Work(found, found.communicator.Ibarrier(), "barrier"), async_op)


# For the engine itself: arrays, not tensors -----------------------------------------------------------------------


def sum_array(array):
    """Add up the arrays (C-contiguous) of all processes, in place; returns the array."""
    found = world()
    found.wait(found.communicator.Iallreduce(in_place(), array), "all_reduce")
    return array


def broadcast_all(tensors):
    """Give all processes the tensors of process 0, in one message for each type of elements."""
    found, kinds = world(), {}
    for tensor in tensors:
        kinds.setdefault(tensor.dtype, []).append(tensor)
    for alike in kinds.values():
        flat = np.concatenate([tensor.array.ravel() for tensor in alike])
        found.wait(found.communicator.Ibcast(_bytes(flat), 0), "broadcast")
        if found.rank != 0:
            _write(flat, alike)


def _write(flat, tensors):
    start = 0
    for tensor in tensors:
        tensor.array[...] = flat[start:start + tensor.numel()].reshape(tensor.shape)
        tensor.bump()
        start += tensor.numel()
