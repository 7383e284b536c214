"""From a folder of images to a network that others can run: the commands as a user meets them."""

import csv
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from image_files import KINDS, write_folder
from PIL import Image

import tinynet
from tinynet import data
from tinynet.cli import main
from tinynet.data import pixel_cache
from tinynet.deploy.card import Card, read_card
from tinynet.train import Settings, best, fine_tune
from tinynet.train.suited import suited

ROOT = pathlib.Path(__file__).parents[1]


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """A cache of pixels of their own; the compiled kernels stay where they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pixel_cache, "data_folder", lambda folder=tmp_path_factory.mktemp("cache"): folder)
        yield


@pytest.fixture(scope="module")
def pets(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("data") / "my pets", 40)


@pytest.fixture(scope="module")
def trained(pets, tmp_path_factory):
    """The folder of a run, made in another folder than the data's, which it names by a relative path."""
    here = tmp_path_factory.mktemp("here")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(pets.parent)
        assert main(["train", "--data", "my pets", "--epochs", "10", "--out", str(here / "run")]) == 0
    return here / "run"


def accuracy(text):
    return float(re.findall(r"test accuracy ([\d.]+) %", text)[-1])


def test_a_run_on_own_images_learns_and_stands_alone(pets, trained, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained, tmp_path / "elsewhere")
    assert main(["eval", "elsewhere"]) == 0
    assert accuracy(capsys.readouterr().out) > 90           # of 24 images
    names = {path.name for path in trained.iterdir()}
    assert {"model.safetensors", "best.safetensors", "report.html", "confusion.png", "curves.png"} <= names
    card = read_card(trained / "model.safetensors")
    assert card.classes == sorted(KINDS) and card.size == [32, 32] and card.channels == 3 and card.model == "resnet8"
    page = (trained / "report.html").read_text(encoding="utf-8")
    assert not re.findall(r"(?:src|href)=\"(?!data:)", page)
    for word in ("my pets", *KINDS, "By class", "--resume", "data:image/png"):
        assert word in page


