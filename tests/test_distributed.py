"""Several processes over MPI. What two of them check together is in `mpi_checks.py`; here it is started and read."""

import contextlib
import json
import re
import runpy
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import tinynet
from mpi import MPIEXEC, TESTS, mpiexec, needs_mpi
from tinynet import distributed, nn
from tinynet.cli import main
from tinynet.data import DistributedSampler, Loader, arrays
from tinynet.distributed import launch
from tinynet.gradients.hooks import after_backward
from tinynet.train import checkpoint
from tinynet.weights import load

NAMES = re.findall(r"^@check\ndef (\w+)", (TESTS / "mpi_checks.py").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """{name of a check: None, or how it failed}"""
    return checks_of(2, tmp_path_factory.mktemp("checks"))


def checks_of(count, folder):
    done = mpiexec(count, TESTS / "mpi_checks.py", folder / "out.json")
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "out.json").read_text(encoding="utf-8"))


@needs_mpi
@pytest.mark.parametrize("name", NAMES)
def test_two_processes(name, checked):
    assert checked[name] is None, checked[name]


@needs_mpi
@pytest.mark.slow
def test_four_processes(tmp_path):
    """The same checks, among them that four processes learn what one learns."""
    assert {name: failed for name, failed in checks_of(4, tmp_path).items() if failed} == {}


# A run ----------------------------------------------------------------------------------------------------------

