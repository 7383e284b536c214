"""CIFAR-10, in the layout of its official binary archive (https://www.cs.toronto.edu/~kriz/cifar.html).

Six files of 10,000 records. Each is one byte for the label, then 32x32 bytes of red, green, and blue each.
"""

import contextlib
import hashlib
from pathlib import Path

import numpy as np

from tinynet.data.dataset import DataError, ImageDataset
from tinynet.data.download import data_folder, fetch
from tinynet.system.files import atomic_write

CLASSES = "airplane automobile bird cat deer dog frog horse ship truck".split()
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)      # of the training images

FOLDER = "cifar-10-batches-bin"
ARCHIVES = ["cifar-10-binary.tar.gz", "cifar-10-binary.tar.xz", "cifar-10-binary.tar"]
OFFICIAL = dict(url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
                size=170_052_171, md5="c32a1d4ab5d03f1284b67883e8d87530")

RECORD = 1 + 3 * 32 * 32        # bytes
BATCH_SIZE = 10_000 * RECORD    # bytes
TRAIN_MD5 = {
    "data_batch_1.bin": "5dd7e06a14cb22eb9f671a540d1b7c25",
    "data_batch_2.bin": "5ea93a67294ea407fff1d09f752e9692",
    "data_batch_3.bin": "942cd6a4bcdd0dd3c604fbe906cb4421",
    "data_batch_4.bin": "ae636b3ba5c66a11e91e8cb52e771fcb",
    "data_batch_5.bin": "53f37980c15c3d472c316c40844f3f0d",
}
TEST_MD5 = {"test_batch.bin": "803d5f7f4d78ea53de84dbe85f74fb6d"}
MD5 = TRAIN_MD5 | TEST_MD5


def cifar10(root=None, train=True, source=OFFICIAL):
    """The 50,000 training or the 10,000 test images (N, 32, 32, 3). Krizhevsky 2009.

    `root` is a folder with the batches, or with the archive, or the archive itself. Without it they are
    sought in the cache folder, and downloaded from `source` if they are not there. What an archive holds is
    kept unpacked in the cache folder, for the next time (184 MB). DataError for what is missing or damaged.
    """
    place = find(Path(root).expanduser() if root else data_folder())
    if place is None and root:
        raise DataError(f"cifar10: nothing found at {root}: expected a folder with {FOLDER} or one of "
                        f"{', '.join(ARCHIVES)}, or the path of an archive; without root it is downloaded")
    if place is None:
        place = download(source)
    read = read_archive if place.is_file() else read_folder
    return decode(read(place, TRAIN_MD5 if train else TEST_MD5))


def download(source):
    archive = data_folder() / ARCHIVES[0]
    try:
        fetch(path=archive, **source)
    except DataError as problem:
        raise DataError(f"cifar10 is not in {data_folder()}, and: {problem}. "
                        "A folder that holds it can be named instead (root; on the command line --root "
                        "FOLDER)") from problem
    return archive


def decode(batches):
    """Bytes to pictures."""
    records = np.frombuffer(b"".join(batches), np.uint8).reshape(-1, RECORD)
    images = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)        # (N, H, W, C)
    return ImageDataset(images, records[:, 0], CLASSES, MEAN, STD, "cifar10")


def find(root):
    """The folder of batches or the archive that `root` names or holds; None if there is neither."""
    if root.is_file():
        return root
    for folder in (root, root / FOLDER):
        if any((folder / name).exists() for name in MD5):
            return folder
    return next((root / name for name in ARCHIVES if (root / name).is_file()), None)


def read_folder(folder, names):
    return [read_batch(folder, name) for name in names]


def read_batch(folder, name):
    path = folder / name
    if not path.is_file():
        raise DataError(f"cifar10: {name} is missing in {folder}")
    if path.stat().st_size != BATCH_SIZE:
        raise wrong_size(name, path.stat().st_size, folder)
    return checked(name, path.read_bytes(), folder)


def read_archive(archive, names):
    """Batches from an archive, or from the copy that was unpacked the last time."""
    from tinynet.data.archive import read_members
    unpacked = data_folder() / f"cifar10-{identity(archive)}"
    with contextlib.suppress(DataError, OSError):       # it is not there, or damaged
        return read_folder(unpacked, names)
    members = read_members(archive, MD5, BATCH_SIZE)
    for name in MD5:
        if name not in members:
            raise DataError(f"cifar10: {name} is missing in {archive}")
        checked(name, members[name], archive)
    keep(members, unpacked)
    return [members[name] for name in names]


def identity(archive):
    """A name for this version of this file."""
    status = archive.stat()
    words = f"{archive.resolve()} {status.st_size} {status.st_mtime_ns}"
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def keep(members, folder):
    """Write the batches to the cache. It only saves time, so a cache that cannot be written is no error."""
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in members.items():
            with atomic_write(folder / name) as file:
                file.write(content)


def checked(name, content, where):
    """The content, if its size, its labels and its MD5 sum are right."""
    if len(content) != BATCH_SIZE:
        raise wrong_size(name, len(content), where)
    labels = np.frombuffer(content, np.uint8)[::RECORD]
    if labels.max() >= len(CLASSES):
        record = labels.argmax()
        raise DataError(f"cifar10: {name} in {where}: expected labels from 0 to 9, got {labels[record]} "
                        f"in record {record}")
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != MD5[name]:
        raise DataError(f"cifar10: {name} in {where} was altered: expected MD5 {MD5[name]}, got {found}")
    return content


def wrong_size(name, size, where):
    kind = "truncated" if size < BATCH_SIZE else "too long"
    return DataError(f"cifar10: {name} in {where} is {kind}: expected {BATCH_SIZE:,} bytes, got {size:,}")
