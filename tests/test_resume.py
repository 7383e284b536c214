"""Going on with a run: what may differ from before, what was cut short, and what is cleared away."""

import errno
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from test_train import data, options, rows, start, wait_for_rows, weights              # noqa: F401 (data is a fixture)
from tinynet.cli import main
from tinynet.data import Loader, arrays
from tinynet.nn import Flatten, Linear, Sequential
from tinynet.system import files
from tinynet.train import Settings, Trainer, checkpoint, folder as run_folder
from tinynet.train.stopping import Stopped, StopRequest


def small_set(seed=0):
    random = np.random.default_rng(seed)
    return arrays(random.integers(0, 255, (12, 4, 4, 3)).astype(np.uint8), random.integers(0, 2, 12))


def trainer_of(folder, images=None, **changes):
    """A run of three steps an epoch, small enough to train in milliseconds."""
    settings = Settings(**{"batch_size": 4, "epochs": 4, "lr": 0.1, **changes})
    loader = Loader(images or small_set(), settings.batch_size, prefetch=0)
    folder.mkdir(exist_ok=True)
    return Trainer(settings, Sequential(Flatten(), Linear(48, 2)), loader, None, folder)


def rates(trainer, epochs):
    """The learning rates of the steps until `epochs` are done."""
    seen = []
    while trainer.epoch < epochs:
        for inputs, labels in trainer.train_loader.iterate(trainer.epoch, trainer.step):
            seen.append(trainer.optimizer.param_groups[0]["lr"])
            trainer.train_step(inputs, labels)
        trainer.epoch, trainer.step = trainer.epoch + 1, 0
    return seen


# What may differ -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", ["cosine", "onecycle", "multistep", "constant"])
def test_more_epochs_lay_the_schedule_out_anew(schedule, tmp_path):
    whole = rates(trainer_of(tmp_path, epochs=7, schedule=schedule), 7)
    for done in (2, 4):                                                    # of 4: in the middle, and finished
        first = trainer_of(tmp_path, schedule=schedule)
        rates(first, done)
        more = trainer_of(tmp_path, epochs=7, schedule=schedule)
        more.restore(first.state())
        assert rates(more, 7) == pytest.approx(whole[3 * done:], rel=1e-6, abs=1e-9)


def test_more_epochs_by_the_command_line(data, tmp_path, capsys):        # noqa: F811
    out = tmp_path / "run"
    assert main(options(data, out, epochs=1)) == 0
    assert main(["train", "--resume", "--out", str(out), "--epochs", "2"]) == 0
    assert [row["epoch"] for row in rows(out)] == ["1", "2"]
    assert json.loads((out / "config.json").read_text(encoding="utf-8"))["epochs"] == 2
    capsys.readouterr()
    assert main(["train", "--resume", "--out", str(out), "--epochs", "1"]) == 1
    assert capsys.readouterr().err == "tinynet train: error: --resume: epochs: expected at least the run's 2, got 1\n"


CHANGES = {"seed": 1, "schedule": "constant", "lr": 0.2, "data": "cifar10", "augment": False, "batch_size": 6}


@pytest.mark.parametrize("name", CHANGES)
def test_other_settings_are_refused_by_name(name, tmp_path):
    state = trainer_of(tmp_path).state()
    other = trainer_of(tmp_path, **{name: CHANGES[name]})
    before = getattr(Settings(batch_size=4), name)
    with pytest.raises(ValueError, match=rf"the run was made with {name} {before!r} \(not {CHANGES[name]!r}\)"):
        other.restore(state)


def test_other_data_are_refused(tmp_path):
    state = trainer_of(tmp_path).state()
    with pytest.raises(ValueError, match="is not the data that the run began with"):
        trainer_of(tmp_path, small_set(seed=1)).restore(state)


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    with pytest.raises(ValueError, match="the checkpoint is not one of a run: it has no settings, model"):
        trainer_of(tmp_path).restore({"epoch": 3})


