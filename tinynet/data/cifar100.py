"""CIFAR-100, in the layout of its official binary archive (https://www.cs.toronto.edu/~kriz/cifar.html).

A record is a byte for the coarse label (of 20), a byte for the fine one (of 100), then 32x32 bytes of red, green, and
blue each.
"""

import contextlib
import hashlib
from pathlib import Path

import numpy as np

from tinynet.data.archive import read_members
from tinynet.data.cifar10 import identity, keep
from tinynet.data.dataset import DataError, ImageDataset
from tinynet.data.download import data_folder, fetch

FOLDER = "cifar-100-binary"
ARCHIVES = ["cifar-100-binary.tar.gz", "cifar-100-binary.tar.xz", "cifar-100-binary.tar"]
OFFICIAL = dict(url="https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
                size=168_513_733, md5="03b5dce01913d631647c71ecec9e9cb8")
RECORD = 2 + 3 * 32 * 32               # bytes
MD5 = {"train.bin": "6172c7755cfe09b2fe270c85cebc1b15", "test.bin": "4499cfba6c016c1be1438163640a0898"}
NAMES = {"coarse": ("coarse_label_names.txt", 20), "fine": ("fine_label_names.txt", 100)}
MEAN, STD = (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)      # of the training images
MOST = 50_000 * RECORD                 # bytes of a file


def cifar100(root=None, train=True, labels="fine", source=OFFICIAL):
    """The 50,000 training or the 10,000 test images (N, 32, 32, 3), with "fine" or "coarse" labels. Krizhevsky 2009.

    `root` is a folder with the official binary files, or with their archive, or the archive itself. Without it they
    are sought in the cache folder, and downloaded from `source` if they are not there. What an archive holds is kept
    unpacked in the cache folder. DataError for what is missing or damaged.
    """
    if labels not in NAMES:
        raise DataError(f"cifar100: expected labels fine or coarse, got {labels!r}")
    place = find(Path(root).expanduser() if root else data_folder())
    if place is None and root:
        raise DataError(f"cifar100: nothing found at {root}: expected a folder with {FOLDER} or one of "
                        f"{', '.join(ARCHIVES)}, or the path of an archive; without root it is downloaded")
    if place is None:
        place = download(source)
    (names_file, count), file = NAMES[labels], "train.bin" if train else "test.bin"
    content = (read_archive if place.is_file() else read_folder)(place, [file, names_file])
    return decode(content[file], class_names(content[names_file], count, place), labels)


def download(source):
    archive = data_folder() / ARCHIVES[0]
    try:
        fetch(path=archive, **source)
    except DataError as problem:
        raise DataError(f"cifar100 is not in {data_folder()}, and: {problem}. A folder that holds it can be named "
                        "instead (root; on the command line --root FOLDER)") from problem
    return archive


def decode(content, classes, kind):
    """Bytes to pictures."""
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD)
    images = records[:, 2:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)        # (N, H, W, C)
    return ImageDataset(images, records[:, 1 if kind == "fine" else 0], classes, MEAN, STD, f"cifar100, {kind} labels")


def class_names(content, count, place):
    names = content.decode("utf-8", "replace").split()
    if len(names) != count:
        raise DataError(f"cifar100: expected {count} names of classes in {place}, got {len(names)}")
    return names


def find(root):
    """The folder of files or the archive that `root` names or holds; None if there is neither."""
    if root.is_file():
        return root
    for folder in (root, root / FOLDER):
        if any((folder / name).is_file() for name in MD5):
            return folder
    return next((root / name for name in ARCHIVES if (root / name).is_file()), None)


def read_folder(folder, names):
    """{name: content}"""
    for name in names:
        if not (folder / name).is_file():
            raise DataError(f"cifar100: {name} is missing in {folder}")
    return {name: checked(name, (folder / name).read_bytes(), folder) for name in names}


def read_archive(archive, names):
    """The files of an archive, or of the copy that was unpacked the last time."""
    unpacked = data_folder() / f"cifar100-{identity(archive)}"
    with contextlib.suppress(DataError, OSError):       # it is not there, or damaged
        return read_folder(unpacked, names)
    members = read_members(archive, {*MD5, *(file for file, _ in NAMES.values())}, MOST)
    for name in names:
        if name not in members:
            raise DataError(f"cifar100: {name} is missing in {archive}")
        checked(name, members[name], archive)
    keep(members, unpacked)
    return {name: members[name] for name in names}


def checked(name, content, where):
    """The content, if its MD5 sum is right."""
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != MD5.get(name, found):
        raise DataError(f"cifar100: {name} in {where} is damaged or altered: expected MD5 {MD5[name]}, got {found}")
    return content
