"""A set of labelled images, with checks of everything that it is made from."""

import hashlib

import numpy as np

from tinynet.data.sets import Dataset
from tinynet.tensor import Tensor

MAX_CLASSES = 10_000          # a confusion matrix of 10,000 classes takes 800 MB


class DataError(ValueError):
    """Data that is missing, damaged, or of another kind than expected. A ValueError."""


class ImageDataset(Dataset):
    """Images and their classes.

    `images` is (N, H, W, C), channels last: uint8 from 0 to 255, or float32 from 0 to 1.
    `labels` is (N,), int64, each an index into `classes`.
    `mean` and `std` are those of each channel, of pixels scaled to [0, 1]. They are measured if they are not given; a
    test set should be given those of its training set. `paths` names the file of each image, where there are files.
    DataError for other images or labels.
    """

    def __init__(self, images, labels, classes=None, mean=None, std=None, name="data", paths=None):
        self.name, self.paths = name, paths
        self.images = checked_images(images, name)
        self.labels = checked_labels(labels, len(self.images), classes, name)
        self.classes = list(classes) if classes else [str(i) for i in range(self.labels.max() + 1)]
        measured = channel_statistics(self.images) if mean is None or std is None else (mean, std)
        self.mean = np.asarray(measured[0] if mean is None else mean, np.float32)
        self.std = np.asarray(measured[1] if std is None else std, np.float32)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        """(image (C, H, W), float32 from 0 to 1; label, an int): an example as torchvision's data sets give it."""
        image = self.images[index].transpose(2, 0, 1)
        scale = 255 if image.dtype == np.uint8 else 1
        return Tensor(np.ascontiguousarray(image, np.float32) / np.float32(scale)), int(self.labels[index])

    def __repr__(self):
        size = "x".join(map(str, self.images.shape[1:]))
        return f"ImageDataset({self.name}: {len(self)} of {size}, {len(self.classes)} classes)"

    def fingerprint(self):
        """The SHA-256 of the images and labels, a string, to compare two data sets."""
        digest = hashlib.sha256(f"{self.images.dtype} {self.images.shape}".encode())
        digest.update(self.images)
        digest.update(self.labels)
        return digest.hexdigest()

    def subset(self, index):
        """The images at `index` (a slice or an array of indices), with the same classes, mean and std."""
        paths = self.paths and np.array(self.paths, object)[index].tolist()
        return ImageDataset(self.images[index], self.labels[index], self.classes, self.mean, self.std, self.name, paths)

    def with_statistics(self, mean, std):
        """The same images with another mean and std."""
        return ImageDataset(self.images, self.labels, self.classes, mean, std, self.name, self.paths)

    def split(self, part, seed=0):
        """Set a random `part` aside, for validation: a share of all images (0.1), or their number (5000).

        Each class gives its share of the part, and at least one image where there are enough. Returns (the rest,
        the part). The same seed makes the same choice. DataError if the part or the rest is empty.
        """
        count = round(part * len(self)) if isinstance(part, float) else part
        if not 0 < count < len(self):
            raise DataError(f"{self.name}: cannot set {part} aside from {len(self)} images: one of the parts would be "
                            "empty")
        aside = stratified(self.labels, count, seed)
        return self.subset(np.flatnonzero(~aside)), self.subset(np.flatnonzero(aside))


def stratified(labels, count, seed=0):
    """True for `count` images that are to be set aside, chosen by `seed`, False for the others: (N,), as `labels`.

    Each class gives its share of the `count`, rounded. Where that is possible, a class keeps at least one image and
    gives at least one.
    """
    rng, sizes = np.random.default_rng(seed), np.bincount(labels)
    taken = np.zeros(len(labels), bool)
    for label, part in enumerate(shares_of(sizes, count)):
        taken[rng.permutation(np.flatnonzero(labels == label))[:part]] = True
    return taken


def shares_of(sizes, count):
    """`count` divided among classes of these `sizes` (K,): the whole numbers (K,) nearest to the exact shares."""
    exact = count * sizes / sizes.sum()
    most = np.maximum(sizes - 1, 0) if count <= np.maximum(sizes - 1, 0).sum() else sizes
    least = np.minimum(1, most) if count >= np.minimum(1, most).sum() else np.zeros_like(sizes)
    parts = np.clip(np.floor(exact).astype(int), least, most)
    while parts.sum() != count:
        step = 1 if parts.sum() < count else -1
        able = parts < most if step > 0 else parts > least
        parts[np.where(able, step * (exact - parts), -np.inf).argmax()] += step
    return parts


def checked_images(images, name):
    images = np.ascontiguousarray(images)
    if images.ndim != 4:
        raise DataError(f"{name}: expected images (N, H, W, C), got {images.shape}")
    if images.size == 0:
        raise DataError(f"{name}: the set is empty, its images are {images.shape}")
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind not in "iuf":
        raise DataError(f"{name}: expected images as uint8 or floats, got {images.dtype}")
    low, high = images.min(), images.max()
    limit, kind = (1, np.float32) if images.dtype.kind == "f" else (255, np.uint8)
    if not 0 <= low <= high <= limit:       # the comparison is false for NaN, too
        raise DataError(f"{name}: expected {images.dtype} images from 0 to {limit}, got {low} to {high}")
    return images.astype(kind, copy=False)


def checked_labels(labels, count, classes, name):
    labels = np.asarray(labels)
    if labels.shape == (count, 1):
        labels = labels[:, 0]
    if labels.shape != (count,):
        raise DataError(f"{name}: expected {count} labels, one for each image, got {labels.shape}")
    if labels.dtype.kind not in "iu":
        raise DataError(f"{name}: expected labels as whole numbers, got {labels.dtype}")
    if classes and len(classes) > MAX_CLASSES:
        raise DataError(f"{name}: expected at most {MAX_CLASSES:,} classes, got {len(classes):,}")
    last = (len(classes) if classes else MAX_CLASSES) - 1
    wrong = np.flatnonzero((labels < 0) | (labels > last))
    if wrong.size:
        raise DataError(f"{name}: expected labels from 0 to {last}, got {labels[wrong[0]]} at image {wrong[0]}")
    return labels.astype(np.int64, copy=False)


def channel_statistics(images):
    """Mean and standard deviation of every channel, of pixels scaled to [0, 1].

    The sums are taken image by image, because converting the whole set at once would need eight times its memory.
    """
    scale = 255 if images.dtype == np.uint8 else 1
    pixels = images.size // images.shape[-1]
    total = sum(image.sum((0, 1), dtype=np.float64) for image in images)
    squares = sum(np.einsum("hwc,hwc->c", image, image, dtype=np.float64) for image in images)
    mean = total / pixels
    variance = np.maximum(squares / pixels - mean**2, 0)
    return mean / scale, np.where(variance > 0, np.sqrt(variance), scale) / scale
