"""Data sets of images, with torchvision's names, signatures and folders. An example is (PIL image, target)."""

from tinynet.vision.datasets.base import VisionDataset
from tinynet.vision.datasets.cifar import CIFAR10, CIFAR100
from tinynet.vision.datasets.folder import IMG_EXTENSIONS, DatasetFolder, FakeData, ImageFolder, default_loader
from tinynet.vision.datasets.mnist import MNIST, FashionMNIST

__all__ = ["CIFAR10", "CIFAR100", "DatasetFolder", "FakeData", "FashionMNIST", "IMG_EXTENSIONS", "ImageFolder", "MNIST",
           "VisionDataset", "default_loader"]
