"""MNIST and Fashion-MNIST: 28x28 gray images in their official idx files, packed (.gz) or not.

An idx file has two zero bytes, the code of the numbers' type (8: uint8), the number of axes, the length of each axis
(4 bytes, the highest first), and then the numbers.

    MNIST           handwritten digits, http://yann.lecun.com/exdb/mnist, LeCun et al. 1998
    Fashion-MNIST   articles of clothing, https://github.com/zalandoresearch/fashion-mnist, Xiao et al. 2017
"""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from tinynet.data.dataset import DataError, ImageDataset
from tinynet.data.download import data_folder
from tinynet.data.official import check_md5, download

PARTS = {True: ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
         False: ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")}
MOST = 50_000_000                      # bytes of an unpacked file

# Of each file: (bytes packed, MD5 packed, MD5 unpacked).
MNIST = {
    "train-images-idx3-ubyte": (9_912_422, "f68b3c2dcbeaaa9fbdd348bbdeb94873", "6bbc9ace898e44ae57da46a324031adb"),
    "train-labels-idx1-ubyte": (28_881, "d53e105ee54ea40749a09fcbcd1e9432", "a25bea736e30d166cdddb491f175f624"),
    "t10k-images-idx3-ubyte": (1_648_877, "9fb629c4189551a2d022fa330f9573f3", "2646ac647ad5339dbf082846283269ea"),
    "t10k-labels-idx1-ubyte": (4_542, "ec29112dd5afa0611ce80d1b7f02629c", "27ae3e4e09519cfbb04c329615203637"),
}
FASHION = {
    "train-images-idx3-ubyte": (26_421_880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d", "f4a8712d7a061bf5bd6d2ca38dc4d50a"),
    "train-labels-idx1-ubyte": (29_515, "25c81989df183df01b3e8a0aad5dffbe", "9018921c3c673c538a1fc5bad174d6f9"),
    "t10k-images-idx3-ubyte": (4_422_102, "bef4ecab320f06d8554ea6380940ec79", "8181f5470baa50b63fa0f6fddb340f0a"),
    "t10k-labels-idx1-ubyte": (5_148, "bb300cfdad3c16e7a12a480ee83cd310", "15d484375f8d13e6eb1aabb0c3f46965"),
}
SOURCES = {"mnist": "https://ossci-datasets.s3.amazonaws.com/mnist",
           "fashion-mnist": "https://fashion-mnist.s3.eu-central-1.amazonaws.com"}
DIGITS = [str(digit) for digit in range(10)]
CLOTHES = ["T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"]


def mnist(root=None, train=True):
    """The 60,000 training or the 10,000 test images (N, 28, 28, 1) of MNIST. LeCun et al. 1998.

    `root` is the folder with the four official files. Without `root` they are looked for in the cache folder,
    and downloaded if they are not there. DataError for files that are missing or damaged.
    """
    return read("mnist", MNIST, DIGITS, root, train)


def fashion_mnist(root=None, train=True):
    """The 60,000 training or the 10,000 test images (N, 28, 28, 1) of Fashion-MNIST. Xiao et al. 2017.

    `root` and errors are those of `mnist`.
    """
    return read("fashion-mnist", FASHION, CLOTHES, root, train)


def read(name, files, classes, root, train):
    images, labels = (idx(*find(name, file, files[file], root)) for file in PARTS[train])
    if images.ndim != 3 or labels.shape != images.shape[:1]:
        raise DataError(f"{name}: expected images (N, H, W) and N labels, got {images.shape} and {labels.shape}")
    whole = ImageDataset(images[..., None], labels, classes, name=name)
    if not train:                      # mean and std are the training set's
        training = read(name, files, classes, root, True)
        whole.mean, whole.std = training.mean, training.std
    return whole


def find(name, file, sums, root):
    """(path, bytes) of an official file, from the folder `root`, the cache folder or the network."""
    folder = Path(root).expanduser() if root else data_folder() / name
    for path in (place / (file + ending) for place in (folder, folder / "raw") for ending in ("", ".gz")):
        if path.is_file():
            return path, content(name, path, sums)
    if root:
        raise DataError(f"{name}: {file} or {file}.gz is missing in {folder}; without root it is downloaded")
    packed = folder / f"{file}.gz"
    download(name, folder, url=f"{SOURCES[name]}/{file}.gz", path=packed, size=sums[0], md5=sums[1])
    return packed, content(name, packed, sums)


def content(name, path, sums):
    """The unpacked bytes of a file whose MD5 sum is right; with `sums` None, of any file."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{name}: cannot read {path}: {error.strerror}") from error
    if sums is not None:
        check_md5(f"{name}: {path}", raw, sums[1] if path.suffix == ".gz" else sums[2])
    return unpacked(raw, path) if path.suffix == ".gz" else raw


def unpacked(raw, path):
    """The bytes that gzip has packed; never more than `MOST`, whatever the file claims."""
    try:
        content = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(raw, MOST + 1)
    except (zlib.error, gzip.BadGzipFile, EOFError) as error:
        raise DataError(f"{path}: not a readable .gz file ({error})") from error
    if len(content) > MOST:
        raise DataError(f"{path}: expected at most {MOST:,} bytes, unpacked")
    return content


def idx(path, raw):
    """The array of uint8 in the bytes of an idx file. DataError for bytes of another format."""
    if len(raw) < 4 or raw[:3] != b"\0\0\x08":
        raise DataError(f"{path}: expected an idx file of bytes, which begins with 0 0 8, got {list(raw[:3])}")
    start = 4 + 4 * raw[3]
    if len(raw) < start:
        raise DataError(f"{path}: expected a header of {start} bytes, got {len(raw)}")
    shape, numbers = np.frombuffer(raw[4:start], ">u4").tolist(), np.frombuffer(raw[start:], np.uint8)
    if numbers.size != math.prod(shape):
        raise DataError(f"{path}: expected as many bytes as its header says, {shape}, got {numbers.size:,}")
    return numbers.reshape(shape)
