"""Image files in a folder for each class, read one by one when they are needed; and random images."""

import os
from pathlib import Path

import numpy as np
from PIL import Image

from tinynet.data import DataError
from tinynet.tensor import Tensor
from tinynet.vision.datasets.base import VisionDataset
from tinynet.vision.transforms.convert import to_pil_image

IMG_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


def default_loader(path):
    """The file as a PIL image (H, W) of red, green and blue. As in torchvision."""
    with Image.open(path) as image:
        return image.convert("RGB")


class DatasetFolder(VisionDataset):
    """Files of any kind, a folder for each class in `root`; `loader(path)` reads one, of any shape.

    A file counts if its name ends in one of `extensions`, or if `is_valid_file(path)`. DataError for a folder without
    classes, and for a class without files unless `allow_empty`; ValueError for both kinds of condition, or none.
    `torchvision.datasets.DatasetFolder`.
    """

    def __init__(self, root, loader, extensions=None, transform=None, target_transform=None, is_valid_file=None,
                 allow_empty=False):
        super().__init__(root, transform=transform, target_transform=target_transform)
        if (extensions is None) == (is_valid_file is None):
            raise ValueError(f"{type(self).__name__}: expected extensions or is_valid_file, and not both")
        self.loader, self.extensions = loader, extensions
        self.classes, self.class_to_idx = self.find_classes(self.root)
        self.samples = self.make_dataset(self.root, self.class_to_idx, extensions, is_valid_file, allow_empty)
        self.targets = [target for _, target in self.samples]

    def find_classes(self, directory):
        """(names of the classes in their order, {name: number})."""
        if not os.path.isdir(directory):
            raise DataError(f"{type(self).__name__}: there is no folder {directory}")
        classes = sorted(entry.name for entry in os.scandir(directory) if entry.is_dir())
        if not classes:
            raise DataError(f"{type(self).__name__}: expected a folder for each class in {directory}, found none")
        return classes, {name: i for i, name in enumerate(classes)}

    @staticmethod
    def make_dataset(directory, class_to_idx, extensions=None, is_valid_file=None, allow_empty=False):
        """[(path, number of its class), ...], class by class, sorted by path."""
        counts = is_valid_file or (lambda path: path.lower().endswith(tuple(extensions)))
        samples = []
        for name in sorted(class_to_idx):
            found = [os.path.join(folder, file) for folder, _, files in
                     sorted(os.walk(Path(directory) / name, followlinks=True)) for file in sorted(files)]
            found = [path for path in found if counts(path)]
            if not found and not allow_empty:
                raise DataError(f"class {name!r} in {directory} has no file that counts; expected one that ends in "
                                f"{', '.join(extensions or ['what is_valid_file accepts'])}")
            samples += [(path, class_to_idx[name]) for path in found]
        return samples

    def __getitem__(self, index):
        path, target = self.samples[index]
        return self.transformed(self.loader(path), target)

    def __len__(self):
        return len(self.samples)


class ImageFolder(DatasetFolder):
    """Image files of any size, a folder for each class in `root`: PIL images (H, W) of red, green and blue.

    Errors are those of `DatasetFolder`. `torchvision.datasets.ImageFolder`.
    """

    def __init__(self, root, transform=None, target_transform=None, loader=default_loader, is_valid_file=None,
                 allow_empty=False):
        super().__init__(root, loader, IMG_EXTENSIONS if is_valid_file is None else None, transform, target_transform,
                         is_valid_file, allow_empty)
        self.imgs = self.samples


class FakeData(VisionDataset):
    """`size` random PIL images of shape `image_size`, (C, H, W), and random labels of `num_classes`.

    The same index gives the same image; another `random_offset` gives others. IndexError beyond the last.
    `torchvision.datasets.FakeData`.
    """

    def __init__(self, size=1000, image_size=(3, 224, 224), num_classes=10, transform=None, target_transform=None,
                 random_offset=0):
        super().__init__(transform=transform, target_transform=target_transform)
        self.size, self.image_size, self.num_classes = size, image_size, num_classes
        self.random_offset = random_offset

    def __getitem__(self, index):
        if not 0 <= index < len(self):
            raise IndexError(f"FakeData: expected an index from 0 to {len(self) - 1}, got {index}")
        rng = np.random.default_rng(index + self.random_offset)
        image = rng.integers(256, size=self.image_size, dtype=np.uint8)
        return self.transformed(to_pil_image(Tensor(image)), int(rng.integers(self.num_classes)))

    def __len__(self):
        return self.size
