"""CIFAR-10, in the layout of its official binary archive (https://www.cs.toronto.edu/~kriz/cifar.html).

Six files of 10,000 records. Each is one byte for the label, then 32x32 bytes of red, green, and blue each.
"""

import numpy as np

from tinynet.data import official
from tinynet.data.dataset import DataError, ImageDataset

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

    `root` is a folder with the batches, or with the archive, or the archive itself. Without `root` they are looked for
    in the cache folder, and downloaded from `source` if they are not there. The batches of an archive are kept
    unpacked in the cache folder (184 MB). DataError for files that are missing or damaged.
    """
    batches = official.read(files(), list(TRAIN_MD5 if train else TEST_MD5), root, source)
    records = np.frombuffer(b"".join(batches.values()), np.uint8).reshape(-1, RECORD)
    images = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)        # (N, H, W, C)
    return ImageDataset(images, records[:, 0], CLASSES, MEAN, STD, "cifar10")


def files():
    return official.Official("cifar10", FOLDER, ARCHIVES, MD5, BATCH_SIZE, check)


def check(name, content, where):
    """DataError for a batch that is cut off, or holds a label that does not exist."""
    if len(content) != BATCH_SIZE:
        raise DataError(f"cifar10: {name} in {where} is truncated: expected {BATCH_SIZE:,} bytes, got {len(content):,}")
    labels = np.frombuffer(content, np.uint8)[::RECORD]
    if labels.max() >= len(CLASSES):
        record = labels.argmax()
        raise DataError(f"cifar10: {name} in {where}: expected labels from 0 to 9, got {labels[record]} "
                        f"in record {record}")
