"""Files that survive a crash, and errors that say why a file could not be read or written.

A file is written under a temporary name, pushed to the disk, and only then renamed. Even after a power cut, a reader
finds the old file or the new one, never a half of either. A digest beside a file tells later whether its bytes are
still the same.
"""

import contextlib
import errno
import hashlib
import os
import pathlib
import re
import secrets
import stat
import time

from tinynet.system import bounded_json

TEMPORARY = re.compile(r"\..+\.[0-9a-f]{8}\.tmp")      # what `atomic_write` calls an unfinished file
RENAME_TRIES = 10             # Windows refuses to replace a file while another process has it open


class AlteredFileError(ValueError):
    """A file does not match its digest, or the digest file holds no digest."""


@contextlib.contextmanager
def atomic_write(path):
    """`with atomic_write(path) as file:` a binary file that takes the place of `path` if the block ends well.

    If anything fails, no new file remains, and the older file stays as it was. A process that is killed can leave a
    file `.NAME.*.tmp` in the folder. It is never read, and `clear_leftovers` removes it.
    """
    path = pathlib.Path(path)
    if not path.name:
        raise IsADirectoryError(f"cannot write {path}: it is a folder")
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    with clear_errors("write", path, temporary):
        try:
            with open(temporary, "xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
    sync_folder(path.parent)


def replace(temporary, path):
    """Rename, and try again for a second if the system refuses: on Windows a virus scanner may hold the file."""
    for last in (False,) * (RENAME_TRIES - 1) + (True,):
        try:
            return os.replace(temporary, path)
        except PermissionError:
            if last or path.is_dir():
                raise
            time.sleep(1 / RENAME_TRIES)


def sync_folder(folder):
    """Push a rename in `folder` to the disk, where the system can (it is the folder that holds the names)."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def clear_leftovers(folder):
    """Remove the unfinished files that killed processes left in `folder`. No process may be writing there."""
    for path in pathlib.Path(folder).glob(".*.tmp"):
        if TEMPORARY.fullmatch(path.name):
            with contextlib.suppress(OSError):
                path.unlink()


@contextlib.contextmanager
def open_to_read(path):
    """Open a file for reading bytes; if it cannot be opened or read, the error is one clear sentence.

    A pipe or a device is refused before it is opened: opening it could wait for ever, and reading it might never end.
    """
    path = pathlib.Path(path)
    with clear_errors("read", path):
        check_regular(path)
        with open(path, "rb") as file:
            yield file


def check_regular(path):
    """OSError if `path` is a pipe, a device or the like. `open` itself refuses folders and missing files."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        mode = os.stat(path).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise OSError(errno.EINVAL, "it is a pipe, socket or device, not a file", str(path))


def read_bytes(path, most):
    """All bytes of a file; ValueError if there are more than `most`."""
    with open_to_read(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"{path}: expected at most {most:,} bytes, found more")
    return content


def read_text(path, most):
    """The text of a file in UTF-8, at most `most` bytes of it; ValueError otherwise."""
    try:
        text = read_bytes(path, most).decode("utf-8-sig")       # editors on Windows may put a mark first
        return text.replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected text in UTF-8: {error}") from None


def read_json(path, most):
    """The content of a JSON file. ValueError, which names the file, if it is not JSON or exceeds a bound."""
    raw = read_bytes(path, most)
    try:
        return bounded_json.parse(raw, most)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


@contextlib.contextmanager
def clear_errors(verb, path, temporary=None):
    """Turn the system's errors about `path`, or a folder above it, into a sentence; their type and number stay."""
    try:
        yield
    except OSError as error:
        about = error.filename and pathlib.Path(error.filename)
        if error.errno is None or about not in (None, path, temporary, *path.parents):
            raise                                            # the error is about another file
        clear = type(error)(f"cannot {verb} {path}: {reason(error, verb, path)}")
        clear.errno = error.errno
        raise clear from error


def reason(error, verb, path):
    files_above = [str(folder) for folder in path.parents if folder.is_file()]
    if files_above:
        return f"{files_above[0]} is a file, not a folder"
    if path.is_dir():
        return "it is a folder"
    if error.errno == errno.ENOENT:
        folder = f"the folder {path.parent} " + ("takes no files" if path.parent.is_dir() else "does not exist")
        return "there is no such file" if verb == "read" else folder
    if error.errno in (errno.EACCES, errno.EPERM):
        return "no permission"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full"
    return error.strerror


def sha256_of(path):
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with open_to_read(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_path(path):
    return pathlib.Path(f"{os.fspath(path)}.sha256")


def write_digest(path):
    """Write `NAME.sha256` beside the file, as `sha256sum NAME` prints it."""
    line = f"{sha256_of(path)}  {pathlib.Path(path).name}\n"
    with atomic_write(digest_path(path)) as file:
        file.write(line.encode())


def check_digest(path):
    """`AlteredFileError` if the file's bytes have changed since `write_digest`."""
    with open_to_read(digest_path(path)) as file:
        expected = file.read(64).decode("ascii", "replace")
    found = sha256_of(path)
    if found != expected:
        raise AlteredFileError(f"{path} is truncated or altered: its SHA-256 is {found}, "
                               f"but {digest_path(path).name} says {expected!r}")
