"""What the processes of a run check together: `mpiexec -n 2 python tests/mpi_checks.py OUT.json`.

Every check is a function of (rank, world size). All processes run all checks; process 0 writes, for each, None or how
it failed.
"""

import gc
import json
import pathlib
import sys
import traceback

import numpy as np

import tinynet
from tinynet import distributed as dist, kernels, models, nn, optim
from tinynet.data import DistributedSampler
from tinynet.distributed import equality, launch, objects
from tinynet.distributed.buckets import make_buckets
from tinynet.nn import functional as F
from tinynet.nn.parallel import DistributedDataParallel

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def raised(kind, function, *args, **options):
    """The sentence of the error that a call ends in."""
    try:
        function(*args, **options)
    except kind as error:
        return str(error)
    raise AssertionError(f"expected a {kind.__name__}")


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def part(array, rank, size):
    return np.array_split(array, size)[rank]


# Calls --------------------------------------------------------------------------------------------------------


@check
def the_group_knows_its_processes(rank, size):
    assert dist.is_initialized() and dist.get_backend() == "mpi" and launch.place() == (rank, size, rank)
    assert "there already" in raised(RuntimeError, dist.init_process_group)
    assert "expected the group of all" in raised(ValueError, dist.get_rank, object())
    assert dist.get_rank(dist.group.WORLD) == rank


@check
def cores_are_shared(rank, size):
    from tinynet.kernels.machine import cores
    assert tinynet.get_num_threads() == max(1, cores.count() // size)


OPERATORS = {"SUM": np.sum, "AVG": np.mean, "PRODUCT": np.prod, "MIN": np.min, "MAX": np.max}


@check
def all_reduce_is_numpys(rank, size):
    for dtype in (np.float32, np.float64, np.int64):
        every = (numbers(size, 3, 4) * 5).astype(dtype)
        for name, function in OPERATORS.items():
            if name == "AVG" and dtype is np.int64:
                assert "not for tensors of int64" in raised(TypeError, dist.all_reduce, tinynet.tensor([1]),
                                                            dist.ReduceOp.AVG)
                continue
            for order in "CF":
                x = tinynet.tensor(np.asarray(every[rank], order=order))
                dist.all_reduce(x, getattr(dist.ReduceOp, name))
                np.testing.assert_allclose(x.numpy(), function(every, axis=0), rtol=1e-6)
            dist.reduce(x := tinynet.tensor(every[rank]), size - 1, getattr(dist.ReduceOp, name))
            expected = function(every, axis=0) if rank == size - 1 else every[rank]
            np.testing.assert_allclose(x.numpy(), expected, rtol=1e-6)
    flags = tinynet.tensor([rank == 0, True])
    dist.all_reduce(flags, op=dist.ReduceOp.MIN)
    assert flags.tolist() == [False, True]


@check
def the_order_in_memory_may_differ(rank, size):
    mine = numbers(2, 3, 4, 5)
    x = tinynet.tensor(mine if rank else np.ascontiguousarray(mine.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2))
    dist.all_reduce(x)
    np.testing.assert_allclose(x.numpy(), size * mine)
    dist.broadcast(x, src=size - 1)
    np.testing.assert_allclose(x.numpy(), size * mine)


@check
def tensors_move(rank, size):
    x, every = tinynet.full((2, 3), float(rank)), np.repeat(np.arange(size), 6).reshape(size, 2, 3)
    rows = [tinynet.zeros(2, 3) for _ in range(size)]
    dist.all_gather(rows, x)
    assert np.array_equal([row.numpy() for row in rows], every)
    dist.all_gather_into_tensor(whole := tinynet.zeros(2 * size, 3), x)
    assert np.array_equal(whole.numpy(), every.reshape(-1, 3))
    dist.gather(x, rows := [tinynet.zeros(2, 3) for _ in range(size)] if rank == 1 else None, dst=1)
    assert rank != 1 or np.array_equal([row.numpy() for row in rows], every)
    dist.scatter(y := tinynet.zeros(2, 3), [tinynet.full((2, 3), 5.0 + i) for i in range(size)] if rank == 0 else None)
    assert y.tolist() == [[5.0 + rank] * 3] * 2
    if rank == 0:
        dist.send(x + 7, dst=1, tag=3)
    elif rank == 1:
        assert dist.recv(x, tag=3) == 0 and x.tolist() == [[7.0] * 3] * 2
    assert "expected a rank from 0" in raised(ValueError, dist.broadcast, x, size)
    assert "one for each process" in raised(ValueError, dist.all_gather, [x], x)


@check
def work_goes_on_in_the_background(rank, size):
    work = dist.all_reduce(x := tinynet.ones(1000), async_op=True)
    assert work.wait() and work.is_completed() and x.sum().item() == 1000 * size
    before = x.version.count
    dist.broadcast(x, 0)
    assert x.version.count > before


@check
def objects_move(rank, size):
    dist.all_gather_object(found := [None] * size, {"rank": rank})
    assert found == [{"rank": i} for i in range(size)]
    dist.broadcast_object_list(said := ["", rank], src=1)
    assert said == ["", 1]
    dist.gather_object(rank, found := [None] * size if rank == 0 else None)
    assert rank or found == list(range(size))
    for call in (lambda: dist.gather_object(rank, None, size), lambda: dist.broadcast_object_list([rank], size)):
        assert f"expected a rank from 0 to {size - 1}, got {size}" in raised(ValueError, call)


@check
def errors_are_shared(rank, size):
    def fail():
        if rank == 1:
            raise OSError("the disk is full")
    assert raised(RuntimeError, objects.together, fail) == f"process 1 of {size}: the disk is full"
    assert raised(ZeroDivisionError, objects.from_first, lambda: 1 / 0) == "division by zero"
    assert objects.from_first(lambda: rank) == 0


# Gradients ----------------------------------------------------------------------------------------------------


def network(dtype=tinynet.float64):
    tinynet.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(64, 8), nn.Tanh(),
                         nn.Linear(8, 5)).to(dtype)