WRONG = {
    "augment as text": ({"augment": "no"}, "augment: expected true or false, got 'no'"),
    "true as a number": ({"batch_size": True}, "batch_size: expected a whole number, got True"),
    "a fraction of images": ({"batch_size": 2.5}, "batch_size: expected a whole number, got 2.5"),
    "text as a number": ({"lr": "0.1"}, "lr: expected a finite number, got '0.1'"),
    "NaN": ({"lr": float("nan")}, "lr: expected a finite number, got nan"),
    "infinity": ({"weight_decay": float("inf")}, "weight_decay: expected a finite number, got inf"),
    "number as text": ({"data": 3}, "data: expected a text, got 3"),
    "null": ({"model": None}, "model: expected a text, got None"),
    "a list": ({"seed": [0]}, r"seed: expected a whole number, got \[0\]"),
    "unknown": ({"epoch": 3}, "unknown setting 'epoch'; did you mean epochs?"),
}


@pytest.mark.parametrize("name", WRONG)
def test_types_in_config_and_recipes_are_checked(name, tmp_path, capsys):
    values, message = WRONG[name]
    config = tmp_path / "config.json"
    config.write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        Settings.read(config)
    if name not in ("null", "NaN", "infinity"):
        recipe = tmp_path / "recipe.toml"
        recipe.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()), encoding="utf-8")
        assert main(["train", "--recipe", str(recipe)]) == 1
        assert f"error: {recipe}: {next(iter(values))}" in capsys.readouterr().err or name == "unknown"


# What was cut short ----------------------------------------------------------------------------------------


