"""CIFAR-100, MNIST and Fashion-MNIST: small files of the official form, with checksums of their own."""

import gzip
import hashlib
import importlib
import io
import tarfile

import numpy as np
import pytest

from tinynet.data import DataError, cifar100, fashion_mnist, load, mnist

RNG = np.random.default_rng(0)
idx_files, archives = (importlib.import_module(f"tinynet.data.{name}") for name in ("mnist", "cifar100"))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYNET_CACHE", str(tmp_path / "cache"))


def md5(content):
    return hashlib.md5(content).hexdigest()


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


@pytest.fixture(params=["packed", "unpacked"])
def digits(request, tmp_path, monkeypatch):
    """(folder, images, labels): the four files of MNIST, with 20 images to train and 8 to test."""
    images, labels = RNG.integers(0, 256, (28, 28, 28), np.uint8), np.arange(28, dtype=np.uint8) % 10
    folder = tmp_path / "mnist"
    folder.mkdir()
    arrays = dict(zip(idx_files.MNIST, (images[:20], labels[:20], images[20:], labels[20:])))
    sums = {}
    for name, array in arrays.items():
        raw = idx(array)
        packed = gzip.compress(raw)
        sums[name] = (len(packed), md5(packed), md5(raw))
        (folder / (f"{name}.gz" if request.param == "packed" else name)).write_bytes(
            packed if request.param == "packed" else raw)
    monkeypatch.setattr(idx_files, "MNIST", sums)
    return folder, images, labels


def test_mnist_is_read_from_its_official_files(digits):
    folder, images, labels = digits
    train, test = mnist(folder), load("mnist", False, folder)
    assert np.array_equal(train.images[..., 0], images[:20]) and np.array_equal(test.labels, labels[20:])
    assert train.classes == list("0123456789") and np.array_equal(train.mean, test.mean)


def test_a_damaged_or_missing_idx_file_is_named(digits):
    folder, *_ = digits
    path = next(folder.glob("train-images*"))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match="train-images.* is damaged or altered: expected MD5"):
        mnist(folder)
    path.unlink()
    with pytest.raises(DataError, match="train-images-idx3-ubyte or .*gz is missing"):
        mnist(folder)


def test_fashion_mnist_has_files_of_its_own(digits):
    with pytest.raises(DataError, match="fashion-mnist: .*damaged or altered"):
        fashion_mnist(digits[0])


@pytest.mark.parametrize("raw", [b"", b"\0\0\x08", b"\0\0\x0d\1\0\0\0\1x", b"\0\0\x08\1\0\0\0\2x", b"\0\0\x08\3\0\0"],
                         ids=["empty", "no axes", "floats", "too short", "cut header"])
def test_what_is_no_idx_file_is_refused(raw):
    with pytest.raises(DataError, match="a.idx: expected"):
        idx_files.idx("a.idx", raw)


@pytest.fixture
def hundred(monkeypatch):
    """The files of CIFAR-100 by name, with 40 images in each part."""
    made = {f"{kind}_label_names.txt": "\n".join(f"{kind}{i}" for i in range(count)).encode() + b"\n"
            for kind, count in (("fine", 100), ("coarse", 20))}
    sums = {}
    for name in archives.MD5:
        records = RNG.integers(0, 256, (40, archives.RECORD), dtype=np.uint8)
        records[:, 0] %= 20
        records[:, 1] %= 100
        made[name] = records.tobytes()
        sums[name] = md5(made[name])
    monkeypatch.setattr(archives, "MD5", sums)
    return made


