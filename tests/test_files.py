"""Atomic writing, digests, and errors of one clear sentence."""

import errno
import os
import pathlib
import stat
import subprocess
import sys

import pytest

from tinynet.system import files
from tinynet.system.files import AlteredFileError, atomic_write, check_digest, sha256_of, write_digest


def write(path, content):
    with atomic_write(path) as file:
        file.write(content)


def test_writes_and_replaces(tmp_path):
    path = tmp_path / "a.bin"
    write(path, b"old")
    write(str(path), b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_the_name_appears_only_at_the_end(tmp_path):
    path = tmp_path / "a.bin"
    with atomic_write(path) as file:
        file.write(b"half")
        file.flush()
        assert not path.exists()
    assert path.exists()


def test_permissions_are_those_of_any_new_file(tmp_path):
    (tmp_path / "plain").write_bytes(b"")
    write(tmp_path / "atomic", b"")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "atomic")]
    assert modes[0] == modes[1]


@pytest.mark.parametrize("error", [RuntimeError("no"), KeyboardInterrupt()])
def test_an_error_in_the_block_leaves_the_older_file(tmp_path, error):
    path = tmp_path / "a.bin"
    write(path, b"old")
    with pytest.raises(type(error)):
        with atomic_write(path) as file:
            file.write(b"half of the new")
            raise error
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_synced_before_it_is_renamed_and_the_folder_after(tmp_path, monkeypatch):
    calls = []
    fsync, replace = os.fsync, os.replace

    def watched_fsync(handle):
        calls.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    def watched_replace(*names):
        calls.append("rename")
        replace(*names)

    monkeypatch.setattr(files.os, "fsync", watched_fsync)
    monkeypatch.setattr(files.os, "replace", watched_replace)
    write(tmp_path / "a.bin", b"x")
    assert calls == ["file", "rename", "folder"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_full_disk(tmp_path, monkeypatch, step):
    path = tmp_path / "a.bin"
    write(path, b"old")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, step, full)
    with pytest.raises(OSError) as caught:
        write(path, b"new")
    assert str(caught.value) == f"cannot write {path}: the disk is full"
    assert caught.value.errno == errno.ENOSPC
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs the device /dev/full")
def test_a_really_full_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "open", lambda name, mode: open("/dev/full", "wb"), raising=False)
    with pytest.raises(OSError, match="the disk is full"):
        write(tmp_path / "a.bin", b"x" * 100_000)


def test_the_folder_is_a_file(tmp_path):
    (tmp_path / "runs").write_text("a file", encoding="utf-8")
    for path in (tmp_path / "runs" / "a.bin", tmp_path / "runs" / "b" / "a.bin"):
        with pytest.raises(NotADirectoryError) as caught:
            write(path, b"")
        assert str(caught.value) == f"cannot write {path}: {tmp_path / 'runs'} is a file, not a folder"


def test_the_folder_is_missing(tmp_path):
    path = tmp_path / "runs" / "a.bin"
    with pytest.raises(FileNotFoundError) as caught:
        write(path, b"")
    assert str(caught.value) == f"cannot write {path}: the folder {tmp_path / 'runs'} does not exist"


def test_the_folder_vanishes_while_writing(tmp_path):
    (tmp_path / "runs").mkdir()
    path = tmp_path / "runs" / "a.bin"
    with pytest.raises(FileNotFoundError, match="the folder .* does not exist"):
        with atomic_write(path) as file:
            file.write(b"x")
            for name in os.listdir(path.parent):
                os.unlink(path.parent / name)
            path.parent.rmdir()


def test_a_folder_in_the_files_place(tmp_path):
    (tmp_path / "a.bin").mkdir()
    with pytest.raises(OSError, match="a.bin: it is a folder"):
        write(tmp_path / "a.bin", b"")
    assert os.listdir(tmp_path) == ["a.bin"]


def test_no_permission(tmp_path, monkeypatch):
    def refused(name, mode):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(name))

    monkeypatch.setattr(files, "open", refused, raising=False)     # an administrator may write anywhere
    with pytest.raises(PermissionError) as caught:
        write(tmp_path / "a.bin", b"")
    assert str(caught.value) == f"cannot write {tmp_path / 'a.bin'}: no permission"


def test_errors_about_other_files_pass_unchanged(tmp_path):
    with pytest.raises(FileNotFoundError, match="No such file or directory: .*other"):
        with atomic_write(tmp_path / "a.bin"):
            open(tmp_path / "other", encoding="utf-8")


def test_a_killed_writer_leaves_the_older_file(tmp_path):
    path = tmp_path / "a.bin"
    write(path, b"old")
    program = ("import os, signal, sys\nfrom tinynet.system.files import atomic_write\n"
               "with atomic_write(sys.argv[1]) as file:\n"
               "    file.write(b'half'); file.flush(); os.kill(os.getpid(), signal.SIGKILL)\n")
    ended = subprocess.run([sys.executable, "-c", program, path])
    assert ended.returncode < 0
    assert path.read_bytes() == b"old"
    write(path, b"new")
    assert path.read_bytes() == b"new"


def test_digest(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"abc")
    assert sha256_of(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    write_digest(path)
    assert (tmp_path / "a.bin.sha256").read_text(encoding="utf-8") == f"{sha256_of(path)}  a.bin\n"
    check_digest(path)


@pytest.mark.parametrize("content", [b"ab", b"abd", b"", b"abcc"])
def test_an_altered_file_is_named(tmp_path, content):
    path = tmp_path / "a.bin"
    path.write_bytes(b"abc")
    write_digest(path)
    path.write_bytes(content)
    with pytest.raises(AlteredFileError, match="a.bin is truncated or altered"):
        check_digest(path)


@pytest.mark.parametrize("digest", [b"", b"no digest", b"\xff\x00" * 100, b"0" * 64])
def test_an_altered_digest_is_refused(tmp_path, digest):
    path = tmp_path / "a.bin"
    path.write_bytes(b"abc")
    (tmp_path / "a.bin.sha256").write_bytes(digest)
    with pytest.raises(AlteredFileError):
        check_digest(path)


def test_missing_files(tmp_path):
    path = tmp_path / "a.bin"
    with pytest.raises(FileNotFoundError, match="cannot read .*a.bin: there is no such file"):
        write_digest(path)
    path.write_bytes(b"abc")
    with pytest.raises(FileNotFoundError, match="cannot read .*a.bin.sha256: there is no such file"):
        check_digest(path)


def test_an_error_about_a_folder_above_is_a_sentence():
    with pytest.raises(PermissionError, match="cannot write runs/a/config.json: no permission"):
        with files.clear_errors("write", pathlib.Path("runs/a/config.json")):
            raise PermissionError(errno.EACCES, "Permission denied", "runs")