def gradients(model):
    return [p.grad.numpy() for p in model.parameters()]


IMAGES, LABELS = numbers(8, 3, 6, 6), np.arange(8) % 5


def whole_gradients():
    model = network()
    F.cross_entropy(model(tinynet.tensor(IMAGES)), tinynet.tensor(LABELS)).backward()
    return gradients(model)


def own_loss(model, rank, size):
    images, labels = tinynet.tensor(part(IMAGES, rank, size)), tinynet.tensor(part(LABELS, rank, size))
    return F.cross_entropy(model(images), labels)


def close(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-13)


@check
def gradients_are_those_of_the_whole_batch(rank, size):
    for megabytes in (None, 25, 0.0001):
        ddp = DistributedDataParallel(network(), bucket_cap_mb=megabytes)
        assert len(ddp.reducer.buckets) == {None: 4, 25: 1}.get(megabytes, 6), len(ddp.reducer.buckets)
        for _ in range(2):
            ddp.zero_grad()
            own_loss(ddp, rank, size).backward()
            close(gradients(ddp), whole_gradients())


@check
def the_state_has_pytorchs_keys(rank, size):
    ddp = DistributedDataParallel(nn.Linear(2, 1))
    assert list(ddp.state_dict()) == ["module.weight", "module.bias"]


@check
def all_start_with_the_weights_of_the_first(rank, size):
    tinynet.manual_seed(rank)
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    model[1].running_mean.fill_(rank)
    own = model[0].weight.numpy().copy()
    DistributedDataParallel(model)
    assert np.array_equal(own, model[0].weight.numpy()) == (rank == 0) and model[1].running_mean.sum().item() == 0
    equality.check_parameters(model, "at the start")


@check
def buckets_start_while_backward_runs(rank, size):
    ddp, seen, alive = DistributedDataParallel(network()), [], []
    first = next(ddp.module.parameters())
    first.register_hook(lambda gradient: seen.append(ddp.reducer.started))
    for _ in range(3):
        alive.append(own_loss(ddp, rank, size))            # a graph that lives on must not delay the next one's
        alive[-1].backward()
    assert len(ddp.reducer.buckets) == 4 and seen == [3, 3, 3] and ddp.reducer.waited >= 0, seen


@check
def two_forward_passes_and_one_backward(rank, size):
    ddp = DistributedDataParallel(network())
    (own_loss(ddp, rank, size) + own_loss(ddp, rank, size)).backward()
    close(gradients(ddp), [2 * g for g in whole_gradients()])


