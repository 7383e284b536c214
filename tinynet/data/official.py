"""The official files of a public data set: in a folder, in the archive that is published, or downloaded."""

import contextlib
import hashlib
from pathlib import Path
from typing import Callable, NamedTuple

from tinynet.data.archive import read_members
from tinynet.data.dataset import DataError
from tinynet.data.download import data_folder, fetch
from tinynet.system.files import atomic_write


class Official(NamedTuple):
    """What is known of the files of a data set before they are read."""

    name: str
    folder: str                        # the folder in the archive
    archives: list                     # the names of the archive, the one that is downloaded first
    sums: dict                         # {file: its MD5 sum}; None accepts any content
    limit: int                         # bytes of a file, at most
    check: Callable = lambda name, content, where: None        # raises DataError for wrong content


def read(official, names, root, source):
    """{name: content} of the files `names`, from `root` or, if that is None, from the cache folder or the network.

    `root` is a folder with the files or with their archive, or the archive itself; `source` has the arguments of
    `fetch` for the archive. The files of an archive are kept in the cache folder for the next time. DataError for files
    that are missing or damaged.
    """
    place = find(official, Path(root).expanduser() if root else data_folder())
    if place is None and root:
        raise DataError(f"{official.name}: nothing found at {root}: expected a folder with {official.folder} or one of "
                        f"{', '.join(official.archives)}, or the path of an archive; without root it is downloaded")
    if place is None:
        place = data_folder() / official.archives[0]
        download(official.name, data_folder(), path=place, **source)
    return (read_archive if place.is_file() else read_folder)(official, place, names)


def find(official, root):
    """The folder of files or the archive that `root` names or holds; None if there is neither."""
    if root.is_file():
        return root
    for folder in (root, root / official.folder):
        if any((folder / name).is_file() for name in official.sums):
            return folder
    return next((root / name for name in official.archives if (root / name).is_file()), None)


def download(name, folder, **arguments):
    """`fetch`, whose error also says how to do without a download."""
    try:
        fetch(**arguments)
    except DataError as problem:
        raise DataError(f"{name} is not in {folder}, and: {problem}. A folder that holds it can be named instead "
                        "(root; on the command line --root FOLDER)") from problem


def read_folder(official, folder, names):
    """{name: content} of files in a folder."""
    contents = {}
    for name in names:
        path = folder / name
        if not path.is_file():
            raise DataError(f"{official.name}: {name} is missing in {folder}")
        if path.stat().st_size > official.limit:
            raise DataError(f"{official.name}: {name} in {folder} is too long: expected at most {official.limit:,} "
                            f"bytes, got {path.stat().st_size:,}")
        contents[name] = checked(official, name, path.read_bytes(), folder)
    return contents


def read_archive(official, archive, names):
    """{name: content} of files in an archive, or in the copy that was unpacked the last time."""
    unpacked = data_folder() / f"{official.name}-{identity(archive)}"
    with contextlib.suppress(DataError, OSError):       # the copy is missing or damaged
        return read_folder(official, unpacked, names)
    members = read_members(archive, official.sums, official.limit)
    for name in official.sums:
        if name not in members:
            raise DataError(f"{official.name}: {name} is missing in {archive}")
        checked(official, name, members[name], archive)
    with contextlib.suppress(OSError):                  # the copy only saves time: no error if it cannot be written
        write_files(members, unpacked)
    return {name: members[name] for name in names}


def identity(archive):
    """A name for this version of this file."""
    status = archive.stat()
    words = f"{archive.resolve()} {status.st_size} {status.st_mtime_ns}"
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def write_files(contents, folder):
    """Write {name: content} into a folder, each file whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        with atomic_write(folder / name) as file:
            file.write(content)


def checked(official, name, content, where):
    """The content, if it passes the data set's own check and has the right MD5 sum."""
    official.check(name, content, where)
    if official.sums[name] is not None:
        check_md5(f"{official.name}: {name} in {where}", content, official.sums[name])
    return content


def check_md5(what, content, expected):
    """DataError, which calls the content `what`, for another MD5 sum."""
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != expected:
        raise DataError(f"{what} is damaged or altered: expected MD5 {expected}, got {found}")