KILL = """
import os, signal, sys
from tinynet.cli import main
from tinynet.train import DistributedTrainer
note, left = DistributedTrainer.note, [int(sys.argv[1])]
def counted(self, *args):
    note(self, *args)
    left[0] -= 1
    if left[0] == 0 and self.rank == 1:
        {act}
DistributedTrainer.note = counted
sys.exit(main(sys.argv[2:]))
"""


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A file of 50 images in two classes."""
    path, random = tmp_path_factory.mktemp("images") / "images.npz", np.random.default_rng(0)
    labels = np.arange(50) % 2
    pixels = random.integers(0, 100, (50, 8, 8, 3)) + 100 * labels[:, None, None, None]
    np.savez(path, x=pixels.astype(np.uint8), y=labels)
    return path


def options(images, out, *more):
    return ["train", "--distributed", "--data", images, "--epochs", 2, "--batch-size", 16, "--validation", 0.2,
            "--lr", 0.05, "--out", out, *more]


@pytest.fixture(scope="module")
def whole(images, tmp_path_factory):
    """The folder of a run of two processes that nothing disturbs."""
    out = tmp_path_factory.mktemp("whole") / "run"
    done = mpiexec(2, "-m", "tinynet", *options(images, out))
    assert done.returncode == 0, done.stderr
    assert re.search(r"in 2 processes of \d+ threads?\n", done.stdout)
    assert done.stdout.count("epoch   1/2") == 1 and done.stdout.count("test accuracy") == 1
    return out


@pytest.fixture(scope="module")
def killed(images, tmp_path_factory):
    """The folder of a run whose process 1 was killed in the second epoch."""
    out = tmp_path_factory.mktemp("killed") / "run"
    start = time.monotonic()
    words = options(images, out)
    done = mpiexec(2, "-c", KILL.format(act="os.kill(os.getpid(), signal.SIGKILL)"), 4, *words)
    assert done.returncode != 0 and time.monotonic() - start < 60
    assert "Killed" in done.stdout + done.stderr              # mpiexec's own sentence: nobody else is left to tell
    assert checkpoint.read_latest(out)["epoch"] == 1
    return out


def same(one, other):
    return all(np.array_equal(value.numpy(), other[name].numpy()) for name, value in one.items())


def resumed(killed, folder):
    return shutil.copytree(killed, folder / "again")


@needs_mpi
@pytest.mark.slow
def test_killed_and_resumed_it_has_the_same_bits(killed, whole, tmp_path):
    out = resumed(killed, tmp_path)
    done = mpiexec(2, "-m", "tinynet", "train", "--distributed", "--resume", "--out", out)
    assert done.returncode == 0, done.stderr
    assert same(load(out / "model.safetensors"), load(whole / "model.safetensors"))
    row, expected = checkpoint.read_latest(out)["rows"][1], checkpoint.read_latest(whole)["rows"][1]
    assert row["train_loss"] == expected["train_loss"] and row["validation_loss"] == expected["validation_loss"]


@needs_mpi
def test_two_processes_go_on_as_one(killed, tmp_path, capsys):
    out = resumed(killed, tmp_path)
    assert main(["train", "--resume", "--out", str(out)]) == 0
    assert checkpoint.read_latest(out)["epoch"] == 2
    capsys.readouterr()


@needs_mpi
@pytest.mark.slow
def test_two_processes_go_on_as_three(killed, tmp_path):
    out = resumed(killed, tmp_path)
    done = mpiexec(3, "-m", "tinynet", "train", "--distributed", "--resume", "--out", out)
    assert done.returncode == 0, done.stderr
    assert checkpoint.read_latest(out)["epoch"] == 2 and "in 3 processes" in done.stdout


@needs_mpi
@pytest.mark.slow
def test_an_error_in_one_process_ends_all_with_a_sentence(images, tmp_path):
    out = tmp_path / "run"
    done = mpiexec(2, "-c", KILL.format(act="raise OSError('the memory card is gone')"), 2, *options(images, out))
    assert done.returncode == 1
    assert "tinynet train: error: process 1 of 2: the memory card is gone\n" in done.stderr
    assert checkpoint.read_latest(out)["epoch"] == 0


@needs_mpi
@pytest.mark.slow
def test_different_data_are_refused(images, tmp_path):
    other = dict(np.load(images))
    other["x"] = other["x"] + 1
    np.savez(tmp_path / "0.npz", **np.load(images))
    np.savez(tmp_path / "1.npz", **other)
    text = ("import os, sys\nfrom tinynet.cli import main\n"
            "sys.exit(main([w.replace('RANK', os.environ['PMI_RANK']) for w in sys.argv[1:]]))")
    done = mpiexec(2, "-c", text, *options(tmp_path / "RANK.npz", tmp_path / "run"))
    assert done.returncode == 1
    assert done.stderr.count("the processes have different data: the fingerprint of") == 1
    done = mpiexec(2, "-c", text, *options(images, tmp_path / "other", "--seed", "RANK"))
    assert "error: the processes have different settings: seed is 0 in process 0, and 1 in process 1" in done.stderr


@needs_mpi
@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGTERM") or sys.platform == "win32", reason="needs signals")
def test_a_signal_stops_all_after_the_same_step(images, tmp_path):
    out = tmp_path / "run"
    words = [str(word) for word in (sys.executable, "-m", "tinynet", *options(images, out, "--epochs", 5000))]
    process = subprocess.Popen([MPIEXEC, "-n", "2", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               encoding="utf-8")
    try:
        waiting = time.monotonic() + 60
        while not (out.exists() and checkpoint.has_trained(out)) and time.monotonic() < waiting:
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert err.count("and saved; go on with: tinynet train --resume") == 1, err
    assert process.returncode == 128 + signal.SIGTERM


SCRIPT = """
import os, torch, torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel as DDP
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.distributed import DistributedSampler
dist.init_process_group("gloo", rank=int(os.environ["RANK"]), world_size=int(os.environ["WORLD_SIZE"]))
torch.manual_seed(dist.get_rank())
data = TensorDataset(torch.arange(12.0).reshape(6, 2), torch.ones(6, 1))
sampler = DistributedSampler(data, shuffle=True)
model = DDP(torch.nn.Linear(2, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.001)
for epoch in range(2):
    sampler.set_epoch(epoch)
    for x, y in DataLoader(data, batch_size=3, sampler=sampler):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()
total = model.module.weight.detach().sum()
dist.all_reduce(total, op=dist.ReduceOp.SUM)
if dist.get_rank() == 0:
    print(abs(total.item() - 2 * model.module.weight.sum().item()) < 1e-6, os.environ["LOCAL_RANK"])
dist.destroy_process_group()
"""


@needs_mpi
def test_a_script_for_pytorch_runs(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    done = mpiexec(2, "-m", "tinynet", "run", "script.py", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "True 0\n"), done.stderr


@needs_mpi
@pytest.mark.slow
@pytest.mark.parametrize("line, status, told", [
    ("1 / 0", 1, "ZeroDivisionError"), ("sys.exit('no room')", 1, "no room"), ("sys.exit(3)", 3, "")],
    ids=["error", "sentence", "status"])
def test_a_script_that_ends_early_in_one_process_ends_in_all(line, status, told, tmp_path):
    (tmp_path / "script.py").write_text(
        "import sys, torch.distributed as dist\ndist.init_process_group()\n"
        f"if dist.get_rank() == 1:\n    {line}\ndist.barrier()\n", encoding="utf-8")
    done = mpiexec(2, "-m", "tinynet", "run", "script.py", cwd=tmp_path)
    assert done.returncode == status and told in done.stderr


# In one process -------------------------------------------------------------------------------------------------


def test_without_a_group_the_calls_are_refused():
    for call in (distributed.get_rank, distributed.get_world_size, distributed.barrier,
                 lambda: distributed.all_reduce(tinynet.ones(1)), lambda: nn.parallel.DistributedDataParallel(
                     nn.Linear(1, 1))):
        with pytest.raises(ValueError, match="there is no process group yet; call init_process_group"):
            call()
    assert not distributed.is_initialized() and not distributed.is_nccl_available()


def test_without_mpi_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(RuntimeError, match=r"needs MPI and the package mpi4py: pip install 'tinynet\[mpi\]'"):
        distributed.init_process_group()


def test_train_alone_with_distributed_is_refused(capsys, monkeypatch):
    monkeypatch.delenv("PMI_RANK", raising=False)
    assert main(["train", "--distributed"]) == 1
    assert "--distributed: expected processes that mpiexec has started" in capsys.readouterr().err


@pytest.mark.parametrize("environment, place", [
    ({}, None), ({"PMI_RANK": "1", "PMI_SIZE": "4", "MPI_LOCALRANKID": "0"}, (1, 4, 0)),
    ({"OMPI_COMM_WORLD_RANK": "2", "OMPI_COMM_WORLD_SIZE": "3"}, (2, 3, 0)),
    ({"PMI_RANK": "x", "PMI_SIZE": "2"}, None)],
    ids=["alone", "MPICH", "Open MPI", "nonsense"])
def test_the_place_of_a_process(environment, place):
    assert launch.place(environment) == place
    launch.tell_scripts(environment)
    assert environment.get("RANK") == (None if place is None else str(place[0]))


@pytest.mark.parametrize("count", [1, 5, 6, 7, 12])
@pytest.mark.parametrize("drop_last", [False, True])
def test_sampler_is_pytorchs(count, drop_last):
    torch = pytest.importorskip("torch")
    from torch.utils.data.distributed import DistributedSampler as Theirs
    for size in (1, 2, 3):
        for rank in range(size):
            options = dict(num_replicas=size, rank=rank, drop_last=drop_last)
            ours, theirs = DistributedSampler(range(count), shuffle=False, **options), Theirs(
                range(count), shuffle=False, **options)
            if len(theirs):
                assert list(ours) == list(theirs)
            assert len(ours) == len(theirs)
    assert torch is not None


def test_sampler_shuffles_by_seed_and_epoch():
    def epoch(number, seed=0):
        samplers = [DistributedSampler(range(9), 2, rank, seed=seed) for rank in range(2)]
        for sampler in samplers:
            sampler.set_epoch(number)
        return [list(sampler) for sampler in samplers]

    assert epoch(0) == epoch(0) != epoch(1) and epoch(1) == epoch(0, seed=1)
    assert sorted({i for part in epoch(3) for i in part}) == list(range(9))
    with pytest.raises(ValueError, match="expected a rank from 0 to 1, got 2"):
        DistributedSampler(range(9), 2, 2)


def test_parts_of_a_loader_are_the_batches_of_one_process():
    dataset = arrays(np.arange(11 * 12).reshape(11, 2, 2, 3).astype(np.uint8), np.arange(11) % 2)
    whole, parts = Loader(dataset, 4, prefetch=0), [Loader(dataset, 4, prefetch=0) for _ in range(4)]
    for rank, loader in enumerate(parts):
        loader.share(rank, 4)
    for step, (batch, *shared) in enumerate(zip(whole, *parts, strict=True)):
        assert np.array_equal(np.concatenate([images.numpy() for images, _ in shared]), batch[0].numpy())
        assert whole.count_of(step) == len(batch[1])


def test_sync_batchnorm_is_batchnorm_in_one_process():
    converted = nn.SyncBatchNorm.convert_sync_batchnorm(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, momentum=0.3)))
    assert isinstance(converted[1], nn.SyncBatchNorm) and converted[1].momentum == 0.3
    tinynet.manual_seed(0)
    plain, x = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, momentum=0.3)), tinynet.randn(5, 3)
    converted.load_state_dict(plain.state_dict())
    for mode in (True, False):
        assert np.array_equal(plain.train(mode)(x).numpy(), converted.train(mode)(x).numpy())
    alone = nn.BatchNorm2d(2, bias=False).eval()
    found = nn.SyncBatchNorm.convert_sync_batchnorm(alone)
    assert found.weight is alone.weight and found.bias is None and not found.training


# Hooks ----------------------------------------------------------------------------------------------------------


def test_hook_after_the_sum():
    w, seen = tinynet.ones(2, requires_grad=True), []
    handle = w.register_post_accumulate_grad_hook(lambda tensor: seen.append(tensor.grad.tolist()))
    (w * 2 + w * 3).sum().backward()
    (w * 1).sum().backward()
    assert seen == [[5.0, 5.0], [6.0, 6.0]]
    handle.remove()
    (w * 1).sum().backward()
    assert len(seen) == 2
    with pytest.raises(RuntimeError, match="expected a leaf that requires a gradient"):
        (w * 1).register_post_accumulate_grad_hook(print)


def test_what_waits_for_the_end_of_the_backward_pass():
    w, order = tinynet.ones(2, requires_grad=True), []
    x = w * 2

    def hook(gradient):
        after_backward(lambda: order.append("end"))
        order.append("hook")
    x.register_hook(hook)
    w.register_post_accumulate_grad_hook(lambda tensor: order.append("sum"))
    x.sum().backward()
    assert order == ["hook", "sum", "end"]
    with pytest.raises(RuntimeError, match="no backward pass is running"):
        after_backward(print)
    x = w * 2
    x.register_hook(lambda gradient: 1 / 0)
    with contextlib.suppress(ZeroDivisionError):
        x.sum().backward()
    with pytest.raises(RuntimeError, match="no backward pass is running"):
        after_backward(print)


def test_the_checks_are_all_read():
    assert len(NAMES) == len(runpy.run_path(str(TESTS / "mpi_checks.py"))["CHECKS"]) > 15