@check
def after_a_backward_pass_that_failed(rank, size):
    ddp = DistributedDataParallel(network())
    failing = next(ddp.module.parameters()).register_hook(lambda gradient: 1 / 0)
    raised(ZeroDivisionError, own_loss(ddp, rank, size).backward)
    failing.remove()
    ddp.zero_grad()
    own_loss(ddp, rank, size).backward()
    close(gradients(ddp), whole_gradients())


@check
def a_graph_that_was_kept_is_not_mixed_with_a_new_one(rank, size):
    ddp = DistributedDataParallel(network())
    kept = own_loss(ddp, rank, size)
    kept.backward(retain_graph=True)
    mixed = kept + own_loss(ddp, rank, size)
    assert "came twice in one backward pass" in raised(RuntimeError, mixed.backward)
    ddp.zero_grad()
    own_loss(ddp, rank, size).backward()
    close(gradients(ddp), whole_gradients())


@check
def without_sync_gradients_are_only_added(rank, size):
    ddp, alone = DistributedDataParallel(network()), network()
    with ddp.no_sync():
        own_loss(ddp, rank, size).backward()
    own_loss(alone, rank, size).backward()
    close(gradients(ddp), gradients(alone))
    own_loss(ddp, rank, size).backward()
    close(gradients(ddp), [2 * g for g in whole_gradients()])


