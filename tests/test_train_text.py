"""`tinynet train-text` as a user meets it; the fairy tales; the loader and the baselines."""

import csv
import json
import math
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import tinynet
from tinynet.cli import main
from tinynet.data.dataset import DataError
from tinynet.data.tales import BLANKS, fairy_tales
from tinynet.data.text import Text, TextLoader, bigram_loss, unigram_loss
from tinynet.weights import load

QUICK = ["--length", "6000", "--context", "16", "--width", "16", "--layers", "1", "--heads", "2",
         "--batch-size", "16", "--lr", "0.02", "--warmup", "0.1"]


def words(out, epochs=2, *more):
    return ["train-text", *QUICK, "--epochs", str(epochs), "--out", str(out), *more]


def weights(folder):
    return {key: value.array for key, value in load(folder / "model.safetensors").items()}


def test_a_run_reports_baselines_and_writes_a_sample(tmp_path, capsys):
    out = tmp_path / "run"
    assert main(words(out, 3)) == 0
    lines = capsys.readouterr().out.splitlines()
    last = next(i for i, line in enumerate(lines) if line.startswith("validation loss "))
    loss, bigram = float(lines[last].split()[2]), float(lines[last].split()[-1])
    assert lines[last] == f"validation loss {loss:.3f} nats per character, bigram baseline {bigram:.3f}"
    unigram = float(lines[last - 1].split()[2])
    assert lines[last - 1] == f"unigram baseline {unigram:.3f} nats per character"
    assert 2 < bigram < unigram < 3.2 and loss < unigram
    assert len("\n".join(lines[last + 1:])) > 300
    names = {path.name for path in out.iterdir()}
    assert {"config.json", "metrics.csv", "curves.png", "model.safetensors"} <= names
    rows = list(csv.DictReader((out / "metrics.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"] and float(rows[0]["characters_per_second"]) > 0
    assert float(rows[-1]["validation_loss"]) == pytest.approx(loss, abs=6e-4)
    assert json.loads((out / "config.json").read_text(encoding="utf-8"))["context"] == 16


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a run on a song that is known by heart at once."""
    folder = tmp_path_factory.mktemp("song")
    (folder / "song.txt").write_text("abcÄ\n" * 300, encoding="utf-8")
    assert main(["train-text", *QUICK, "--epochs", "3", "--text", str(folder / "song.txt"), "--out",
                 str(folder / "run")]) == 0
    return folder / "run"


def written(capsys, *arguments):
    capsys.readouterr()
    assert main(["write", *map(str, arguments)]) == 0
    return capsys.readouterr().out[:-1]                    # without the line break of print


def test_a_trained_network_writes(trained, capsys):
    text = written(capsys, trained, "--temperature", "0", "--length", "21", "--prompt", "abcÄ")
    assert text == "abcÄ\n" * 5
    assert len(written(capsys, trained, "--length", "30")) == 30
    file = trained / "model.safetensors"                   # the file alone carries its alphabet
    assert written(capsys, file, "--temperature", "0", "--length", "8", "--prompt", "ab") == "abcÄ\n" * 2
    hot = {seed: written(capsys, trained, "--temperature", "5", "--seed", seed) for seed in (0, 1)}
    assert hot[0] != hot[1] and hot[0] == written(capsys, trained, "--temperature", "5", "--seed", 0)


def test_eval_tells_the_loss_beside_the_bigrams(trained, capsys):
    capsys.readouterr()
    assert main(["eval", str(trained)]) == 0
    unigram, loss = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"unigram baseline \d\.\d{3} nats per character", unigram)
    found = re.fullmatch(r"validation loss (\d\.\d{3}) nats per character, bigram baseline (\d\.\d{3})", loss)
    rows = list(csv.DictReader((trained / "metrics.csv").read_text(encoding="utf-8").splitlines()))
    assert float(found[1]) == pytest.approx(float(rows[-1]["validation_loss"]), abs=6e-4)
    assert main(["eval", str(trained / "model.safetensors")]) == 0
    assert capsys.readouterr().out.splitlines() == [unigram, loss]


@pytest.mark.parametrize("arguments, message", [
    (["write", "RUN", "--prompt", "xyz"], "--prompt: 'xyz' is not among the 5 known characters"),
    (["write", "RUN", "--length", "0"], "--length: expected at least 1, got 0"),
    (["write", "RUN", "--temperature", "-1"], "a temperature of at least 0"),
    (["write", "RUN", "--temperature", "nan"], "a temperature of at least 0"),
    (["write", "nowhere"], "nowhere"),
    (["eval", "RUN", "--data", "cifar10"], "is a text network, which is measured on the text of its run"),
    (["write", "IMAGES"], "expected a run of `tinynet train-text`")],
    ids=lambda value: " ".join(value[2:]) or value[1] if isinstance(value, list) else "")
def test_what_cannot_be_written(arguments, message, trained, tmp_path, capsys):
    images = tmp_path / "images"
    images.mkdir()
    (images / "config.json").write_text('{"model": "resnet8"}', encoding="utf-8")
    tinynet.save({"fc.weight": tinynet.zeros(2, 2)}, images / "model.safetensors")
    places = {"RUN": str(trained), "IMAGES": str(images / "model.safetensors")}
    capsys.readouterr()
    assert main([places.get(word, word) for word in arguments]) == 1
    errors = capsys.readouterr().err
    assert message in errors and errors.count("\n") == 1


def test_stopped_and_resumed_it_ends_with_the_same_bits(tmp_path, capsys):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert main(words(whole, 12, "--dropout", "0.1")) == 0
    process = subprocess.Popen([sys.executable, "-m", "tinynet", *words(parts, 12, "--dropout", "0.1")],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8")
    for _ in range(3000):
        metrics = parts / "metrics.csv"
        if metrics.exists() and len(metrics.read_text(encoding="utf-8").splitlines()) > 1:
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and f"go on with: tinynet train-text --resume --out {parts}" in errors
    assert main(["train-text", "--resume", "--out", str(parts)]) == 0
    expected = weights(whole)
    assert all(np.array_equal(value, expected[name]) for name, value in weights(parts).items())


def test_a_text_of_the_users_own(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "song.txt").write_text("Grün, grün, grün sind alle meine Kleider. " * 60, encoding="utf-8")
    assert main(["train-text", *QUICK, "--epochs", "3", "--text", "song.txt"]) == 0
    assert "ü" in capsys.readouterr().out
    assert os.listdir("runs") == ["text-song-1"]


@pytest.mark.parametrize("more, message", [
    (["--text", "nothing.txt"], "nothing.txt"),
    (["--text", "binary"], "expected text in UTF-8"),
    (["--text", "short"], "too few for a context of 16"),
    (["--heads", "3"], "3 heads can share equally, got 16"),
    (["--context", "0"], "context: expected a value of at least 1, got 0"),
    (["--optimizer", "adam"], "optimizer: expected sgd, adamw, got 'adam'"),
])
def test_bad_input_ends_in_one_clear_sentence(more, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00" * 100)
    (tmp_path / "short").write_text("too short", encoding="utf-8")
    assert main(["train-text", *QUICK, *more]) == 1
    errors = capsys.readouterr().err
    assert message in errors and errors.count("\n") == 1
    assert not (tmp_path / "runs").exists()


# The tales ------------------------------------------------------------------------------------------------


def test_the_same_seed_tells_the_same_tales():
    text, entropy = fairy_tales(5000, seed=1)
    assert (text, entropy) == fairy_tales(5000, seed=1) and text != fairy_tales(5000, seed=2)[0]
    assert text.startswith(fairy_tales(1000, seed=1)[0]) and len(text) >= 5000 and text.isascii()


def test_tales_are_whole_and_remember_who_is_who():
    tales = fairy_tales(30_000)[0].split("\n\n")[:-1]
    for tale in tales:
        assert "{" not in tale and tale[0].isupper() and tale[-1] in '."'
        owners = {owner for owner in BLANKS["owner"] if f" {owner}" in tale}
        assert len(owners) == 1, tale
        assert (" she " in tale) + (" he " in tale) <= 1, tale


def test_the_entropy_is_that_of_the_choices():
    """As many nats as Σ log(choices): counted anew from how often whole sentences of one kind occur."""
    text, entropy = fairy_tales(200_000)
    tales = text.split("\n\n")[:-1]
    assert 20 < entropy * len(text) / len(tales) < 40
    endings = sum(tale.endswith("happily ever after.") for tale in tales) / len(tales)
    assert endings == pytest.approx(1 / 3, abs=0.06)
    names = [tale.count("Ada") > 0 for tale in tales]
    assert np.mean(names) == pytest.approx(1 / 12, abs=0.04)


# Text as numbers ------------------------------------------------------------------------------------------


def test_text_and_back():
    text = Text("abracadabra")
    assert text.classes == ["a", "b", "c", "d", "r"] and text.decode(text.ids) == "abracadabra"
    rest, part = text.split(0.3)
    assert (rest.decode(rest.ids), part.decode(part.ids)) == ("abracada", "bra")
    assert part.classes == text.classes
    with pytest.raises(DataError, match="'xy' is not among the 5 known"):
        Text("xyab", text.classes)


def test_the_loader_gives_characters_and_their_successors():
    text = Text("".join(chr(97 + i % 26) for i in range(100)))
    loader = TextLoader(text, 9, 4, seed=3)
    epochs = [list(loader) for _ in range(2)]
    for batches in epochs:
        assert len(batches) == len(loader) and sum(x.numel() for x, _ in batches) == loader.count
        for x, y in batches:
            assert x.shape == y.shape and x.shape[1] == 9
            np.testing.assert_array_equal((x.array + 1) % 26, y.array)
    assert not np.array_equal(epochs[0][0][0].array, epochs[1][0][0].array)
    for (x, _), (z, _) in zip(epochs[1][1:], loader.iterate(1, start=1), strict=True):
        np.testing.assert_array_equal(x.array, z.array)
    straight = TextLoader(text, 9, shuffle=False)
    np.testing.assert_array_equal(np.concatenate([x.array.ravel() for x, _ in straight]), text.ids[:99])


def test_baselines():
    """A text in which pairs tell all: two characters in turn, and then one alone."""
    known = Text("ab" * 500)
    assert unigram_loss(known, known) == pytest.approx(math.log(2), abs=1e-6)
    assert bigram_loss(known, known) == pytest.approx(math.log(501 / 500), abs=1e-3)
