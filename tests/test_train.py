"""`tinynet train` and `tinynet eval` as a user meets them: results, bad input, interruption, resumption."""

import csv
import errno
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import tinynet
from tinynet import models
from tinynet.cli import main
from tinynet.train import Settings, checkpoint
from tinynet.train.settings import read_recipe, recipe_names
from tinynet.weights import load, save


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """96 + 32 tiny pictures, red or blue, as an .npz file."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 128)
    images = rng.integers(0, 100, (128, 32, 32, 3)).astype(np.uint8)
    images[labels == 0, :, :, 0] += 100
    images[labels == 1, :, :, 2] += 100
    path = tmp_path_factory.mktemp("data") / "colors.npz"
    np.savez(path, x_train=images[:96], y_train=labels[:96], x_test=images[96:], y_test=labels[96:])
    return path


def options(data, out, epochs=2, **more):
    words = ["train", "--data", str(data), "--model", "resnet8", "--epochs", str(epochs), "--batch-size", "32",
             "--lr", "0.05", "--out", str(out)]
    for name, value in more.items():
        words += [f"--{name.replace('_', '-')}", str(value)]
    return words


def weights(folder):
    return {key: value.array for key, value in load(folder / "model.safetensors").items()}


def rows(folder):
    with open(folder / "metrics.csv", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_run_learns_and_leaves_all_its_files(data, tmp_path, capsys):
    out = tmp_path / "run"
    assert main(options(data, out, epochs=4, validation=16)) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("test accuracy ") and last.endswith(" %")
    assert float(last.split()[2]) > 90
    names = {path.name for path in out.iterdir()}
    assert {"config.json", "metrics.csv", "curves.png", "model.safetensors"} <= names
    assert len([n for n in names if n.endswith(".safetensors") and n.startswith("checkpoint")]) == 2
    assert [row["epoch"] for row in rows(out)] == ["1", "2", "3", "4"]
    assert float(rows(out)[-1]["validation_accuracy"]) > 0.5
    assert json.loads((out / "config.json").read_text(encoding="utf-8"))["model"] == "resnet8"
    assert main(["eval", str(out)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == last
    assert main(["eval", str(out / "model.safetensors"), "--data", str(data), "--model", "resnet8"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == last


def test_runs_do_not_overwrite_each_other(data, tmp_path, capsys, monkeypatch):
    out = tmp_path / "run"
    assert main(options(data, out, epochs=1)) == 0
    before = (out / "metrics.csv").read_bytes()
    assert main(options(data, out, epochs=1)) == 1
    assert "holds a run already" in capsys.readouterr().err
    assert (out / "metrics.csv").read_bytes() == before
    monkeypatch.chdir(tmp_path)
    words = options(data, out, epochs=1)[:-2]
    assert main(words) == 0 and main(words) == 0
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == ["resnet8-colors-1", "resnet8-colors-2"]


def start(words):
    return subprocess.Popen([sys.executable, "-m", "tinynet", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, encoding="utf-8")


def wait_for_rows(process, folder, count):
    for _ in range(3000):
        if (folder / "metrics.csv").exists() and len(rows(folder)) >= count:
            return
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    raise AssertionError("the run made no progress in a minute")


@pytest.fixture(scope="module")
def uninterrupted(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "run"
    assert main(options(data, out, epochs=8)) == 0
    return out


def kill_and_resume(data, out, reference, kills, rng):
    process = start(options(data, out, epochs=8))
    wait_for_rows(process, out, 1)
    for _ in range(kills):
        time.sleep(rng.uniform(0, 0.15))
        process.kill()
        process.communicate()
        process = start(["train", "--resume", "--out", str(out)])
        time.sleep(rng.uniform(0, 1.5))
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    expected = weights(reference)
    for name, value in weights(out).items():
        assert np.array_equal(value, expected[name]), name
    assert [row["epoch"] for row in rows(out)] == [str(i + 1) for i in range(8)]
    for a, b in zip(rows(out), rows(reference)):
        assert a["train_loss"] == b["train_loss"] and a["train_accuracy"] == b["train_accuracy"]


def test_killed_three_times_it_ends_with_the_same_bits(data, tmp_path, uninterrupted):
    kill_and_resume(data, tmp_path / "run", uninterrupted, 3, np.random.default_rng(0))


@pytest.mark.slow
def test_killed_twenty_times_it_ends_with_the_same_bits(data, tmp_path, uninterrupted):
    kill_and_resume(data, tmp_path / "run", uninterrupted, 20, np.random.default_rng(1))


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_asked_to_stop_it_saves_and_says_how_to_go_on(data, tmp_path, uninterrupted, number, status):
    out = tmp_path / "run"
    process = start(options(data, out, epochs=8))
    wait_for_rows(process, out, 2)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == status
    assert f"go on with: tinynet train --resume --out {out}" in errors
    assert main(["train", "--resume", "--out", str(out)]) == 0
    expected = weights(uninterrupted)
    assert all(np.array_equal(value, expected[name]) for name, value in weights(out).items())


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_is_used(data, tmp_path, capsys, uninterrupted):
    out = tmp_path / "run"
    assert main(options(data, out, epochs=8)) == 0
    newest = sorted(out.glob("checkpoint-*.safetensors"))[-1]
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    assert main(["train", "--resume", "--out", str(out)]) == 0
    assert newest.name in capsys.readouterr().err
    expected = weights(uninterrupted)
    assert all(np.array_equal(value, expected[name]) for name, value in weights(out).items())
    for path in out.glob("checkpoint-*.safetensors"):
        path.write_bytes(path.read_bytes()[:1000])
    assert main(["train", "--resume", "--out", str(out)]) == 1
    assert "none of its 2 checkpoints is intact" in capsys.readouterr().err


BAD = {
    "unknown model": (["--model", "resnet21"], "resnet20"),
    "unknown data": (["--data", "shape"], "shapes"),
    "missing npz": (["--data", "nothing.npz"], "nothing.npz"),
    "folder without data": (["--data", "cifar10", "--root", "."], "cifar-10"),
    "no epochs": (["--epochs", "0"], "epochs: expected a value of at least 1, got 0"),
    "schedule": (["--schedule", "sine"], "cosine"),
    "recipe": (["--recipe", "nothing"], "unknown recipe 'nothing'"),
    "validation": (["--validation", "5000000"], "5000000"),
    "resume nothing": (["--resume", "--out", "nowhere"], "no such file"),
    "resume where": (["--resume"], "--out"),
    "file in place of the folder": (["--out", "file"], "file"),
    "file above the folder": (["--out", "file/run"], "file"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_ends_in_one_clear_sentence(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    pathlib.Path("file").write_text("", encoding="utf-8")
    words, expected = BAD[name]
    assert main(["train", *words]) == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and expected in message, message
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file"]


def test_unknown_commands_and_options_are_refused(capsys):
    assert main(["trian"]) == 2
    assert "train" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stopped:
        main(["train", "--epoch-count", "3"])
    assert stopped.value.code == 2


def test_resume_refuses_other_settings_and_other_models(data, tmp_path, capsys):
    out = tmp_path / "run"
    assert main(options(data, out, epochs=1)) == 0
    assert main(["train", "--resume", "--out", str(out), "--model", "resnet14"]) == 1
    assert "model 'resnet8' (not 'resnet14')" in capsys.readouterr().err
    config = out / "config.json"
    config.write_text(config.read_text(encoding="utf-8").replace("resnet8", "resnet14"), encoding="utf-8")
    assert main(["train", "--resume", "--out", str(out)]) == 1
    assert "model 'resnet8' (not 'resnet14')" in capsys.readouterr().err


def test_a_full_disk_leaves_the_earlier_checkpoint_intact(data, tmp_path, capsys, monkeypatch):
    out = tmp_path / "run"
    original = os.fsync

    def full(handle):
        if list(out.glob("checkpoint-0001-*.sha256")):
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(handle)

    monkeypatch.setattr(os, "fsync", full)
    assert main(options(data, out, epochs=3)) == 1
    assert "the disk is full" in capsys.readouterr().err
    monkeypatch.undo()
    assert not list(out.glob("*.tmp")) and not list(out.glob(".*.tmp"))
    assert checkpoint.read_latest(out)["epoch"] >= 1
    assert main(["train", "--resume", "--out", str(out)]) == 0
    assert [row["epoch"] for row in rows(out)] == ["1", "2", "3"]


def test_a_loss_that_is_not_finite_stops_the_run(data, tmp_path, capsys):
    out = tmp_path / "run"
    with np.errstate(all="ignore"):
        assert main(options(data, out, epochs=3, lr=1e20)) == 1
    message = capsys.readouterr().err
    assert "the loss became" in message and "step" in message and "not finite is in" in message
    assert checkpoint.read_latest(out)["epoch"] == 0


def test_two_processes_do_not_share_a_run(data, tmp_path, capsys):
    from tinynet.train import folder
    out = tmp_path / "run"
    assert main(options(data, out, epochs=1)) == 0
    with folder.locked(out):
        assert main(["train", "--resume", "--out", str(out)]) == 1
    assert "in use by another process" in capsys.readouterr().err


def test_eval_reads_public_checkpoints(data, tmp_path, capsys):
    torch = pytest.importorskip("torch")
    tinynet.manual_seed(0)
    model = tinynet.models.resnet8(num_classes=2)
    state = {"module." + key.replace("fc.", "linear."): torch.tensor(value.numpy())
             for key, value in model.state_dict().items() if "num_batches" not in key}
    torch.save({"state_dict": state, "best": 1.0}, tmp_path / "public.th")
    save(model.state_dict(), tmp_path / "own.safetensors")
    lasts = []
    for name in ("public.th", "own.safetensors"):
        assert main(["eval", str(tmp_path / name), "--data", str(data), "--model", "resnet8"]) == 0
        lasts.append(capsys.readouterr().out.splitlines()[-3:])
    assert lasts[0] == lasts[1]
    assert main(["eval", str(tmp_path / "own.safetensors"), "--data", str(data), "--model", "resnet14"]) == 1
    assert "layer1.1.conv1.weight" in capsys.readouterr().err


@pytest.fixture
def cifar10():
    """The folder with the real CIFAR-10 and the public checkpoint."""
    root = os.environ.get("TINYNET_DATA")
    return root or pytest.skip("needs the real CIFAR-10 and the public checkpoint in the folder TINYNET_DATA")


@pytest.mark.slow
def test_the_public_resnet20_reaches_its_published_accuracy(cifar10, capsys):
    path = str(pathlib.Path(cifar10) / "resnet20-12fca82f.th")
    assert main(["eval", path, "--data", "cifar10", "--root", cifar10, "--model", "resnet20", "--pad", "both",
                 "--normalize", "imagenet"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "test accuracy 91.73 %"


@pytest.mark.slow
def test_the_packaged_weights_reach_the_reported_accuracy(cifar10, capsys):
    assert main(["eval", "resnet20-cifar10", "--root", cifar10]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "test accuracy 91.61 %"


def test_a_file_where_the_folder_should_be(data, tmp_path, capsys):
    (tmp_path / "file").write_text("kept", encoding="utf-8")
    assert main(options(data, tmp_path / "file")) == 1
    assert "expected a folder for the run, but a file has that name" in capsys.readouterr().err
    assert (tmp_path / "file").read_text(encoding="utf-8") == "kept"


def test_packaged_weights_by_name():
    trained, other = tinynet.models.resnet20(weights="cifar10"), tinynet.models.resnet20()
    assert trained.state_dict().keys() == other.state_dict().keys()
    assert trained.bn1.num_batches_tracked.item() == 40 * 196              # epochs of 50,000 images, 256 a step
    with pytest.raises(ValueError, match="no weights 'resnet20-mnist' in the package; there are: resnet20-cifar10"):
        tinynet.models.resnet20(weights="mnist")


@pytest.mark.parametrize("name", recipe_names())
def test_recipes_are_settings(name):
    settings = Settings(**read_recipe(name))
    assert settings.model in models.MODELS and settings.data == "cifar10"
    assert settings.model != "resnet20" or 0 < settings.small_epochs < settings.epochs
