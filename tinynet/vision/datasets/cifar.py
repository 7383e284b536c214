"""CIFAR-10 and CIFAR-100 in torchvision's layout: the official archive for Python, unpacked.

Each file is a pickle of a dict with the pixels and the labels. A pickle can run code. Therefore a file is read only if
it is the official one, byte for byte, and only by an unpickler that knows nothing but arrays and plain containers. The
files of the official archive for other languages, which `tinynet.data.cifar10` reads, are accepted, too.
"""

import io
import pickle

import numpy as np

from tinynet.data import DataError, cifar10, cifar100
from tinynet.data.archive import read_members
from tinynet.data.download import fetch
from tinynet.data.official import check_md5, write_files
from tinynet.vision.datasets.base import Split

LARGEST = 160_000_000          # bytes of a file: the training images of CIFAR-100
SITE = "https://www.cs.toronto.edu/~kriz/"


class CIFAR10(Split):
    """60,000 photographs of ten classes, PIL images of 32x32 pixels, 50,000 of them to train with.

    They are in `root`/cifar-10-batches-py, or `download` puts them there. `data` is (N, 32, 32, 3), uint8, `targets`
    a list. DataError for missing or altered files. `torchvision.datasets.CIFAR10`; Krizhevsky 2009.
    """

    base_folder, filename, label_key = "cifar-10-batches-py", "cifar-10-python.tar.gz", "labels"
    other_layout = staticmethod(cifar10)
    archive_sums = dict(size=170_498_071, md5="c58f30108f718f92721af3b95e74349a")
    meta, names_key = ("batches.meta", "5ff9c542aee3614f3951f8cda6e48888"), "label_names"
    train_list = [("data_batch_1", "c99cafc152244af753f735de768cd75f"),
                  ("data_batch_2", "d4bba439e000b95fd0a9bffe97cbabec"),
                  ("data_batch_3", "54ebc095f3ab1f0389bbae665268c751"),
                  ("data_batch_4", "634d18415352ddfa80567beed471001a"),
                  ("data_batch_5", "482c414d41f54cd18b22e5b47cb7c3cb")]
    test_list = [("test_batch", "40351d587109b95175f43aff81a1287e")]

    def read(self, root, download):
        """Set `data`, `targets` and `classes`."""
        folder, wanted = root / self.base_folder, self.train_list if self.train else self.test_list
        if not all((folder / name).is_file() for name, _ in (*wanted, self.meta)):
            if self.read_other_layout(root):
                return
            if not download:
                raise DataError(self.advice(root, f"there is no folder {self.base_folder} with all its files"))
            self.fetch(root, folder)
        parts = [unpickled(folder / name, md5) for name, md5 in wanted]
        pixels = np.concatenate([part["data"] for part in parts])
        self.data = self.pixels = np.ascontiguousarray(pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
        self.targets = [label for part in parts for label in part[self.label_key]]
        self.classes = unpickled(folder / self.meta[0], self.meta[1])[self.names_key]

    def read_other_layout(self, root):
        """Read the files for other languages if they are in `root`; returns whether they are."""
        try:
            found = self.other_layout(root, self.train)
        except DataError as problem:
            if "nothing found" in str(problem):
                return False
            raise
        self.data = self.pixels = found.images
        self.targets, self.classes = found.labels.tolist(), list(found.classes)
        return True

    def fetch(self, root, folder):
        """Download the archive to `root`, and unpack the files that are needed from it."""
        archive, files = root / self.filename, dict([*self.train_list, *self.test_list, self.meta])
        if not archive.is_file():
            fetch(SITE + self.filename, archive, **self.archive_sums)
        members = read_members(archive, files, LARGEST)
        write_files(members, folder)


class CIFAR100(CIFAR10):
    """60,000 photographs of a hundred classes, PIL images of 32x32 pixels, 50,000 of them to train with.

    They are in `root`/cifar-100-python, or `download` puts them there. `data` is (N, 32, 32, 3), uint8, `targets` a
    list. DataError for missing or altered files. `torchvision.datasets.CIFAR100`; Krizhevsky 2009.
    """

    base_folder, filename, label_key = "cifar-100-python", "cifar-100-python.tar.gz", "fine_labels"
    other_layout = staticmethod(cifar100)
    archive_sums = dict(size=169_001_437, md5="eb9058c3a382ffc7106e4002c42a8d85")
    meta, names_key = ("meta", "7973b15100ade9c7d40fb424638fde48"), "fine_label_names"
    train_list = [("train", "16019d7e3df5f24257cddd939b257f8d")]
    test_list = [("test", "f0ef6b0ae62326f3e7ffdfab6717acfc")]


class PlainUnpickler(pickle.Unpickler):
    """Reads arrays, texts, numbers and plain containers; refuses everything else."""

    ALLOWED = {("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct"),
               ("numpy", "ndarray"), ("numpy", "dtype")}

    def find_class(self, module, name):
        if (module, name) not in self.ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def unpickled(path, md5):
    """The dict in a file that has this MD5 sum."""
    content = path.read_bytes()
    check_md5(path, content, md5)
    return PlainUnpickler(io.BytesIO(content), encoding="latin1").load()
