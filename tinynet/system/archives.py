"""Reading archives of unknown origin: each is measured first, so that a small file cannot fill the memory."""

import bz2
import gzip
import lzma
import re

SEARCHED = 56 + 20 + 22 + 65_535      # bytes at the end of a zip file that can announce its directory
OPENERS = {b"\x1f\x8b": gzip.open, b"\xfd7zXZ\0": lzma.open, b"BZh": bz2.open}


def zip_directory_size(file, size):
    """The size in bytes of the largest directory that the end of an open zip file announces; 0 if there is none.

    `zipfile` reads the directory whole and makes an object of some 600 bytes for each entry. A hostile file can
    announce several directories, so the largest counts. No directory is longer than its file.
    """
    file.seek(max(size - SEARCHED, 0))
    end = file.read()
    sizes = [end[found.start() + 12:found.start() + 16] for found in re.finditer(b"PK\5\6", end)]
    sizes += [end[found.start() + 40:found.start() + 48] for found in re.finditer(b"PK\6\6", end)]        # zip64
    file.seek(0)
    return max((min(int.from_bytes(number, "little"), size) for number in sizes), default=0)


class Limited:
    """A file to read from that raises OSError once more than `limit` bytes have come out of it."""

    def __init__(self, file, limit):
        self.file, self.left, self.limit = file, limit, limit

    def read(self, count):
        content = self.file.read(min(count, self.left + 1))
        self.left -= len(content)
        if self.left < 0:
            raise OSError(f"it unpacks to more than the {self.limit:,} bytes that are read")
        return content


def open_decompressed(file, limit):
    """The content of the open file, decompressed if it is gzip, xz or bzip2; at most `limit` bytes."""
    start = file.read(6)
    file.seek(0)
    opener = next((opener for magic, opener in OPENERS.items() if start.startswith(magic)), None)
    return Limited(opener(file) if opener else file, limit)