class Forked(nn.Module):
    """Process 0 uses `a`, the others `b`; nobody uses `c`."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = (nn.Linear(2, 1, bias=False) for _ in range(3))

    def forward(self, x, rank):
        return (self.b if rank else self.a)(x)


@check
def unused_parameters(rank, size):
    ddp, x = DistributedDataParallel(Forked(), find_unused_parameters=True), tinynet.ones(1, 2)
    ddp(x, rank).sum().backward()
    assert np.allclose(ddp.module.a.weight.grad.numpy(), 1 / size)
    assert np.allclose(ddp.module.b.weight.grad.numpy(), (size - 1) / size) and ddp.module.c.weight.grad is None
    ddp = DistributedDataParallel(Forked())
    assert "no gradient has come for" in raised(RuntimeError, ddp(x, 0).sum().backward)


@check
def other_networks_are_refused(rank, size):
    sentence = raised(ValueError, DistributedDataParallel, nn.Linear(2, 1 + rank))
    assert sentence.startswith("DistributedDataParallel: the processes have different networks: weight is ((1, 2)")
    assert "only the CPU" in raised(ValueError, DistributedDataParallel, nn.Linear(2, 1), device_ids=[0])
    assert "parameters that require" in raised(RuntimeError, DistributedDataParallel, nn.ReLU())


@check
def other_weights_and_versions_are_noticed(rank, size):
    model = nn.Linear(2, 2)
    DistributedDataParallel(model)
    model.bias.data[1] = float(rank)
    sentence = raised(ValueError, equality.check_parameters, model, "after epoch 3")
    assert sentence.startswith("the weights of the processes differ after epoch 3: bias is ")
    sentence = raised(ValueError, equality.check_same, {"numpy": f"2.{rank}"}, "the processes run different versions")
    assert sentence == "the processes run different versions: numpy is 2.0 in process 0, and 2.1 in process 1"


@check
def buckets_hold_one_type_and_no_more_than_their_size(rank, size):
    sizes = [5, 5, 5, 100, 1]
    parameters = [nn.Parameter(tinynet.zeros(n)) for n in sizes]
    parameters.append(nn.Parameter(tinynet.zeros(1, dtype=tinynet.float64)))
    found = [[p.numel() for p in bucket.parameters] for bucket in make_buckets(parameters, 40)]
    assert found == [[1], [1], [100], [5, 5], [5]]


# SyncBatchNorm and the sampler ----------------------------------------------------------------------------------


@check
def sync_batchnorm_is_batchnorm_of_the_whole(rank, size):
    for count in (6, 1):                                     # of one image, some processes have none
        for relu, residual in ((False, False), (True, False), (True, True)):
            given = [numbers(count, 4, 3, 3, seed=seed) + seed for seed in range(3)]
            whole = normalised(nn.BatchNorm2d, *given, relu, residual)
            own = normalised(nn.SyncBatchNorm, *(part(array, rank, size) for array in given), relu, residual)
            together = [np.concatenate(objects.of_all(own[i])) for i in range(2)]
            together += [sum(objects.of_all(own[i])) for i in (2, 3)] + own[4:]
            close(together, whole)


def normalised(kind, x, r, dy, relu, residual):
    """y, dx, dweight, dbias and the running statistics of a layer."""
    layer = kind(4).double()
    layer.weight.data = tinynet.tensor(numbers(4, seed=5))
    x, r = tinynet.tensor(x, requires_grad=True), tinynet.tensor(r)
    y = layer(x, residual=r if residual else None, relu=relu)
    y.backward(tinynet.tensor(dy))
    tensors = y, x.grad, layer.weight.grad, layer.bias.grad, layer.running_mean, layer.running_var
    return [t.numpy() for t in tensors]


@check
def sampler_takes_the_place_of_its_process(rank, size):
    sampler = DistributedSampler(range(5), shuffle=False)
    assert list(sampler) == [i % 5 for i in range(rank, -(-5 // size) * size, size)]


# Equal mathematics ----------------------------------------------------------------------------------------------


def without_norms():
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3), nn.ReLU(),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10))


def after_twenty_steps(model, network, dtype, side, rank=0, size=1):
    """The state of `model`, which learns by calls of `network` with part `rank` of each batch of eight."""
    optimizer, random = optim.SGD(model.parameters(), 0.05, momentum=0.9), np.random.default_rng(0)
    for _ in range(20):
        images, labels = random.standard_normal((8, 3, side, side)).astype(dtype), random.integers(0, 10, 8)
        images, labels = tinynet.tensor(part(images, rank, size)), tinynet.tensor(part(labels, rank, size))
        optimizer.zero_grad()
        F.cross_entropy(network(images), labels).backward()
        optimizer.step()
    return {name: value.numpy() for name, value in model.state_dict().items()}


def check_equal_to_one_process(make, convert, dtype, side, rank, size):
    tinynet.manual_seed(0)
    alone, shared = make().to(dtype), convert(make().to(dtype))
    shared.load_state_dict(alone.state_dict())
    found = after_twenty_steps(shared, DistributedDataParallel(shared), dtype, side, rank, size)
    expected = after_twenty_steps(alone, alone, dtype, side)
    assert max(np.abs(found[name] - value).max() for name, value in expected.items()) < 1e-6


@check
def a_network_without_norms_learns_as_in_one_process(rank, size):
    check_equal_to_one_process(without_norms, lambda model: model, np.float32, 16, rank, size)


@check
def resnet20_with_sync_batchnorm_learns_as_in_one_process(rank, size):
    """In float64: rounding errors grow with each step of a deep network and a small batch, in float32 beyond 1e-6."""
    check_equal_to_one_process(models.resnet20, nn.SyncBatchNorm.convert_sync_batchnorm, np.float64, 8, rank, size)


@check
def leaving_and_coming_back(rank, size):
    dist.destroy_process_group()
    assert not dist.is_initialized() and "call init_process_group" in raised(ValueError, dist.get_rank)
    assert raised(ValueError, dist.init_process_group, world_size=size + 1) == (
        f"init_process_group: expected world_size {size}, as MPI has it, got {size + 1}; mpiexec -n says how many "
        "processes there are")
    assert "expected rank" in raised(ValueError, dist.init_process_group, rank=rank + 1, world_size=size)
    assert "got 'nccl'" in raised(ValueError, dist.init_process_group, "nccl")
    launch.os.environ["PMI_SIZE"] = "5"
    sentence = raised(RuntimeError, dist.init_process_group)
    assert f"mpiexec has started 5 processes, but MPI connects {size}" in sentence
    launch.os.environ["PMI_SIZE"] = str(size)
    dist.init_process_group("gloo", init_method="env://", world_size=size, rank=rank)


def main():
    dist.init_process_group()
    rank, size = dist.get_rank(), dist.get_world_size()
    results = {}
    for function in CHECKS:
        result = None
        try:
            function(rank, size)
        except Exception:
            result = traceback.format_exc()
        gc.collect()
        results[function.__name__] = next((text for text in objects.of_all(result) if text), None)
    if rank == 0:
        pathlib.Path(sys.argv[1]).write_text(json.dumps(results), encoding="utf-8")
    dist.destroy_process_group()


if __name__ == "__main__":
    with kernels.use("numpy"):         # nothing to compile
        main()
