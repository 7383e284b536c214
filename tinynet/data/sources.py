"""Data sets by name: the built-in one, the public ones, and a user's own files and folders."""

import os

from tinynet.data.arrays import npz
from tinynet.data.cifar10 import cifar10
from tinynet.data.cifar100 import cifar100
from tinynet.data.dataset import DataError
from tinynet.data.image_folder import image_folder
from tinynet.data.mnist import fashion_mnist, mnist
from tinynet.data.parts import Parts
from tinynet.data.shapes import shapes
from tinynet.system.suggest import did_you_mean

NAMES = ("shapes", "cifar10", "cifar100", "mnist", "fashion-mnist")
OPTIONS = {"size": "a folder of images", "fit": "a folder of images", "skip_damaged": "a folder of images",
           "labels": "cifar100"}
OWN_SHARE = 0.1                        # of the user's own training images, for validation


def load(name, train=True, root=None, **options):
    """The training or the test images of the data set called `name`, an `ImageDataset`; see `load_parts`."""
    parts = load_parts(name, root, **options)
    return parts.train if train else parts.test


def load_parts(name, root=None, **options):
    """The `Parts` of a data set: shapes, cifar10, cifar100, mnist, fashion-mnist, FILE.npz, or a folder of images.

    `root` is the folder or archive that holds a public data set. The options are `labels` of cifar100, and `size`,
    `fit` and `skip_damaged` of `image_folder`. Validation is None, unless a folder has a part for it. DataError for
    another name, or an option that the data set does not have.
    """
    kind = kind_of(name)
    for option, owner in OPTIONS.items():
        if option in options and owner != kind:
            raise DataError(f"{option.replace('_', '-')}: this is an option of {owner}, but the data is {kind}")
    if kind == "a folder of images":
        return image_folder(name, **options)
    read = {"shapes": lambda train: shapes(train), "cifar10": lambda train: cifar10(root, train),
            "cifar100": lambda train: cifar100(root, train, **options), "mnist": lambda train: mnist(root, train),
            "fashion-mnist": lambda train: fashion_mnist(root, train), "an .npz file": lambda train: npz(name, train)}
    return Parts(read[kind](True), None, read[kind](False))


def kind_of(name):
    """The kind of the data `name`: one of `NAMES`, "a folder of images" or "an .npz file", else DataError."""
    name = os.fspath(name)
    if name in NAMES:
        return name
    if name.endswith(".npz"):
        return "an .npz file"
    if os.path.isdir(os.path.expanduser(name)):
        return "a folder of images"
    raise DataError(f"no data set {name!r}: expected {', '.join(NAMES)}, the path of an .npz file, or a folder with a "
                    f"folder of images for each class{did_you_mean(name, NAMES)}")


def is_own(name):
    """Whether the data is the user's own: a file or a folder."""
    return kind_of(name) in ("an .npz file", "a folder of images")
