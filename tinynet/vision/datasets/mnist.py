"""MNIST and Fashion-MNIST in torchvision's folders."""

from importlib import import_module

from tinynet.data import DataError
from tinynet.data.download import fetch
from tinynet.tensor import Tensor
from tinynet.vision.datasets.base import Split

official = import_module("tinynet.data.mnist")      # the name tinynet.data.mnist is that of a function


class MNIST(Split):
    """70,000 handwritten digits, gray PIL images of 28x28 pixels, 60,000 of them to train with.

    They are in `root`/MNIST/raw, packed (.gz) or not, or `download` puts them there. `data` is a tensor (N, 28, 28),
    uint8, `targets` a tensor (N,), int64. DataError for missing files and for files of another format. The content may
    differ from the official images. `torchvision.datasets.MNIST`; LeCun et al. 1998.
    """

    source, files = "mnist", official.MNIST
    classes = ["0 - zero", "1 - one", "2 - two", "3 - three", "4 - four", "5 - five", "6 - six", "7 - seven",
               "8 - eight", "9 - nine"]

    @property
    def raw_folder(self):
        """The folder of the official files."""
        return f"{self.root}/{type(self).__name__}/raw"

    def read(self, root, download):
        """Set `data` and `targets`."""
        images, labels = (self.array(root, name, download) for name in official.PARTS[self.train])
        if images.ndim != 3 or labels.shape != images.shape[:1]:
            raise DataError(f"{root}: expected images (N, H, W) and N labels, got {images.shape} and {labels.shape}")
        self.data, self.targets, self.pixels = Tensor(images), Tensor(labels.astype("int64")), images

    def array(self, root, name, download):
        """The numbers in an official file: from torchvision's folder, or from `root` itself."""
        folder = root / type(self).__name__ / "raw"
        for place in (folder, root):
            if any((place / (name + ending)).is_file() for ending in ("", ".gz")):
                return official.idx(*official.find(self.source, name, None, place))
        if not download:
            raise DataError(self.advice(root, f"there is no {name} or {name}.gz in {type(self).__name__}/raw"))
        packed = folder / f"{name}.gz"
        fetch(f"{official.SOURCES[self.source]}/{name}.gz", packed, *self.files[name][:2])
        return official.idx(packed, official.content(self.source, packed, self.files[name]))


class FashionMNIST(MNIST):
    """70,000 articles of clothing, gray PIL images of 28x28 pixels, 60,000 of them to train with.

    They are in `root`/FashionMNIST/raw, or `download` puts them there. `data` is (N, 28, 28); everything else is as in
    `MNIST`, with the same DataError. `torchvision.datasets.FashionMNIST`; Xiao et al. 2017.
    """

    source, files = "fashion-mnist", official.FASHION
    classes = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
