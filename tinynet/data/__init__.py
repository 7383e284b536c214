"""Data sets, augmentation, and the loader that makes batches of them.

    shapes      ten kinds of shapes, drawn on the spot
    cifar10     60,000 small photographs, from a folder, an archive or the network
    arrays, npz pictures of your own
"""

from tinynet.data.arrays import arrays, npz
from tinynet.data.augment import Augment, Normalize
from tinynet.data.cifar10 import cifar10
from tinynet.data.dataset import DataError, Dataset
from tinynet.data.loader import Loader
from tinynet.data.shapes import shapes

__all__ = ["Augment", "DataError", "Dataset", "Loader", "Normalize",
           "arrays", "cifar10", "load", "npz", "shapes"]


def load(name, train=True, root=None):
    """The data set called `name`: shapes, cifar10 (in the folder or archive `root`), or FILE.npz.

    DataError for another name.
    """
    from difflib import get_close_matches
    if name == "shapes":
        return shapes(train)
    if name == "cifar10":
        return cifar10(root, train)
    if str(name).endswith(".npz"):
        return npz(name, train)
    near = get_close_matches(str(name), ["shapes", "cifar10"], n=1, cutoff=0.3)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise DataError(f"no data set {name!r}: expected shapes, cifar10 or the path of an .npz file{hint}")
