"""Files that ask for too much: each reader has bounds, and says which one was passed. Quickly, and in a sentence."""

import bz2
import gzip
import io
import json
import lzma
import os
import pathlib
import re
import struct
import sys
import tarfile
import tracemalloc
import zipfile

import numpy as np
import pytest

from tinynet import models
from tinynet.cli import main
from tinynet.data import DataError, ImageDataset, npz
from tinynet.data import archive as data_archive
from tinynet.data.archive import read_members
from tinynet.system import bounded_json, files
from tinynet.system.archives import Limited, open_decompressed, zip_directory_size
from tinynet.train import Settings
from tinynet.train.settings import read_recipe
from tinynet.weights import WeightFileError, load, save, safetensors_reader, torch_reader


def safetensors(header):
    return struct.pack("<Q", len(header)) + header


def peak_memory(act):
    """Bytes that Python's objects and NumPy's arrays took while `act` ran."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# JSON ------------------------------------------------------------------------------------------------------

JSON = {
    "too many lists": (b"[" + b"[]," * 1_100_000 + b"[]]", "1,100,002 lists and objects, more than 1,000,000"),
    "too deep": (b"[" * 5000 + b"]" * 5000, "nested 5,000 deep, more than 300"),
    "too deep, never closed": (b"[" * 100_000, "nested 100,000 deep, more than 300"),
    "too deep in objects": (b'{"a":' * 400 + b"1" + b"}" * 400, "nested 400 deep, more than 300"),
    "too long": (b'"' + b"a" * 5_000_000 + b'"', "more than the 4,000,000 bytes"),
    "not UTF-8": (b'{"a\xff": 1}', "not UTF-8"),
    "cut off": (b'{"a": ', "it is not JSON"),
    "empty": (b"", "it is not JSON"),
    "a huge number": (b"1" * 10_000, "it is not JSON"),
}


@pytest.mark.parametrize("name", JSON)
def test_json_has_bounds(name):
    raw, words = JSON[name]

    def refuse():
        with pytest.raises(ValueError, match=words):
            bounded_json.parse(raw, 4_000_000)

    assert peak_memory(refuse) < 12 * len(raw) + 3e6


def test_brackets_in_texts_do_not_count():
    value = {"a": "[" * 5000 + '\\"{', "b": ["\\", "]["]}
    assert bounded_json.parse(json.dumps(value).encode(), 10**6) == value


def test_what_save_writes_load_reads_and_the_rest_is_refused(tmp_path):
    for depth in (1, 40, 95, 150, 350, 900):
        nest = np.zeros(2)
        for _ in range(depth):
            nest = {"a": nest}
        try:
            save(nest, tmp_path / "nest")
        except ValueError as error:
            assert depth > 90 and "nest" in str(error)
        else:
            assert depth < 100
            load(tmp_path / "nest")


# Files that are none ---------------------------------------------------------------------------------------

READERS = {
    "weights": load,
    "settings": Settings.read,
    "recipe": lambda path: read_recipe(str(path)),
    "network": models.build,
    "pictures": npz,
    "text": lambda path: files.read_text(path, 1000),
    "digest": files.sha256_of,
    "archive": lambda path: read_members(path, {"a"}, 10),
}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("kind", ["pipe", "device"])
@pytest.mark.parametrize("reader", READERS)
def test_pipes_and_devices_are_refused(reader, kind, tmp_path):
    path = tmp_path / "file.toml"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises((OSError, ValueError), match="it is a pipe, socket or device, not a file"):
        READERS[reader](path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_on_the_command_line_a_pipe_ends_in_a_sentence(tmp_path, capsys):
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    for words in (["eval", pipe], ["summary", pipe], ["train", "--model", pipe], ["train-text", "--text", pipe]):
        assert main([str(word) for word in words]) == 1
        message = capsys.readouterr().err
        assert "it is a pipe, socket or device" in message and message.count("\n") == 1


# Weight files ----------------------------------------------------------------------------------------------


def zip_of(count):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for i in range(count):
            archive.writestr(f"name/data/{i}", b"")
    return buffer.getvalue()


WEIGHTS = {
    "many lists in the header": (safetensors(b'{"a": [' + b"[]," * 1_000_000 + b"[]]}"), "1,000,003 lists and objects"),
    "a deep header": (safetensors(b'{"a": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"), "nested 50,001 deep"),
    "a deep structure": (safetensors(b'{"__metadata__": {"tinynet": "' + b"[" * 9000 + b'"}}'), "nested 9,000 deep"),
    "a long header": (safetensors(b"{" + b" " * 16_000_000), "more than the 16,000,000 that are read"),
    "an unknown number": (b"PK\5\6" + b"\xff" * 18, "it is damaged"),
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_weight_files_have_bounds(name, tmp_path):
    content, words = WEIGHTS[name]
    path = tmp_path / "weights"
    path.write_bytes(content)
    with pytest.raises(WeightFileError, match=words) as refused:
        load(path)
    assert len(str(refused.value)) < 400 and "\n" not in str(refused.value)


def test_tensors_are_counted(tmp_path, monkeypatch):
    path = tmp_path / "weights"
    save({str(i): np.zeros(0) for i in range(30)}, path)
    monkeypatch.setattr(safetensors_reader, "MAX_TENSORS", 29)
    with pytest.raises(WeightFileError, match="it holds 30 tensors, more than the 29 that are read"):
        load(path)


def test_the_directory_of_a_zip_file_is_measured_before_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "weights.pth"
    content = zip_of(50)
    monkeypatch.setattr(torch_reader, "MAX_DIRECTORY", 1000)
    for announced in (content, content + b"PK\5\6", content[:-2] + b"\x04\0" + b"PK\5\6"):     # hidden by a later mark
        path.write_bytes(announced)
        with pytest.raises(WeightFileError, match="the directory of its archive has more than 1,000 bytes"):
            load(path)


def test_a_zip64_directory_is_measured(monkeypatch):
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 10)                 # of this size on, zipfile writes zip64
    content = zip_of(50)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        expected = sum(46 + len(entry.filename) + len(entry.extra) for entry in archive.infolist())
    assert zip_directory_size(io.BytesIO(content), len(content)) == expected
    assert zip_directory_size(io.BytesIO(b"no zip"), 6) == 0


# Archives and data -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress, bz2.compress, bytes])
def test_what_an_archive_unpacks_to_is_limited(compress):
    packed = compress(b"a" * 10_000)
    assert len(open_decompressed(io.BytesIO(packed), 10_000).read(20_000)) == 10_000
    with pytest.raises(OSError, match="it unpacks to more than the 9,999 bytes that are read"):
        open_decompressed(io.BytesIO(packed), 9_999).read(20_000)


def tar_of(members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def test_tar_archives_have_bounds(tmp_path, monkeypatch):
    path = tmp_path / "a.tar.gz"
    path.write_bytes(tar_of([("big", bytes(3_000_000))]))
    monkeypatch.setattr(data_archive, "MAX_UNPACKED", 1_000_000)
    with pytest.raises(DataError, match="it unpacks to more than the 1,000,000 bytes"):
        read_members(path, {"a"}, 10)
    path.write_bytes(tar_of((str(i), b"") for i in range(20)))
    monkeypatch.setattr(data_archive, "MAX_MEMBERS", 10)
    with pytest.raises(DataError, match="expected at most 10 files in the archive, found more"):
        read_members(path, {"a"}, 10)


def test_an_npz_file_that_swells_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, images=np.zeros((1000, 32, 32), np.uint8), labels=np.zeros(1000, np.int64))
    npz(path)
    monkeypatch.setattr(sys.modules["tinynet.data.arrays"], "MAX_UNPACKED", 10_000)
    with pytest.raises(DataError, match=r"it unpacks to 1,032,\d+ bytes, more than the \d+,\d+ that are read"):
        npz(path)


def test_labels_are_limited():
    images = np.zeros((3, 4, 4, 1), np.uint8)
    with pytest.raises(DataError, match="expected labels from 0 to 9999, got 1000000000 at image 2"):
        ImageDataset(images, [0, 1, 10**9])


# Networks --------------------------------------------------------------------------------------------------

NETWORKS = {
    "blocks": ({"blocks": [10**9], "channels": [8]}, "blocks: expected .* at most 1,000: the blocks of each stage"),
    "stages": ({"blocks": [1] * 101, "channels": [8] * 101}, "blocks: expected a list of 1 to 100 positive integers"),
    "channels": ({"blocks": [1], "channels": [10**8]}, "channels: expected .* at most 100,000"),
    "true": ({"blocks": [True], "channels": [8]}, "blocks: expected a list"),
    "text": ({"blocks": "11", "channels": [8, 8]}, "blocks: expected a list"),
    "images of many channels": ({"blocks": [1], "channels": [8], "in_channels": 10**7}, "in_channels: expected"),
    "classes": ({"blocks": [1], "channels": [8], "head": {"num_classes": 10**9}}, "num_classes: expected"),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_have_bounds(name, tmp_path, capsys):
    config, words = NETWORKS[name]
    path = tmp_path / "network.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ValueError, match=f"network.json: (head: )?{words}"):
        models.build(path)
    assert main(["summary", str(path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("name", JSON)
def test_damaged_json_ends_in_a_sentence_on_the_command_line(name, tmp_path, capsys):
    folder = tmp_path / "run"
    folder.mkdir()
    path = folder / "config.json"
    path.write_bytes(JSON[name][0])
    resume = ["--resume", "--out", folder]
    for words in (["summary", path], ["train", *resume], ["train-text", *resume]):
        assert main([str(word) for word in words]) == 1
        message = capsys.readouterr().err
        assert str(path) in message and message.count("\n") == 1 and len(message) < 600


def test_a_deep_recipe_ends_in_a_sentence(tmp_path, capsys):
    path = tmp_path / "deep.toml"
    path.write_text("lr = " + "[" * 20_000, encoding="utf-8")
    assert main(["train", "--recipe", str(path)]) == 1
    assert "not a recipe" in capsys.readouterr().err


def test_too_little_memory_ends_in_a_sentence(capsys, monkeypatch):
    from tinynet.commands import info

    def run(args):
        raise MemoryError("Unable to allocate 8 TiB")

    monkeypatch.setattr(info, "run", run)
    assert main(["info"]) == 1
    assert capsys.readouterr().err == "tinynet info: error: not enough memory: Unable to allocate 8 TiB\n"


def test_info_names_the_packages_that_come_with_tinynet_and_no_others(capsys, monkeypatch):
    import configparser
    import importlib.metadata

    setup = configparser.ConfigParser()
    setup.read(pathlib.Path(__file__).parents[1] / "setup.cfg", encoding="utf-8")
    required = {re.split("[<>=]", line)[0] for line in setup["options"]["install_requires"].split()}

    def version(name):
        if name not in required | {"llvmlite"}:                                # llvmlite comes with numba
            raise importlib.metadata.PackageNotFoundError(name)
        return f"version of {name}"

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    assert all(f"version of {name}" in out for name in required)


def test_limited_counts_all_reads():
    limited = Limited(io.BytesIO(b"abcdef"), 5)
    assert limited.read(3) == b"abc"
    with pytest.raises(OSError):
        limited.read(3)


def test_a_text_is_read_as_utf8_with_any_line_ends(tmp_path):
    path = pathlib.Path(tmp_path / "t")
    path.write_bytes("\ufeffÄ→한\r\nb".encode())
    assert files.read_text(path, 100) == "Ä→한\nb"
    with pytest.raises(ValueError, match="expected at most 5 bytes, found more"):
        files.read_text(path, 5)
