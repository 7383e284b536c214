"""CIFAR10, MNIST, ImageFolder and FakeData with torchvision's signatures, folders and contents."""

import gzip
import hashlib
import importlib
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tinynet.data import DataError, DataLoader
from tinynet.vision import datasets
from tinynet.vision import transforms as T

official = importlib.import_module("tinynet.data.mnist")
RNG = np.random.default_rng(0)


def md5(content):
    return hashlib.md5(content).hexdigest()


@pytest.fixture
def cifar(tmp_path, monkeypatch):
    """A folder in torchvision's layout, with four images a file, and their sums in the place of the official ones."""
    folder, sums = tmp_path / "cifar-10-batches-py", {}
    folder.mkdir()
    files = {name: {"data": RNG.integers(0, 256, (4, 3072), dtype=np.uint8), "labels": [3, 1, 2, 0]}
             for name in ("data_batch_1", "data_batch_2", "test_batch")}
    files["batches.meta"] = {"label_names": ["a", "b", "c", "d"]}
    for name, content in files.items():
        raw = pickle.dumps(content, protocol=4)
        (folder / name).write_bytes(raw)
        sums[name] = md5(raw)
    listed = [(name, sums[name]) for name in ("data_batch_1", "data_batch_2")]
    monkeypatch.setattr(datasets.CIFAR10, "train_list", listed)
    monkeypatch.setattr(datasets.CIFAR10, "test_list", [("test_batch", sums["test_batch"])])
    monkeypatch.setattr(datasets.CIFAR10, "meta", ("batches.meta", sums["batches.meta"]))
    return tmp_path, files


def test_cifar10_in_torchvisions_folder(cifar):
    root, files = cifar
    data = datasets.CIFAR10(str(root), train=True, transform=T.PILToTensor(), target_transform=lambda y: y + 10,
                            download=True)
    assert len(data) == 8 and data.data.shape == (8, 32, 32, 3) and data.targets[:4] == [3, 1, 2, 0]
    assert data.classes == ["a", "b", "c", "d"] and data.class_to_idx["c"] == 2
    image, label = data[5]
    assert label == 11 and image.array.tolist() == files["data_batch_2"]["data"][1].reshape(3, 32, 32).tolist()
    test = datasets.CIFAR10(root, train=False)
    assert isinstance(test[0][0], Image.Image) and test[0][0].size == (32, 32) and "Split: Test" in repr(test)
    assert next(iter(DataLoader(data, 8)))[0].shape == (8, 3, 32, 32)


def test_an_altered_file_is_never_unpickled(cifar, monkeypatch):
    root, _ = cifar
    (root / "cifar-10-batches-py" / "test_batch").write_bytes(pickle.dumps(print))
    monkeypatch.setattr(pickle, "Unpickler", None)
    with pytest.raises(DataError, match="test_batch is damaged or altered"):
        datasets.CIFAR10(root, train=False)


def test_even_an_official_pickle_gets_nothing_but_arrays(cifar, monkeypatch):
    root, _ = cifar
    raw = pickle.dumps({"data": os.system}, protocol=2)
    (root / "cifar-10-batches-py" / "test_batch").write_bytes(raw)
    monkeypatch.setattr(datasets.CIFAR10, "test_list", [("test_batch", md5(raw))])
    with pytest.raises(pickle.UnpicklingError, match="it asks for (posix|nt).system"):
        datasets.CIFAR10(root, train=False)


@pytest.mark.parametrize("kind", [datasets.CIFAR10, datasets.CIFAR100, datasets.MNIST, datasets.FashionMNIST],
                         ids=lambda kind: kind.__name__)
def test_what_is_not_there_is_said(kind, tmp_path):
    with pytest.raises(DataError, match=f"{kind.__name__}: there is no .*; download=True downloads the data set"):
        kind(tmp_path)


def test_the_other_official_layout_serves_as_well():
    root = os.environ.get("TINYNET_DATA")
    if root is None or not list(Path(root).glob("cifar-10-binary*")):
        pytest.skip("the folder TINYNET_DATA with cifar-10-binary.tar.xz is not at hand")
    data = datasets.CIFAR10(root, train=False)
    assert len(data) == 10_000 and data.classes[3] == "cat" and data.targets[0] == 3
    assert np.array_equal(np.asarray(data[0][0]), data.data[0])


@pytest.mark.parametrize("packed", [True, False], ids=["packed", "unpacked"])
@pytest.mark.parametrize("kind, files", [(datasets.MNIST, "MNIST"), (datasets.FashionMNIST, "FashionMNIST")])
def test_mnist_in_torchvisions_folder(kind, files, packed, tmp_path):
    pixels, labels = RNG.integers(0, 256, (3, 28, 28), dtype=np.uint8), np.array([7, 0, 9], np.uint8)
    folder = tmp_path / files / "raw"
    folder.mkdir(parents=True)
    for name, array in zip(official.PARTS[False], (pixels, labels)):
        raw = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()
        (folder / (name + ".gz" * packed)).write_bytes(gzip.compress(raw) if packed else raw)
    data = kind(tmp_path, train=False, transform=T.ToTensor())
    assert data.data.array.tolist() == pixels.tolist() and data.targets.tolist() == [7, 0, 9]
    image, label = data[2]
    assert image.shape == (1, 28, 28) and label == 9 and len(data.classes) == 10
    np.testing.assert_array_equal(image.array[0], pixels[2].astype(np.float32) / np.float32(255))


def test_mnist_with_fewer_labels_than_images(tmp_path):
    for name, array in zip(official.PARTS[True], (np.zeros((2, 28, 28), np.uint8), np.zeros(1, np.uint8))):
        header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
        (tmp_path / name).write_bytes(header + array.tobytes())
    with pytest.raises(DataError, match="expected images .* and N labels, got .2, 28, 28. and .1,."):
        datasets.MNIST(tmp_path)


def test_image_folder(tmp_path):
    for path in ("cat/2.png", "cat/sub/1.PNG", "ape/3.jpg"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 6), 200).save(tmp_path / path)
    (tmp_path / "ape" / "notes.txt").write_text("no image", encoding="utf-8")
    data = datasets.ImageFolder(tmp_path, transform=T.ToTensor())
    assert data.classes == ["ape", "cat"] and data.class_to_idx == {"ape": 0, "cat": 1} and data.targets == [0, 1, 1]
    assert [Path(path).name for path, _ in data.samples] == ["3.jpg", "2.png", "1.PNG"] and data.imgs == data.samples
    assert data[1][0].shape == (3, 6, 4) and data[1][1] == 1
    only = datasets.ImageFolder(tmp_path, is_valid_file=lambda path: path.endswith("txt"), allow_empty=True)
    assert len(only) == 1
    (tmp_path / "dog").mkdir()
    with pytest.raises(DataError, match="class 'dog' in .* has no file"):
        datasets.ImageFolder(tmp_path)
    with pytest.raises(DataError, match="expected a folder for each class"):
        datasets.ImageFolder(tmp_path / "dog")


def test_fake_data():
    data = datasets.FakeData(5, (3, 8, 6), num_classes=4, transform=T.PILToTensor())
    assert len(data) == 5 and data[4][0].shape == (3, 8, 6) and {label for _, label in data} <= set(range(4))
    assert data[2][0].array.tolist() == data[2][0].array.tolist() != data[3][0].array.tolist()
    with pytest.raises(IndexError, match="FakeData: expected an index from 0 to 4, got 5"):
        data[5]
