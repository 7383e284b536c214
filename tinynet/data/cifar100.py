"""CIFAR-100, in the layout of its official binary archive (https://www.cs.toronto.edu/~kriz/cifar.html).

A record is a byte for the coarse label (of 20), a byte for the fine one (of 100), then 32x32 bytes of red, green, and
blue each.
"""

import numpy as np

from tinynet.data import official
from tinynet.data.dataset import DataError, ImageDataset

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

    `root` is a folder with the official binary files, or with their archive, or the archive itself. Without `root` they
    are looked for in the cache folder, and downloaded from `source` if they are not there. The files of an archive are
    kept unpacked in the cache folder. DataError for files that are missing or damaged.
    """
    if labels not in NAMES:
        raise DataError(f"cifar100: expected labels fine or coarse, got {labels!r}")
    (names_file, count), file = NAMES[labels], "train.bin" if train else "test.bin"
    sums = MD5 | {name: None for name, _ in NAMES.values()}
    known = official.Official("cifar100", FOLDER, ARCHIVES, sums, MOST)
    content = official.read(known, [file, names_file], root, source)
    classes = content[names_file].decode("utf-8", "replace").split()
    if len(classes) != count:
        raise DataError(f"cifar100: expected {count} names of classes in {names_file}, got {len(classes)}")
    records = np.frombuffer(content[file], np.uint8).reshape(-1, RECORD)
    images = records[:, 2:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)        # (N, H, W, C)
    column = 1 if labels == "fine" else 0
    return ImageDataset(images, records[:, column], classes, MEAN, STD, f"cifar100, {labels} labels")
