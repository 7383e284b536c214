"""The cache of compiled kernels: whatever happens to its files and folders, kernels give the right answer."""

import errno
import os
import pathlib
import pickle
import signal
import subprocess
import sys
import time

import numba
import numpy as np
import pytest

from tinynet.kernels.machine import cache, compile
from tinynet.kernels.machine.cache import Folder, KernelCache
from tinynet.system import folders

ROOT = pathlib.Path(__file__).parents[1]
posix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="owners and permissions are POSIX's")
needs_compiler = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled")


def double(x):
    return x * 2


def run(folder):
    """Calls a kernel in a process that has not compiled it, so to say; returns whether it came from the cache."""
    kernel = numba.njit(double)
    kernel._cache = KernelCache(double, folder)
    assert kernel(21) == 42
    return sum(kernel._cache_hits.values()) == 1


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "tinynet", "hash")


def kernel_file(folder):
    file, = folder.path.glob("*.kernel")
    return file


@needs_compiler
def test_a_kernel_is_compiled_once(folder):
    assert folder.is_empty()
    assert [run(folder) for _ in range(3)] == [False, True, True]
    assert not folder.is_empty() and list(folder.path.glob("*.tmp")) == []


def other_version(content):
    """A file that is whole, but of something that this version cannot use."""
    data = pickle.dumps(("from", "another", "version"))
    return cache.hashlib.sha256(data).digest() + data


DAMAGES = {
    "empty": lambda content: b"",
    "cut off in the checksum": lambda content: content[:20],
    "cut off": lambda content: content[:len(content) // 2],
    "longer": lambda content: content + b"x",
    "one bit": lambda content: content[:-100] + bytes([content[-100] ^ 1]) + content[-99:],
    "random": lambda content: np.random.default_rng(0).bytes(len(content)),
    "of another version": other_version,
}


@needs_compiler
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_compiled_anew(folder, damage, capsys):
    run(folder)
    file = kernel_file(folder)
    file.write_bytes(DAMAGES[damage](file.read_bytes()))
    assert [run(folder) for _ in range(2)] == [False, True]
    assert capsys.readouterr().err == ""


@needs_compiler
@pytest.mark.parametrize("make", [os.mkdir, getattr(os, "mkfifo", os.mkdir)], ids=["folder", "pipe"])
def test_what_is_no_file_is_not_read(folder, make):
    run(folder)
    file = kernel_file(folder)
    file.unlink()
    make(file)
    assert not run(folder)


@needs_compiler
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES],
                         ids=["full disk", "quota", "read-only", "forbidden"])
@pytest.mark.parametrize("step", ["mkstemp", "write", "replace"])
def test_what_cannot_be_kept_costs_only_that_and_a_line(folder, number, step, monkeypatch, capsys):
    def fail(*args, **options):
        raise OSError(number, os.strerror(number))

    class Full:
        def __init__(self, handle, mode):
            os.close(handle)

        def __enter__(self):
            return self

        def __exit__(self, *exception):
            pass

        write = fail
    holder, name, value = {"mkstemp": (cache.tempfile, "mkstemp", fail), "write": (cache, "open", Full),
                           "replace": (cache.os, "replace", fail)}[step]
    with monkeypatch.context() as patch:
        patch.setattr(holder, name, value, raising=False)
        assert [run(folder) for _ in range(3)] == [False] * 3
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("tinynet: compiled kernels are not kept: " + os.strerror(number))
    assert list(folder.path.glob("*")) == []
    assert [run(folder) for _ in range(2)] == [False, True]


@needs_compiler
def test_what_is_readable_in_a_read_only_cache_is_used(folder, monkeypatch, capsys):
    run(folder)

    def fail(*args, **options):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))
    monkeypatch.setattr(cache.tempfile, "mkstemp", fail)
    monkeypatch.setattr(pathlib.Path, "mkdir", fail)
    assert run(folder) and capsys.readouterr().err == ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_process_killed_while_it_writes_leaves_whole_files(folder):
    contents = [bytes([i]) * 2_000_000 for i in range(2)]
    folder.write("x.kernel", contents[0])
    for i in range(20):
        child = os.fork()
        if child == 0:
            while True:
                for content in contents:
                    folder.write("x.kernel", content)
        time.sleep(0.002 * i)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert folder.read("x.kernel") in contents
    for path in folder.path.glob("*.tmp"):
        os.utime(path, (0, 0))
    folder.outlook()
    assert list(folder.path.glob("*.tmp")) == []


