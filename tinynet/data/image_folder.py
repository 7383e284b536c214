"""A data set from a folder of image files: a folder for each class, files of any format and size."""

from pathlib import Path

import numpy as np

from tinynet.data.dataset import DataError, ImageDataset
from tinynet.data.images import FITS, is_gray, with_channels
from tinynet.data.parts import Parts
from tinynet.data.pixel_cache import read_images
from tinynet.data.tree import few, find_images
from tinynet.system.progress import say

TEST_SHARE = 0.2                       # of the images, where the folder has no part for testing


def image_folder(root, size=32, fit="crop", skip_damaged=False):
    """The `Parts` (train, validation, test) of the images in `root`, a folder for each class.

    The classes are FOLDER/CLASS/*, or FOLDER/train/CLASS/* with the same in val and test. Each image becomes
    `size` x `size` pixels: with `fit` "crop" its middle, with "pad" all of it in a black square. Images (N, size,
    size, C): C is 1 if all of them are gray, else 3. Without test images, a fifth of each class is set aside, always
    the same images. An image that cannot be read is an error, unless `skip_damaged` is True. Decoded pixels are kept
    in the cache folder. DataError for a folder of another structure.
    """
    tree, pixels, labels, parts, names = read_tree(root, size, fit, skip_damaged)
    check_classes(root, tree.classes, labels[parts != "test"], "all" in tree.files)
    channels = 1 if is_gray(pixels) else 3
    pixels, title = with_channels(pixels, channels), Path(root).expanduser().resolve().name
    whole = ImageDataset(pixels, labels, tree.classes, [0] * channels, [1] * channels, title, names)
    found = {part: whole.subset(np.flatnonzero(parts == part)) for part in tree.files if (parts == part).any()}
    if "all" in found:
        train, test = found["all"].split(TEST_SHARE)
        found = {"train": train, "test": test}
    elif "test" not in found:
        found["train"], found["test"] = found["train"].split(TEST_SHARE)
    return Parts(found["train"], found.get("validation"), found["test"]).measured()


def whole_folder(root, classes, size, fit, channels, skip_damaged=False):
    """The images of a folder on which a trained network is measured: its test part if it has one, else all images.

    `classes` are the network's; labels (N,) are indices into them. DataError for a folder with other classes.
    """
    tree, pixels, labels, parts, names = read_tree(root, size, fit, skip_damaged)
    strange = sorted(set(tree.classes) - set(classes))
    if strange:
        raise DataError(f"{root}: the network does not know the classes {few(strange)}; it knows {few(classes)}")
    labels = np.array([classes.index(name) for name in tree.classes])[labels]
    title = Path(root).expanduser().resolve().name
    whole = ImageDataset(with_channels(pixels, channels), labels, classes, [0] * channels, [1] * channels, title, names)
    return whole.subset(np.flatnonzero(parts == "test")) if "test" in tree.files else whole


def read_tree(root, size, fit, skip_damaged):
    """(the tree, pixels (N, size, size, 3), labels (N,), parts (N,), names (N,)) of the images that can be read."""
    if fit not in FITS:
        raise DataError(f"fit: expected {' or '.join(FITS)}, got {fit!r}")
    if size < 4:
        raise DataError(f"size: expected at least 4 pixels, got {size}")
    tree = find_images(root)
    if tree.others:
        say(f"tinynet: {root}: left out {counted(len(tree.others), 'file')} that Pillow does not know as images: "
            f"{few([path.relative_to(tree.root) for path in tree.others])}")
    listed = [(str(path.relative_to(tree.root)), tree.classes.index(name), part)
              for part, files in tree.files.items() for path, name in files]
    pixels, damaged = read_images(tree.root, [name for name, _, _ in listed], size, fit)
    if damaged:
        report(root, damaged, len(listed), skip_damaged)
    names, labels, parts = zip(*(row for row in listed if row[0] not in damaged), strict=True) if len(pixels) else \
        ((), (), ())
    return tree, pixels, np.array(labels, np.int64), np.array(parts, object), list(names)


def report(root, damaged, count, skip):
    """Say which images cannot be read; DataError unless they are to be skipped."""
    told = "; ".join(f"{name}: {why}" for name, why in list(damaged.items())[:5])
    more = f"; and {len(damaged) - 5} more" if len(damaged) > 5 else ""
    text = f"{root}: {len(damaged)} of {counted(count, 'image')} cannot be read: {told}{more}"
    if not skip:
        raise DataError(f"{text}. --skip-damaged goes on without them")
    say(f"tinynet: {text}. They are skipped")


def counted(count, noun):
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def check_classes(root, classes, labels, whole):
    """DataError for a class with too few images: one to train with, and if the folder is split, one to test with."""
    least = 2 if whole else 1
    for name, count in zip(classes, np.bincount(labels, minlength=len(classes))):
        if count < least:
            wanted = "one to train and one to test with" if whole else "one to train with"
            raise DataError(f"{root}: class {name!r} has {counted(count, 'image')} that can be read; expected at least "
                            f"{least}, {wanted}")
