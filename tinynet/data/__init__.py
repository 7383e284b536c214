"""Data sets, augmentation, and the loader that makes batches of them.

    shapes                 ten kinds of shapes, drawn by tinynet itself
    cifar10, cifar100      60,000 small photographs each, from a folder, an archive or the network
    mnist, fashion_mnist   70,000 small gray images each, from a folder or the network
    image_folder           image files of your own, a folder for each class
    arrays, npz            arrays of your own

Each of these functions returns an `ImageDataset` (`image_folder` returns three of them). `Loader` makes batches of an
`ImageDataset`, fast. `DataLoader` makes batches of any `Dataset`, with the options of `torch.utils.data`.
"""

from tinynet.data.arrays import arrays, npz
from tinynet.data.augment import Augment, Normalize
from tinynet.data.cifar10 import cifar10
from tinynet.data.cifar100 import cifar100
from tinynet.data.collate import default_collate, default_convert
from tinynet.data.data_loader import DataLoader, get_worker_info
from tinynet.data.dataset import DataError, ImageDataset
from tinynet.data.image_folder import image_folder
from tinynet.data.loader import Loader
from tinynet.data.mnist import fashion_mnist, mnist
from tinynet.data.parts import Parts
from tinynet.data.samplers import (
    BatchSampler, DistributedSampler, RandomSampler, Sampler, SequentialSampler, SubsetRandomSampler,
    WeightedRandomSampler)
from tinynet.data.sets import (
    ChainDataset, ConcatDataset, Dataset, IterableDataset, Subset, TensorDataset, random_split)
from tinynet.data.shapes import shapes
from tinynet.data.sources import load, load_parts

__all__ = [
    "Augment", "BatchSampler", "ChainDataset", "ConcatDataset", "DataError", "DataLoader", "Dataset",
    "DistributedSampler", "ImageDataset", "IterableDataset", "Loader", "Normalize", "Parts", "RandomSampler", "Sampler",
    "SequentialSampler", "Subset", "SubsetRandomSampler", "TensorDataset", "WeightedRandomSampler",
    "arrays", "cifar10", "cifar100", "default_collate", "default_convert", "fashion_mnist",
    "get_worker_info", "image_folder", "load", "load_parts", "mnist", "npz", "random_split", "shapes"]
