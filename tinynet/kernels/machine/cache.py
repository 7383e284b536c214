"""Compiled kernels on disk: a file for each function and signature.

A file begins with the checksum of the rest. The kernel of a wrong file (empty, cut off, of another version) is compiled
again. With a wrong folder (full, read-only, of another user), kernels are compiled, but not kept.
"""

import contextlib
import functools
import hashlib
import os
import pathlib
import pickle
import stat
import sys
import tempfile
import time

from numba.core import compiler, serialize

from tinynet.system.folders import why_not_trusted

CHECKSUM_BYTES = 32
TRIAL_BYTES = 1 << 16                  # what must fit on the disk for kernels to be called "kept"
ABANDONED = 3600                       # seconds after which a temporary file belongs to a process that was killed


class Folder:
    """A folder of files with checksums, in `root`/kernels. They are code, so only this user may write there."""

    def __init__(self, root, name):
        self.root, self.path, self.told = root, root / "kernels" / name, False

    def __str__(self):
        return str(self.path)

    def why_not_trusted(self):
        """What is wrong with the owner or the permissions of the folder or those around it: a phrase, or None."""
        for folder in (self.root, self.path.parent, self.path):
            with contextlib.suppress(FileNotFoundError):
                others = stat.S_IWOTH if folder == self.root else stat.S_IWGRP | stat.S_IWOTH
                reason = why_not_trusted(os.stat(folder), others)
                if reason:
                    return f"{folder} is not used, because {reason}"
        return None

    def read(self, name):
        """The bytes that were written under this name; None if the file is missing, damaged, or of another user."""
        try:
            if self.why_not_trusted():
                return None
            status = os.stat(self.path / name)
            if not stat.S_ISREG(status.st_mode):
                return None
            if why_not_trusted(status):
                self.tell(f"{self.path / name} is not used, because {why_not_trusted(status)}")
                return None
            content = (self.path / name).read_bytes()
        except OSError:
            return None
        checksum, data = content[:CHECKSUM_BYTES], content[CHECKSUM_BYTES:]
        return data if hashlib.sha256(data).digest() == checksum else None

    def write(self, name, data):
        """Keep `data` under this name, whole or not at all. If that fails, the reason is printed once, on stderr."""
        problem = self._try_to_write(name, data)
        if problem:
            self.tell(f"compiled kernels are not kept: {problem}")

    def outlook(self):
        """Whether kernels that are compiled now will be kept: a phrase for the user."""
        problem = self._try_to_write(None, bytes(TRIAL_BYTES))
        self._clear_away()
        if problem:
            self.told = True
            return f"they are not kept for next time: {problem}"
        return "they are kept for next time"

    def is_empty(self):
        return not any(self.path.glob("*.kernel"))

    def tell(self, text):
        if not self.told:
            self.told = True
            print(f"tinynet: {text}", file=sys.stderr, flush=True)

    def _try_to_write(self, name, data):
        """Write a file and give it its name, or (None) remove it again; returns what went wrong, a phrase, or None."""
        try:
            self._make()
            distrust = self.why_not_trusted()
            if distrust:
                return distrust
            handle, temporary = tempfile.mkstemp(".tmp", dir=self.path)
            try:
                with open(handle, "wb") as file:
                    file.write(hashlib.sha256(data).digest() + data)
                if name is not None:
                    os.replace(temporary, self.path / name)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary)
        except OSError as error:
            return f"{error.strerror or error} ({self.path})"
        return None

    def _clear_away(self):
        for path in self.path.glob("*.tmp"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > ABANDONED:
                    path.unlink()

    def _make(self):
        if not self.path.is_dir():
            self.root.parent.mkdir(parents=True, exist_ok=True)
            for folder in (self.root, self.path.parent, self.path):
                folder.mkdir(mode=0o700, exist_ok=True)


class KernelCache:
    """The object that Numba asks for the compiled code of one function. It takes the place of Numba's own cache."""

    def __init__(self, function, folder):
        self.function, self.folder = function, folder
        self.cache_path = str(folder)

    def load_overload(self, signature, target):
        """The compiled function, or None if there is none that can be used."""
        target.refresh()
        data = self.folder.read(self._name(signature, target.codegen()))
        if data is None:
            return None
        try:
            return compiler.CompileResult._rebuild(target, *pickle.loads(data))
        except Exception:              # whatever it was, compiling helps
            return None

    def save_overload(self, signature, compiled):
        if not compiled.library.has_dynamic_globals and all(part.can_cache for part in compiled.lifted):
            self.folder.write(self._name(signature, compiled.codegen), serialize.dumps(compiled._reduce()))

    def enable(self):
        pass

    disable = flush = enable

    def _name(self, signature, codegen):
        """The file's name. It depends on everything that decides the machine code: function, types, processor."""
        code = self.function.__code__
        identity = (self.function.__module__, self.function.__qualname__, code.co_firstlineno, _hash(code.co_filename),
                    signature, codegen.magic_tuple())
        return f"{self.function.__name__}-{hashlib.sha256(repr(identity).encode()).hexdigest()[:24]}.kernel"


@functools.cache
def _hash(path):
    try:
        return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
    except OSError:                    # typed at a prompt
        return path
