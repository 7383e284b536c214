"""Reading files from a tar archive of unknown origin, without unpacking it."""

import lzma
import tarfile
import zlib
from pathlib import PurePosixPath

from tinynet.data.dataset import DataError
from tinynet.system import files
from tinynet.system.archives import open_decompressed

MAX_UNPACKED = 1_000_000_000      # bytes of the whole archive, five times CIFAR-10
MAX_MEMBERS = 10_000
BROKEN = (tarfile.TarError, EOFError, OSError, lzma.LZMAError, zlib.error)


def read_members(archive, names, limit):
    """The contents of the files called `names`, in any folder of the archive: a dict of bytes.

    Nothing is written. DataError for an archive with a link, with a path that leads out of its folder, with too many
    files or bytes, or with a file of more than `limit` bytes.
    """
    try:
        with files.open_to_read(archive) as file:
            unpacked = open_decompressed(file, MAX_UNPACKED)
            with tarfile.open(fileobj=unpacked, mode="r|") as members:     # one pass: seeking would decompress again
                return dict(wanted(members, names, limit, archive))
    except BROKEN as problem:
        raise DataError(f"{archive}: not a readable tar archive, or cut off ({problem})") from problem


def wanted(members, names, limit, archive):
    for count, member in enumerate(members):
        if count >= MAX_MEMBERS:
            raise DataError(f"{archive}: expected at most {MAX_MEMBERS:,} files in the archive, found more")
        check_path(member, archive)
        name = PurePosixPath(member.name).name
        if name in names and member.isfile():
            if member.size > limit:
                raise DataError(f"{archive}: expected {name} to have {limit:,} bytes, got {member.size:,}")
            yield name, members.extractfile(member).read()


def check_path(member, archive):
    path = PurePosixPath(member.name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or not (member.isfile() or member.isdir()):
        kind = "a path out of the folder" if member.isfile() or member.isdir() else "a link or device"
        raise DataError(f"{archive}: refused, it holds {kind}: {member.name}")
