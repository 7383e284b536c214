"""Transforms of Pillow images and tensors, under torchvision's names.

Random numbers come from the stream "data", so that `manual_seed` makes them repeatable.
"""

from tinynet.vision.transforms import functional
from tinynet.vision.transforms.change import (
    ColorJitter, ConvertImageDtype, GaussianBlur, Grayscale, Normalize, PILToTensor, RandomErasing, RandomGrayscale,
    RandomInvert, ToPILImage, ToTensor)
from tinynet.vision.transforms.combine import Compose, Lambda, RandomApply, RandomChoice, RandomOrder
from tinynet.vision.transforms.images import InterpolationMode
from tinynet.vision.transforms.move import (
    CenterCrop, FiveCrop, Pad, RandomAffine, RandomCrop, RandomHorizontalFlip, RandomResizedCrop, RandomRotation,
    RandomVerticalFlip, Resize, TenCrop)

__all__ = [
    "CenterCrop", "ColorJitter", "Compose", "ConvertImageDtype", "FiveCrop", "GaussianBlur", "Grayscale",
    "Lambda", "Normalize", "PILToTensor", "Pad", "RandomAffine", "RandomApply", "RandomChoice",
    "RandomCrop", "RandomErasing", "RandomGrayscale", "RandomHorizontalFlip", "RandomInvert", "RandomOrder",
    "RandomResizedCrop", "RandomRotation", "RandomVerticalFlip", "Resize", "TenCrop", "ToPILImage", "ToTensor",
    "functional"]