@posix
@needs_compiler
@pytest.mark.parametrize("mode", [0o702, 0o777])
@pytest.mark.parametrize("place", ["root", "kernels", "folder", "file"])
def test_what_others_may_write_to_is_not_used(folder, place, mode, capsys):
    run(folder)
    path = {"root": folder.root, "kernels": folder.path.parent, "folder": folder.path,
            "file": kernel_file(folder)}[place]
    os.chmod(path, mode)
    assert not run(folder)
    assert f"{path} is not used, because others may write to it" in capsys.readouterr().err


@posix
@needs_compiler
def test_what_belongs_to_another_user_is_not_used(folder, monkeypatch, capsys):
    run(folder)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert not run(folder)
    assert f"{folder.root} is not used, because it belongs to another user" in capsys.readouterr().err


@posix
def test_the_folders_are_private_whatever_the_umask(folder):
    before = os.umask(0)
    try:
        folder.write("x.kernel", b"")
    finally:
        os.umask(before)
    for path in (folder.root, folder.path.parent, folder.path):
        assert path.stat().st_mode & 0o777 == 0o700
    assert (folder.path / "x.kernel").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("missing, kept, sentence", [
    ("all", True, "tinynet: compiling kernels, some 20 s; they are kept for next time"),
    ("some", True, "tinynet: compiling kernels that are new here; they are kept for next time"),
    ("all", False, "tinynet: compiling kernels, some 20 s; they are not kept for next time: No space left on device"),
], ids=["all missing", "some missing", "full disk"])
def test_the_announcement_is_true(folder, missing, kept, sentence, monkeypatch, capsys):
    if missing == "some":
        folder.write("x.kernel", b"")
    if not kept:
        def fail(*args, **options):
            raise OSError(errno.ENOSPC, "No space left on device")
        monkeypatch.setattr(cache.tempfile, "mkstemp", fail)
    monkeypatch.setattr(compile, "FOLDER", folder)

    class Happening:
        data = {"dispatcher": type("Dispatcher", (), {"py_func": compile.jit})}
    announce = compile._Announce()
    announce.on_start(Happening)
    announce.on_start(Happening)
    folder.write("y.kernel", b"")                      # says nothing a second time
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith(sentence)


def test_the_hash_covers_the_folders_of_the_kernels(tmp_path, monkeypatch):
    for name in ("machine/compile.py", "conv/tiles.py", "__init__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("pass", encoding="utf-8")
    monkeypatch.setattr(compile, "__file__", str(tmp_path / "machine" / "compile.py"))
    before = compile.source_hash()
    assert compile.source_hash() == before
    (tmp_path / "conv" / "tiles.py").write_text("changed", encoding="utf-8")
    assert compile.source_hash() != before


SCRIPT = """
import resource, sys
import numpy as np
if sys.argv[1:]:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
from tinynet.kernels import elementwise
print(elementwise.relu(np.array([-1.0, 2.0])))
"""


@needs_compiler
@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of resources")
def test_a_process_that_may_write_no_file_and_knows_no_locale(tmp_path):
    """A limit on the size of files acts as a full disk does. The folder has a name beyond ASCII, the locale has not."""
    (tmp_path / "tmp").mkdir()
    environment = {**os.environ, "TINYNET_CACHE": str(tmp_path / "clé"), "TMPDIR": str(tmp_path / "tmp"), "LC_ALL": "C",
                   "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": str(ROOT),
                   "PYTHONDONTWRITEBYTECODE": "1", "TINYNET_BACKEND": "numba"}

    def outputs(*limit):
        done = subprocess.run([sys.executable, "-c", SCRIPT, *limit], env=environment, capture_output=True, timeout=300)
        assert done.returncode == 0, done.stderr.decode()
        assert done.stdout.decode().split() == ["[0.", "2.]"]
        return done.stderr.decode()
    said = outputs("1000")
    assert said.startswith("tinynet: compiling kernels, some 20 s; they are not kept for next time: File too large")
    assert said.count("\n") == 1
    assert list((tmp_path / "tmp").iterdir()) == []
    assert outputs() == "tinynet: compiling kernels, some 20 s; they are kept for next time\n"
    assert outputs("1000") == ""                       # what is there is used


def test_the_cache_folder(tmp_path, monkeypatch):
    for variable in ("TINYNET_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(pathlib.Path, "expanduser", lambda path: pathlib.Path(str(path).replace("~", "/home/me")))
    assert folders.cache_folder() == pathlib.Path("/home/me/.cache/tinynet")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert folders.cache_folder() == tmp_path / "tinynet"
    monkeypatch.setenv("TINYNET_CACHE", "~/x")
    assert folders.cache_folder() == pathlib.Path("/home/me/x")

    def no_home(path):
        raise RuntimeError("Could not determine home directory.")
    monkeypatch.setattr(pathlib.Path, "expanduser", no_home)
    first = folders.cache_folder()
    assert first == folders.cache_folder() and str(first).startswith(folders.tempfile.gettempdir())