KILL = """
import os, signal, sys
from tinynet.cli import main
from tinynet.system import files
left, fsync = int(sys.argv[1]), os.fsync
def counted(handle):                       # each write to the disk passes here: before, and after the rename
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    fsync(handle)
os.fsync = counted
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("writes", [0, 1, 2, 3, 4, 5])
def test_killed_at_its_first_checkpoint_it_goes_on_or_starts_over(data, tmp_path, writes):       # noqa: F811
    out = tmp_path / "run"
    words = options(data, out, epochs=1)
    killed = subprocess.run([sys.executable, "-c", KILL, str(writes), *words], capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    again = ["train", "--resume", "--out", str(out)] if (out / "config.json").exists() else words
    assert main(again) == 0
    assert [row["epoch"] for row in rows(out)] == ["1"]
    assert not list(out.glob(".*.tmp"))


def test_a_run_without_any_checkpoint_starts_from_the_beginning(data, tmp_path, capsys):         # noqa: F811
    out = tmp_path / "run"
    assert main(options(data, out, epochs=1)) == 0
    expected = weights(out)
    for path in out.glob("*.safetensors*"):
        path.unlink()
    assert main(["train", "--resume", "--out", str(out)]) == 0
    assert "it starts from the beginning" in capsys.readouterr().err
    assert all(np.array_equal(value, expected[name]) for name, value in weights(out).items())


def test_unfinished_files_of_killed_runs_are_cleared_away(tmp_path):
    left, other = tmp_path / ".config.json.0123abcd.tmp", tmp_path / ".mine.tmp"
    left.touch(), other.touch()
    with run_folder.locked(tmp_path):
        assert not left.exists() and other.exists()


def state_at(epoch, step=0):
    return {"epoch": epoch, "step": step, "weight": np.zeros(3, np.float32)}


def names(folder):
    return sorted(path.name[11:-12] for path in folder.glob("checkpoint-*.safetensors"))


def test_two_intact_checkpoints_are_kept(tmp_path):
    for epoch in (1, 2, 3):
        checkpoint.write(tmp_path, state_at(epoch))
    assert names(tmp_path) == ["0002-000000", "0003-000000"]


def test_damaged_checkpoints_do_not_count(tmp_path):
    checkpoint.write(tmp_path, state_at(3))
    for epoch in (7, 8):                              # damaged: they were passed over, and the run went on from 3
        path = checkpoint.write(tmp_path, state_at(epoch))
        path.write_bytes(b"damaged")
    checkpoint.write(tmp_path, state_at(3))
    written = checkpoint.write(tmp_path, state_at(4))
    assert written.exists() and names(tmp_path) == ["0003-000000", "0004-000000"]
    assert checkpoint.read_latest(tmp_path)["epoch"] == 4


def test_checkpoints_are_ordered_by_number(tmp_path):
    for epoch in (9998, 9999, 10000):
        checkpoint.write(tmp_path, state_at(epoch))
    assert names(tmp_path) == ["10000-000000", "9999-000000"]
    assert checkpoint.read_latest(tmp_path)["epoch"] == 10000


# Signals ---------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="needs SIGHUP")
def test_a_closed_terminal_saves(data, tmp_path):                         # noqa: F811
    pty = pytest.importorskip("pty")
    out = tmp_path / "run"
    terminal, line = pty.openpty()
    process = subprocess.Popen([sys.executable, "-m", "tinynet", *options(data, out, epochs=500)],
                               stdin=line, stdout=line, stderr=line, start_new_session=True)
    os.close(line)
    reading = time.monotonic() + 100
    while not (out / "metrics.csv").exists() or len(rows(out)) < 1:
        os.read(terminal, 4096)
        assert time.monotonic() < reading and process.poll() is None
    process.send_signal(signal.SIGHUP)                # as the system does when the terminal goes away
    os.close(terminal)
    process.wait(60)
    assert process.returncode in (128 + signal.SIGHUP, 1)         # 1: the bar met the closed terminal first
    assert checkpoint.read_latest(out)["epoch"] >= 1


def test_killed_after_its_last_checkpoint_it_makes_what_is_missing(tmp_path):
    run = trainer_of(tmp_path)
    run.fit()
    for name in ("curves.png", "model.safetensors"):
        (tmp_path / name).unlink()
    resumed = trainer_of(tmp_path)
    resumed.restore(checkpoint.read_latest(tmp_path))
    resumed.fit()
    assert (tmp_path / "curves.png").exists() and (tmp_path / "model.safetensors").exists()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_saves_after_the_step(name, tmp_path, monkeypatch):
    number = getattr(signal, name, None) or pytest.skip(f"this system has no {name}")
    run = trainer_of(tmp_path)
    step = run.train_step
    monkeypatch.setattr(run, "train_step", lambda *batch: (step(*batch), signal.raise_signal(number)))
    with pytest.raises(Stopped, match="stopped in epoch 1 after step 1, and saved") as stopped:
        run.fit()
    assert stopped.value.exit_status == 128 + number
    assert checkpoint.read_latest(tmp_path)["step"] == 1


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="needs SIGHUP")
def test_what_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopRequest() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN and stop.received is None
    finally:
        signal.signal(signal.SIGHUP, before)


# A full disk -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("writes", range(0, 12, 2))
def test_a_disk_that_fills_up_leaves_a_run_that_goes_on(writes, data, tmp_path, monkeypatch, capsys):     # noqa: F811
    out, done, fsync = tmp_path / "run", [], os.fsync

    def full(handle):
        done.append(handle)
        if len(done) > writes:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(handle)

    monkeypatch.setattr(files.os, "fsync", full)
    assert main(options(data, out, epochs=1)) == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith("tinynet train: error: cannot write") and message.endswith("the disk is full")
    monkeypatch.undo()
    assert not list(out.glob(".*.tmp"))
    again = ["train", "--resume", "--out", str(out)] if (out / "config.json").exists() else options(data, out, epochs=1)
    assert main(again) == 0
    assert [row["epoch"] for row in rows(out)] == ["1"]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_killed_at_any_moment_of_its_first_seconds(data, tmp_path):       # noqa: F811
    random = np.random.default_rng(0)
    for attempt in range(30):
        out = tmp_path / str(attempt)
        process = start(options(data, out, epochs=2))
        while process.poll() is None and not out.exists():
            time.sleep(0.001)
        time.sleep(random.uniform(0, 0.2))
        process.kill()
        process.communicate()
        again = (["train", "--resume", "--out", str(out)] if (out / "config.json").exists()
                 else options(data, out, epochs=2))
        assert main(again) == 0, attempt
        assert [row["epoch"] for row in rows(out)] == ["1", "2"]
