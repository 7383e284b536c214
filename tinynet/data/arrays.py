"""A user's own data: a pair of arrays, or an .npz file."""

import os
import zipfile

import numpy as np

from tinynet.data.dataset import DataError, ImageDataset
from tinynet.data.labels import Labels
from tinynet.system import files
from tinynet.system.archives import zip_directory_size

MAX_DIRECTORY = 1_000_000      # bytes: some 10,000 arrays
MAX_UNPACKED, MAX_RATIO = 1_000_000_000, 20      # a file may unpack to so many bytes, or to 20 times its own size
CHANNELS = ((1, 3), (2, 4))             # usual numbers of channels; and those that are tried if none is found
PAIRS = [("x_train", "y_train"), ("images", "labels"), ("x", "y")]


def arrays(images, labels, classes=None, mean=None, std=None, name="arrays"):
    """A data set of `images` (N, H, W, C), (N, C, H, W) or (N, H, W), 1 to 4 channels, and `labels` (N,).

    Labels are whole numbers, with or without gaps, or strings; `classes` names them (see `Labels`). DataError where
    the order of the axes is not clear.
    """
    known = Labels(labels, classes, name)
    return ImageDataset(channels_last(np.asarray(images), name), known.indices(labels), known.classes, mean, std, name)


def channels_last(images, name):
    """Images as (N, H, W, C). The number of channels tells which axis they are; DataError if it cannot."""
    if images.ndim == 3:
        return images[..., None]
    if images.ndim != 4:
        raise DataError(f"{name}: expected images (N, H, W, C) or (N, C, H, W), got {images.shape}")
    first, last = next((seen for seen in ([images.shape[1] in usual, images.shape[3] in usual] for usual in CHANNELS)
                        if any(seen)), (False, False))
    if first and last:
        raise DataError(f"{name}: images {images.shape} can be read as (N, C, H, W) or as (N, H, W, C); "
                        "make a tinynet.data.ImageDataset, which takes (N, H, W, C)")
    if not (first or last):
        raise DataError(f"{name}: expected 1 to 4 channels, second or last, got images {images.shape}")
    return images.transpose(0, 2, 3, 1) if first else images


def npz(path, train=True, test_share=0.2, seed=0):
    """The training or the test part of an .npz file.

    The arrays in the file are called x_train, y_train, x_test, y_test; or images, labels; or x, y. An array `classes`
    may give the names. Without test arrays, a share of each class, `test_share` (0 to 1), is set aside for testing,
    chosen by `seed`; mean and std are then those of all images. Shapes and labels are those of `arrays`.
    DataError for other arrays, and for a file of another format.
    """
    stored, name = read(path), str(path)
    train_keys = next((pair for pair in PAIRS if set(pair) <= set(stored)), None)
    if train_keys is None:
        raise DataError(f"{name}: expected arrays images and labels, or x_train and y_train, or x and y; "
                        f"found {', '.join(sorted(stored)) or 'none'}")
    images, labels = (stored[key] for key in train_keys)
    known = Labels(labels, stored["classes"].astype(str).ravel() if "classes" in stored else None, name)
    whole = ImageDataset(channels_last(images, name), known.indices(labels), known.classes, name=name)
    if "x_test" not in stored or "y_test" not in stored:
        return whole.split(test_share, seed)[0 if train else 1]
    if train:
        return whole
    images, labels = channels_last(stored["x_test"], name), known.indices(stored["y_test"])
    return ImageDataset(images, labels, whole.classes, whole.mean, whole.std, f"{name}, test")


def check_size(file):
    """ValueError for a zip archive with too large a directory, too many arrays, or too much in them.

    Compression makes images a few times smaller, not a hundred times.
    """
    size = os.fstat(file.fileno()).st_size
    if zip_directory_size(file, size) > MAX_DIRECTORY:
        raise ValueError(f"its directory has more than {MAX_DIRECTORY:,} bytes")
    with zipfile.ZipFile(file) as archive:
        unpacked, most = sum(entry.file_size for entry in archive.infolist()), max(MAX_UNPACKED, MAX_RATIO * size)
    if unpacked > most:
        raise ValueError(f"it unpacks to {unpacked:,} bytes, more than the {most:,} that are read")
    file.seek(0)


def read(path):
    """All arrays of the file. Pickled objects are refused: they could run code."""
    try:
        with files.open_to_read(path) as file:
            check_size(file)
            with np.load(file, allow_pickle=False) as stored:
                return {key: stored[key] for key in stored.files}
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except MemoryError:
        raise
    except Exception as problem:    # NumPy and zipfile raise many kinds of errors for a damaged file
        raise DataError(f"{path}: not a readable .npz file ({problem})") from problem