def test_predict_says_what_is_on_images(pets, trained, tmp_path, capsys):
    image, folder = pets / "disc" / "001.jpg", pets / "cross"
    assert main(["predict", str(trained), str(image), str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 41 and re.fullmatch(r".*001.jpg: disc \d+\.\d %, \w+ \d+\.\d %, \w+ \d+\.\d %", lines[0])
    assert sum(": cross " in line for line in lines[1:]) > 20
    assert main(["predict", str(trained), str(image), "--csv"]) == 0
    row, = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row["class"] == "disc" and sum(float(row[kind]) for kind in KINDS) == pytest.approx(1, abs=1e-4)
    assert main(["predict", str(trained), str(image), "--json", "--sheet", str(tmp_path / "sheet.png")]) == 0
    scores, = json.loads(capsys.readouterr().out).values()
    assert next(iter(scores)) == "disc" and (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")


def test_a_damaged_image_does_not_keep_the_others_from_their_prediction(pets, trained, tmp_path, capsys):
    (tmp_path / "bad.png").write_text("a text", encoding="utf-8")
    assert main(["predict", str(trained), str(tmp_path / "bad.png"), str(pets / "disc" / "000.png")]) == 1
    said = capsys.readouterr()
    assert "000.png: disc" in said.out and "bad.png: it is not an image" in said.err


@pytest.mark.parametrize("words, message", [
    (["nothing", "a.png"], "no such file or folder"), (["RUN", "a.png"], "a.png"),
    (["RUN", "EMPTY"], "no image in this folder"), (["RUN", "IMAGE", "--sheet", "x.txt"], "ends in .png"),
    (["EMPTY", "IMAGE"], "there are no weights in it"),
    (["IMAGE", "IMAGE"], "neither a safetensors file|say which network"),
], ids=["no run", "no image", "an empty folder", "a sheet of text", "no weights", "an image for a run"])
def test_predict_refuses_in_a_sentence(pets, trained, tmp_path, capsys, words, message):
    places = {"RUN": trained, "EMPTY": tmp_path, "IMAGE": pets / "disc" / "000.png"}
    assert main(["predict", *(str(places.get(word, word)) for word in words)]) == 1
    said = capsys.readouterr().err
    assert re.search(message, said) and "Traceback" not in said


def test_in_python_images_come_in_every_form(pets, trained):
    classifier = tinynet.load_run(trained)
    path = pets / "disc" / "000.png"
    from_path = classifier.predict(path)
    assert from_path.label == "disc" and 0.5 < from_path.probability <= 1
    assert sum(from_path.scores.values()) == pytest.approx(1, abs=1e-5)
    assert str(from_path).startswith("disc ")
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"))
        same = [classifier.predict(form) for form in (
            image, pixels, pixels / 255, pixels.transpose(2, 0, 1), tinynet.tensor(pixels.copy()), str(path))]
        gray = classifier.predict(pixels[..., 0])
    for other in same:
        assert other.scores == pytest.approx(from_path.scores, abs=1e-4)
    assert len(gray.scores) == 3
    assert [p.label for p in classifier.predict([path, pets / "cross" / "000.png"])] == ["disc", "cross"]
    for wrong in (3, np.zeros(5), np.full((8, 8, 3), 2.0), np.zeros((8, 8, 7, 7))):
        with pytest.raises(data.DataError, match="predict: expected"):
            classifier.predict(wrong)


def test_eval_on_another_folder_writes_a_report(trained, tmp_path, capsys):
    more = write_folder(tmp_path / "more", 6, ("disc", "cross"), seed=5)
    assert main(["eval", str(trained), "--data", str(more), "--out", str(tmp_path / "report")]) == 0
    said = capsys.readouterr().out
    assert "12 of 32x32x3" in said and "most often taken for" in said
    assert all(len(line) <= 80 for line in said.splitlines()[1:-2])
    assert {"report.html", "confusion.png"} <= {path.name for path in (tmp_path / "report").iterdir()}
    write_folder(more, 2, ("dragon",))
    assert main(["eval", str(trained), "--data", str(more)]) == 1
    assert "does not know the classes dragon" in capsys.readouterr().err


def test_folding_and_quantizing_keep_what_the_network_says(pets, trained, tmp_path, capsys):
    image = str(pets / "stripes" / "000.png")
    for form in ("folded", "quantized"):
        out = str(tmp_path / f"{form}.safetensors")
        assert main([form.removesuffix("ed") if form == "folded" else "quantize", str(trained), "--out", out]) == 0
        said = capsys.readouterr().out
        assert "plain" in said and form in said and "time per image" in said
        assert main(["eval", out, "--data", str(pets)]) == 0
        assert accuracy(capsys.readouterr().out) > 85
        assert tinynet.load_run(out).predict(image).label == "stripes"
        assert main(["fold", out]) == 1
        assert f"these are {form}" in capsys.readouterr().err
    plain, small = trained / "model.safetensors", tmp_path / "quantized.safetensors"
    assert small.stat().st_size < 0.4 * plain.stat().st_size


@pytest.mark.parametrize("fold", [False, True], ids=["as it is", "folded"])
def test_the_export_says_the_same_in_onnxruntime(pets, trained, tmp_path, fold, capsys):
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    pytest.importorskip("onnx", reason="needs onnx")
    out = str(tmp_path / "pets.onnx")
    assert main(["export", str(trained), "--out", out, *(["--fold"] if fold else [])]) == 0
    classifier, session = tinynet.load_run(trained), onnxruntime.InferenceSession(out)
    images = data.load(str(pets), train=False).images[:7]
    batch = np.ascontiguousarray(classifier.normalize(images).transpose(0, 3, 1, 2))
    scores, = session.run(["scores"], {"images": batch})
    with tinynet.no_grad():
        expected = classifier.model(tinynet.tensor(batch)).array
    assert np.abs(scores - expected).max() < 1e-5 * np.abs(expected).max()
    assert json.loads(session.get_modelmeta().custom_metadata_map["classes"]) == classifier.classes


def test_it_resumes_from_another_folder_with_more_epochs(pets, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(pets.parent)
    words = ["train", "--model", "resnet8", "--batch-size", "16", "--lr", "0.03"]
    assert main([*words, "--data", "my pets", "--epochs", "1", "--out", str(tmp_path / "run")]) == 0
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--resume", "--out", "run", "--epochs", "2"]) == 0
    rows = list(csv.DictReader((tmp_path / "run" / "metrics.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["epoch"] for row in rows] == ["1", "2"] and rows[0]["validation_accuracy"]
    monkeypatch.chdir(pets.parent)
    assert main(["train", "--resume", "--out", str(tmp_path / "run"), "--data", "my pets"]) == 0


def damage(root, kind):
    """Spoil the folder in one way; returns what the error should say."""
    if kind == "a text named .png":
        (root / "disc" / "bad.png").write_text("no image", encoding="utf-8")
        return "1 of 10 images cannot be read: disc/bad.png"
    if kind == "a truncated JPEG":
        path = root / "disc" / "001.jpg"
        path.write_bytes(path.read_bytes()[:400])
        return "1 of 9 images cannot be read: disc/001.jpg"
    if kind == "an empty class":
        (root / "dragon").mkdir()
        return "no image in the folder of class dragon"
    if kind == "one class":
        for name in ("disc", "cross"):
            shutil.rmtree(root / name)
        return "at least 2 classes"
    if kind == "two images":
        for path in root.rglob("*.*"):
            if path.name != "000.png" or path.parent.name == "cross":
                path.unlink()
        (root / "cross").rmdir()
        return "has 1 image"
    if kind == "100 megapixels":
        Image.new("1", (10_000, 10_000)).save(root / "disc" / "large.png")
        return "disc/large.png: it has 10000 x 10000 pixels"
    if kind == "a circle of links":
        os.symlink(root, root / "disc" / "again")
        return "links lead in a circle"
    raise ValueError(kind)


@pytest.mark.parametrize("kind", ["a text named .png", "a truncated JPEG", "an empty class", "one class", "two images",
                                  "100 megapixels", "a circle of links"])
def test_damaged_data_ends_in_a_sentence_and_leaves_nothing(tmp_path, monkeypatch, capsys, kind):
    root = write_folder(tmp_path / "Öl & Bild", 3)
    expected = damage(root, kind)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert main(["train", "--data", str(root)]) == 1
    said = capsys.readouterr().err
    assert expected in said and said.count("\n") == 1 and said.startswith("tinynet train: error: ")
    assert list((tmp_path / "here").iterdir()) == []


@pytest.mark.parametrize("words, message", [
    (["--data", "shapes", "--size", "64"], "size: this is an option of a folder"),
    (["--data", "PETS", "--model", "vit_small32", "--size", "30"], "divisible by patch_size"),
    (["--data", "PETS", "--size", "2"], "size: expected a value of at least 4"),
    (["--data", "PETS", "--fit", "stretch"], "fit: expected crop, pad"),
    (["--data", "PETS", "--freeze", "body"], "needs weights to start from"),
    (["--data", "PETS", "--weights", "nothing"], "no such file or folder"),
    (["--data", "PETS", "--weights", "resnet20-cifar10", "--model", "resnet8"], "do not fit the network"),
    (["--data", "PETS", "--early-stop", "2", "--validation", "0"], "early_stop: expected images"),
    (["--data", "PETS", "--validation", "5000"], "cannot set"),
    (["--data", "PETS", "--validation", "2.5"], "share below 1 or a number"),
    (["--data", "nowhere/"], "no data set 'nowhere/'"),
], ids=["a size for shapes", "no whole patches", "too small", "no such fit", "nothing to freeze", "no weights",
        "another network", "nothing to stop by", "too much validation", "half an image", "no data"])
def test_settings_that_cannot_work_leave_nothing(pets, tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    assert main(["train", *(str(pets) if word == "PETS" else word for word in words)]) == 1
    said = capsys.readouterr().err
    assert re.search(message, said.splitlines()[-1]) and "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


def test_gray_images_of_28_pixels_can_be_trained_and_predicted(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    labels = np.array(["dark", "light"])[rng.integers(0, 2, 60)]
    images = rng.integers(0, 100, (60, 28, 28)) + np.where(labels == "light", 150, 0)[:, None, None]
    np.savez("gray.npz", x=images.astype(np.uint8), y=labels)
    assert main(["train", "--data", "gray.npz", "--epochs", "3"]) == 0
    assert "28x28x1, 2 classes" in capsys.readouterr().out
    classifier = tinynet.load_run("runs/resnet8-gray-1")
    assert classifier.classes == ["dark", "light"] and classifier.card.channels == 1
    assert len(classifier.predict(images[0].astype(np.uint8)).scores) == 2


def test_fine_tuning_keeps_the_body_and_makes_a_new_head(pets, tmp_path, capsys):
    out = tmp_path / "run"
    words = ["train", "--data", str(pets), "--weights", "resnet20-cifar10", "--freeze", "body", "--epochs", "2"]
    assert main([*words, "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert "resnet20, " in said.out and "fc.weight (3, 64) is new" in said.err
    before, after = (tinynet.load_run(name).model.state_dict() for name in ("resnet20-cifar10", out))
    assert all(np.array_equal(after[name].array, before[name].array) for name in before
               if not name.startswith("fc.") and not name.endswith("num_batches_tracked"))
    assert read_card(out / "model.safetensors").mean == pytest.approx([0.4914, 0.4822, 0.4465])


def test_a_colour_network_starts_a_gray_one():
    source = tinynet.models.resnet8()
    model = tinynet.models.resnet8(num_classes=4, in_channels=1)
    fine_tune.start_from(model, source.state_dict(), "test")
    assert np.allclose(model.conv1.weight.array[:, 0], source.conv1.weight.array.sum(1), atol=1e-6)


def test_the_best_epoch_wins_and_patience_ends():
    rows = [{"epoch": i + 1, "validation_accuracy": a, "validation_loss": b}
            for i, (a, b) in enumerate([(0.5, 1.0), (0.9, 0.5), (0.9, 0.4), (0.8, 0.1)])]
    assert best.best_row(rows)["epoch"] == 3 and best.best_row(rows, "loss")["epoch"] == 4
    assert best.epochs_since_best(rows) == 1 and best.best_row([{"epoch": 1}]) is None


def test_early_stop_ends_the_run_with_the_best_weights(pets, tmp_path, capsys):
    out = tmp_path / "run"
    words = ["train", "--data", str(pets), "--epochs", "8", "--early-stop", "1", "--lr", "0", "--out", str(out)]
    assert main(words) == 0
    assert "stopped after epoch 2" in capsys.readouterr().out
    assert read_card(out / "model.safetensors") == read_card(out / "best.safetensors")


def test_tensorboard_gets_the_numbers(pets, tmp_path):
    pytest.importorskip("tensorboardX", reason="needs tensorboardX")
    out = tmp_path / "run"
    assert main(["train", "--data", str(pets), "--epochs", "1", "--tensorboard", "--out", str(out)]) == 0
    assert any(path.stat().st_size > 100 for path in (out / "tensorboard").iterdir())


def test_few_images_get_small_batches_and_many_epochs():
    few, many = (suited(Settings(), {}, count) for count in (100, 50_000))
    assert (few.batch_size, few.epochs) == (16, 40) and (many.batch_size, many.epochs) == (128, 8)
    assert suited(Settings(epochs=3), {"epochs": 3}, 100).epochs == 3


@pytest.mark.parametrize("change", [
    {"classes": []}, {"classes": [1, 2]}, {"size": [32]}, {"size": [0, 32]}, {"mean": [0.5]}, {"std": [0, 1, 1]},
    {"form": "melted"}, {"channels": 7}, {"model": 5}, {"fit": None}], ids=str)
def test_a_card_that_is_wrong_is_refused_by_name(change):
    values = {"model": "resnet8", "options": {}, "classes": ["a", "b"], "channels": 3, "size": [32, 32],
              "mean": [0.5] * 3, "std": [0.2] * 3}
    with pytest.raises(ValueError, match=f"x.safetensors: its description of the network.*{next(iter(change))}"):
        Card.of({**values, **change}, "x.safetensors")


def test_weights_of_another_network_than_they_say_are_refused(trained, tmp_path):
    card = read_card(trained / "model.safetensors")
    card.model = "resnet14"
    path = tmp_path / "wrong.safetensors"
    tinynet.save(tinynet.load(trained / "model.safetensors"), path, metadata=card.metadata())
    with pytest.raises(ValueError, match="not those of the network that it names"):
        tinynet.load_run(path)


def test_bare_tinynet_lists_the_commands(capsys):
    assert main([]) == 0
    said = capsys.readouterr().out
    assert "predict" in said and "export" in said and all(len(line) <= 80 for line in said.splitlines())
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0 and tinynet.__version__ in capsys.readouterr().out


def test_a_log_file_gets_lines_and_no_carriage_returns(pets, tmp_path):
    words = ["train", "--data", str(pets), "--epochs", "1", "--out", str(tmp_path / "run")]
    done = subprocess.run([sys.executable, "-m", "tinynet", *words], capture_output=True, cwd=tmp_path,
                          env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=200)
    assert done.returncode == 0 and b"\r" not in done.stdout + done.stderr
    assert all(len(line) <= 80 for line in done.stdout.splitlines() if line.startswith(b"epoch"))


def test_the_time_that_is_left_does_not_count_the_compiling(monkeypatch, capsys):
    from tinynet.system import progress

    clock = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    lines = progress.Lines(1000, "images", "", 0)
    for seconds, count in ((100, 10), (110, 10), (125, 30)):              # the first update comes after compiling
        clock[0] = seconds
        lines.update(count)
    first, second = capsys.readouterr().err.splitlines()
    assert first == "tinynet: 1 % of 1,000 images"
    assert second == "tinynet: 5 % of 1,000 images, 10 min left"          # 950 images at 40 in 25 s


def test_the_report_keeps_the_direction_of_each_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "pets", 4, ("قطة", "dog"))
    assert main(["train", "--data", "pets", "--epochs", "1"]) == 0
    page = (tmp_path / "runs" / "resnet8-pets-1" / "report.html").read_text(encoding="utf-8")
    names, paths = page.count("<bdi>قطة"), page.count('<bdi dir="ltr">قطة/')
    assert names > 1 and page.count("قطة") == names + paths


def test_names_in_any_script_reach_the_report(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "дом", 4, ("кошка", "犬 & 猫"))
    assert main(["train", "--data", "дом", "--epochs", "1"]) == 0
    page = (tmp_path / "runs" / "resnet8-дом-1" / "report.html").read_text(encoding="utf-8")
    assert "кошка" in page and "犬 &amp; 猫" in page
    assert tinynet.load_run("runs/resnet8-дом-1").classes == ["кошка", "犬 & 猫"]
