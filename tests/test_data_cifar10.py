import hashlib
import importlib
import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest

from tinynet.data import DataError, cifar10, official

module = importlib.import_module("tinynet.data.cifar10")
RECORDS = 30


@pytest.fixture
def batches(monkeypatch, tmp_path):
    """Six small batches by name, with their checksums in the place of the real ones, and an empty cache."""
    rng = np.random.default_rng(0)
    made = {}
    for names in (module.TRAIN_MD5, module.TEST_MD5):
        for name in names:
            records = rng.integers(0, 256, (RECORDS, module.RECORD), dtype=np.uint8)
            records[:, 0] %= 10
            made[name] = records.tobytes()
            for sums in (names, module.MD5):
                monkeypatch.setitem(sums, name, hashlib.md5(made[name]).hexdigest())
    monkeypatch.setattr(module, "BATCH_SIZE", RECORDS * module.RECORD)
    monkeypatch.setenv("TINYNET_CACHE", str(tmp_path / "cache"))
    return made


def write_folder(folder, batches):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in batches.items():
        (folder / name).write_bytes(content)
    return folder


def write_archive(path, batches, *others):
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = {".gz": "w:gz", ".xz": "w:xz", ".tar": "w"}[path.suffix]
    with tarfile.open(path, mode) as archive:
        for name, content in batches.items():
            member = tarfile.TarInfo(f"{module.FOLDER}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for member in others:
            archive.addfile(member)
    return path


def write_tar(folder, batches):
    write_archive(folder / "cifar-10-binary.tar", batches)


def check(batches, root):
    train, test = cifar10(root), cifar10(root, train=False)
    assert len(train) == 5 * RECORDS and len(test) == RECORDS and train.classes[3] == "cat"
    record = np.frombuffer(batches["data_batch_2.bin"], np.uint8)[4 * module.RECORD:][:module.RECORD]
    assert train.labels[RECORDS + 4] == record[0]
    red, green, blue = record[1:].reshape(3, 32, 32)
    assert np.array_equal(train.images[RECORDS + 4], np.stack([red, green, blue], axis=2))


@pytest.mark.parametrize("inside", [".", module.FOLDER])
def test_reads_a_folder(batches, tmp_path, inside):
    write_folder(tmp_path / "data" / inside, batches)
    check(batches, tmp_path / "data")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("name", module.ARCHIVES)
def test_reads_an_archive_and_keeps_a_copy_in_the_cache(batches, tmp_path, name, monkeypatch):
    archive = write_archive(tmp_path / "data" / name, batches)
    check(batches, str(tmp_path / "data"))
    assert os.listdir(tmp_path / "data") == [name]
    copies = list((tmp_path / "cache" / "data").glob("*/*.bin"))
    assert len(copies) == 6

    monkeypatch.setattr(tarfile, "open", None)      # from here on, the copy must do
    check(batches, archive)


def test_a_damaged_copy_is_made_again(batches, tmp_path):
    archive = write_archive(tmp_path / "any name.tar", batches)
    check(batches, archive)
    copies = list((tmp_path / "cache" / "data").glob("*/*.bin"))
    for copy in copies:
        copy.write_bytes(b"damaged")
    check(batches, archive)
    assert all(copy.read_bytes() == batches[copy.name] for copy in copies)


def test_a_cache_that_cannot_be_written_is_no_error(batches, tmp_path):
    archive = write_archive(tmp_path / "a.tar", batches)
    (tmp_path / "cache").write_text("a file in its place", encoding="utf-8")
    check(batches, archive)


def test_downloads_to_the_cache(batches, tmp_path):
    archive = write_archive(tmp_path / "server" / "cifar.tar.gz", batches)
    content = archive.read_bytes()
    source = dict(url=archive.as_uri(), size=len(content), md5=hashlib.md5(content).hexdigest())
    assert len(cifar10(source=source)) == 5 * RECORDS
    archive.unlink()
    check(batches, None)


def test_says_where_it_looked_when_it_cannot_be_downloaded(batches, tmp_path):
    source = dict(url=(tmp_path / "none").as_uri(), size=1, md5="")
    with pytest.raises(DataError, match="cifar10 is not in .*cache/data, and: cannot download file:.*root"):
        cifar10(source=source)


def altered(batches, name, change):
    content = bytearray(batches[name])
    change(content)
    return batches | {name: bytes(content)}


def flip(content):
    content[1234] ^= 1


def truncate(content):
    del content[-1:]


def lengthen(content):
    content.append(0)


def mislabel(content):
    content[7 * module.RECORD] = 10


@pytest.mark.parametrize("change, message", [
    (flip, "data_batch_3.bin in .* is damaged or altered: expected MD5 [0-9a-f]{32}, got [0-9a-f]{32}"),
    (truncate, "data_batch_3.bin in .* is truncated: expected 92,190 bytes, got 92,189"),
    (lengthen, "data_batch_3.bin .*92,190 bytes, got 92,191"),
    (mislabel, "data_batch_3.bin in .*: expected labels from 0 to 9, got 10 in record 7")])
@pytest.mark.parametrize("write", [write_folder, write_tar])
def test_damaged_batches(batches, tmp_path, change, message, write):
    write(tmp_path / "data", altered(batches, "data_batch_3.bin", change))
    with pytest.raises(DataError, match=message):
        cifar10(tmp_path / "data")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("write", [write_folder, write_tar])
def test_missing_batch(batches, tmp_path, write):
    del batches["data_batch_5.bin"]
    write(tmp_path / "data", batches)
    with pytest.raises(DataError, match="data_batch_5.bin is missing in .*data"):
        cifar10(tmp_path / "data")


@pytest.mark.parametrize("root", [".", "no such folder"])
def test_nothing_there(batches, tmp_path, root):
    with pytest.raises(DataError, match="nothing found at .*expected a folder with cifar-10-batches-bin"):
        cifar10(tmp_path / root)


def link(name, target):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, target
    return member


@pytest.mark.parametrize("member", [
    *map(tarfile.TarInfo, ["../evil", "a/../../evil", "/evil", "..\\evil"]),
    link("cifar-10-batches-bin/test_batch.bin", "/etc/passwd"), link("readme", "../..")], ids=str)
def test_archives_that_climb_out_are_refused(batches, tmp_path, member):
    archive = write_archive(tmp_path / "a.tar", batches, member)
    with pytest.raises(DataError, match="refused, it holds a (path out of the folder|link or device): "):
        cifar10(archive)
    assert os.listdir(tmp_path) == ["a.tar"]


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.xz"])
def test_archives_cut_off_anywhere_are_refused(batches, tmp_path, suffix):
    whole = write_archive(tmp_path / f"a{suffix}", batches).read_bytes()
    for length in np.linspace(0, len(whole) * 0.9, 20).astype(int):
        (tmp_path / f"b{suffix}").write_bytes(whole[:length])
        with pytest.raises(DataError, match="not a readable tar archive, or cut off|is missing in"):
            cifar10(tmp_path / f"b{suffix}")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.xz"])
def test_altered_archives_are_refused_or_read_right(batches, tmp_path, suffix):
    whole = write_archive(tmp_path / f"a{suffix}", batches).read_bytes()
    rng = np.random.default_rng(0)
    for trial in range(30):
        damaged = bytearray(whole)
        damaged[rng.integers(len(damaged)) if trial % 2 else rng.integers(600)] ^= 1 << rng.integers(8)
        (tmp_path / f"b{suffix}").write_bytes(damaged)
        try:
            check(batches, tmp_path / f"b{suffix}")
        except DataError as error:
            assert "b.tar" in str(error)


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    folder = os.environ.get("TINYNET_DATA")
    if not folder or official.find(module.files(), Path(folder)) is None:
        pytest.skip("CIFAR-10 itself is read where TINYNET_DATA names a folder that holds it")
    patch = pytest.MonkeyPatch()
    patch.setenv("TINYNET_CACHE", str(tmp_path_factory.mktemp("cache")))
    yield folder
    patch.undo()


@pytest.mark.slow
def test_the_real_thing(real):
    train, test = cifar10(real), cifar10(real, train=False)
    assert train.images.shape == (50_000, 32, 32, 3) and test.images.shape == (10_000, 32, 32, 3)
    assert set(np.bincount(train.labels)) == {5000} and set(np.bincount(test.labels)) == {1000}
    pixels = train.images[::10] / 255
    np.testing.assert_allclose(pixels.mean((0, 1, 2)), train.mean, atol=0.005)
    np.testing.assert_allclose(pixels.std((0, 1, 2)), train.std, atol=0.005)