@pytest.mark.parametrize("form", ["folder", "archive"])
def test_cifar100_has_fine_and_coarse_labels(hundred, tmp_path, form):
    root = tmp_path / "data" / archives.FOLDER
    root.mkdir(parents=True)
    if form == "folder":
        for name, content in hundred.items():
            (root / name).write_bytes(content)
    else:
        with tarfile.open(root / archives.ARCHIVES[0], "w:gz") as archive:
            for name, content in hundred.items():
                member = tarfile.TarInfo(f"{archives.FOLDER}/{name}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    fine, coarse = (load("cifar100", False, root, labels=kind) for kind in ("fine", "coarse"))
    record = np.frombuffer(hundred["test.bin"], np.uint8)[7 * archives.RECORD:][:archives.RECORD]
    assert (coarse.labels[7], fine.labels[7]) == tuple(record[:2]) and len(fine) == 40
    assert (fine.classes[3], coarse.classes[3]) == ("fine3", "coarse3") and len(fine.classes) == 100
    assert np.array_equal(fine.images[7], record[2:].reshape(3, 32, 32).transpose(1, 2, 0))


def test_a_damaged_cifar100_is_named(hundred, tmp_path):
    for name, content in hundred.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "train.bin").write_bytes(hundred["train.bin"][:-5])
    with pytest.raises(DataError, match="train.bin in .* is damaged or altered"):
        cifar100(tmp_path)
    with pytest.raises(DataError, match="labels fine or coarse, got 'rough'"):
        cifar100(tmp_path, labels="rough")
    with pytest.raises(DataError, match="nothing found at"):
        cifar100(tmp_path / "nowhere")


@pytest.mark.parametrize("labels, classes, expected, names", [
    ([1, 2, 3, 1], None, [0, 1, 2, 0], ["1", "2", "3"]),
    ([-1, 7, 900, 7], None, [0, 1, 2, 1], ["-1", "7", "900"]),
    (["dog", "cat", "dog", "ant"], None, [2, 1, 2, 0], ["ant", "cat", "dog"]),
    (["dog", "cat", "dog", "cat"], ["dog", "cat"], [0, 1, 0, 1], ["dog", "cat"]),
    ([1, 2, 3, 1], ["a", "b", "c"], [0, 1, 2, 0], ["a", "b", "c"]),
    ([0, 2, 2, 0], ["a", "b", "c"], [0, 2, 2, 0], ["a", "b", "c"]),
    ([[5], [4], [5], [4]], None, [1, 0, 1, 0], ["4", "5"]),
    ([True, False, True, True], None, [1, 0, 1, 1], ["False", "True"]),
], ids=["from 1", "gaps", "texts", "named texts", "named from 1", "named", "a column", "booleans"])
def test_labels_of_a_file_may_be_as_they_are(tmp_path, labels, classes, expected, names):
    images = np.zeros((4, 8, 8, 4), np.uint8)
    more = {} if classes is None else {"classes": classes}
    np.savez(tmp_path / "a.npz", x_train=images, y_train=labels, x_test=images[:2], y_test=labels[:2], **more)
    train, test = (load(tmp_path / "a.npz", train) for train in (True, False))
    assert train.labels.tolist() == expected and test.labels.tolist() == expected[:2]
    assert train.classes == test.classes == names


@pytest.mark.parametrize("labels, test_labels, classes, message", [
    ([1, 2, 3], [4], None, "expected labels among 1, 2, 3, got 4"),
    (["a", "b", "a"], [1], None, "numbers or strings, got both"),
    ([1, 5, 9], [1], ["a", "b"], "expected labels from 0 to 1, or 2 different ones, got 3"),
    ([0.5, 1, 2], [1], None, "whole numbers or strings, got .* of float64")],
    ids=["unknown", "two kinds", "too many", "fractions"])
def test_labels_that_do_not_fit_are_refused(tmp_path, labels, test_labels, classes, message):
    images = np.zeros((3, 8, 8), np.uint8)
    more = {} if classes is None else {"classes": classes}
    np.savez(tmp_path / "a.npz", x_train=images, y_train=labels, x_test=images[:1], y_test=test_labels, **more)
    with pytest.raises(DataError, match=message):
        load(tmp_path / "a.npz", False)


def test_an_npz_file_is_split_by_class(tmp_path):
    labels = np.repeat([3, 8, 9], [50, 10, 5])
    np.savez(tmp_path / "a.npz", images=np.zeros((65, 8, 8), np.uint8), labels=labels)
    assert np.bincount(load(tmp_path / "a.npz", False).labels).tolist() == [10, 2, 1]
