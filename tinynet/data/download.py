"""Downloads. A file gets its name only when it is complete and its checksum is right."""

import hashlib
import os
from pathlib import Path

from tinynet.data.dataset import DataError
from tinynet.system.folders import cache_folder
from tinynet.system.progress import progress

CHUNK = 1 << 18     # bytes read at a time
TIMEOUT = 30        # seconds without a byte


def data_folder():
    """Where data sets are kept: `data` in the cache folder."""
    return cache_folder() / "data"


def fetch(url, path, size, md5):
    """Download `url` to `path`, if its size in bytes and its MD5 sum are as expected.

    The bytes are collected in `path`.part. A download that breaks off goes on from there, at once or the next time, if
    the server supports that. A file with a wrong MD5 sum is deleted.
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.touch()
        while (before := part.stat().st_size) < size:
            reason = transfer(url, part, before, size)
            if part.stat().st_size <= before:       # not one new byte
                raise DataError(f"the download of {url} broke off at {before:,} of {size:,} bytes "
                                f"({reason}); start again to go on from there")
        accept(part, path, size, md5, url)
    except OSError as problem:
        raise DataError(f"cannot write {part}: {problem.strerror or problem}") from problem


def transfer(url, part, start, size):
    """Append the bytes from `start` on that one connection gives; returns why the connection ended."""
    try:
        with connect(url, start) as response:
            start = start if response.status == 206 else 0      # a server may ignore the range
            offered = start + int(response.headers["Content-Length"] or size - start)
            if offered != size:
                raise DataError(f"{url}: expected {size:,} bytes, the server offers {offered:,}")
            copy(response, part, start, size)
        return "the server closed the connection"
    except ConnectionError as problem:
        return problem


def connect(url, start):
    import http.client
    import urllib.error
    import urllib.request
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        return urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as answer:
        raise DataError(f"cannot download {url}: the server says {answer.code} {answer.reason}") from answer
    except (http.client.HTTPException, OSError) as problem:
        raise DataError(f"cannot download {url}: {getattr(problem, 'reason', problem)}") from problem


def copy(response, part, start, size):
    """Write the response to the part file from byte `start` on, never more than `size` in all."""
    with part.open("r+b") as file, progress(size, "bytes", f"downloading {part.stem}", start) as bar:
        file.truncate(start)
        file.seek(start)
        while start < size and (data := read(response, min(CHUNK, size - start))):
            file.write(data)
            bar.update(len(data))
            start += len(data)


def read(response, count):
    """The next bytes, none at the end. Every error becomes a ConnectionError: it is not one of the disk."""
    import http.client
    try:
        return response.read(count)
    except (http.client.HTTPException, OSError) as problem:
        raise ConnectionError(f"the connection failed: {problem}") from problem


def accept(part, path, size, md5, url):
    """Give the finished download its name, or delete it if its MD5 sum is wrong."""
    with part.open("rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        os.fsync(file.fileno())
    if found != md5:
        length = part.stat().st_size
        part.unlink()
        raise DataError(f"{url}: expected {size:,} bytes with MD5 {md5}, got {length:,} with {found}; "
                        "deleted them")
    os.replace(part, path)
