"""The two kinds of images that transforms accept, Pillow images and tensors (..., C, H, W), and facts about them."""

import enum
import numbers

import numpy as np
from PIL import Image

from tinynet.tensor import Tensor


class InterpolationMode(enum.Enum):
    """How new pixels are computed from old ones. `torchvision.transforms.InterpolationMode`."""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


PILLOW = {InterpolationMode.NEAREST: 0, InterpolationMode.NEAREST_EXACT: 0, InterpolationMode.BILINEAR: 2,
          InterpolationMode.BICUBIC: 3, InterpolationMode.BOX: 4, InterpolationMode.HAMMING: 5,
          InterpolationMode.LANCZOS: 1}        # Pillow's numbers, which torchvision accepts as well


def pillow_filter(interpolation):
    """Pillow's number of an `InterpolationMode`. The number itself, such as `Image.BICUBIC`, is accepted, too."""
    if isinstance(interpolation, InterpolationMode):
        return PILLOW[interpolation]
    if isinstance(interpolation, int) and interpolation in PILLOW.values():
        return int(interpolation)
    raise TypeError(f"expected an InterpolationMode for interpolation, got {interpolation!r}")


def is_pillow(image):
    """True for a Pillow image, False for a tensor of two or more axes; TypeError for anything else."""
    if isinstance(image, Image.Image):
        return True
    if isinstance(image, Tensor) and image.ndim >= 2:
        return False
    raise TypeError(f"expected a Pillow image or a tensor (..., C, H, W), got {kind(image)}")


def kind(image):
    """The description of an image in an error."""
    shape = getattr(image, "shape", None)
    return type(image).__name__ if shape is None else f"{type(image).__name__} of shape {tuple(shape)}"


def get_dimensions(img):
    """[channels, height, width] of an image; a tensor (H, W) has one channel. As in torchvision."""
    if is_pillow(img):
        return [len(img.getbands()), img.height, img.width]
    return [1 if img.ndim == 2 else img.shape[-3], *img.shape[-2:]]


def get_image_size(img):
    """[width, height] of an image (..., C, H, W), in this order. As in torchvision."""
    _, height, width = get_dimensions(img)
    return [width, height]


def get_image_num_channels(img):
    """How many channels an image (..., C, H, W) has. As in torchvision."""
    return get_dimensions(img)[0]


def pair(name, size):
    """A size as (height, width): one number is both."""
    if isinstance(size, numbers.Number):
        return int(size), int(size)
    if len(size) == 1:
        return size[0], size[0]
    if len(size) != 2:
        raise ValueError(f"{name}: expected a size of one or two numbers, got {size}")
    return tuple(size)


def to_array(image):
    """A Pillow image as an array (H, W) or (H, W, C)."""
    return np.asarray(image)


def like(image, array):
    """An array (..., C, H, W) as a tensor, in the type of the tensor `image`; integers are rounded and clipped."""
    if not image.is_floating_point() and array.dtype.kind == "f":
        limits = np.iinfo(image.dtype)
        array = np.rint(array).clip(limits.min, limits.max)
    return Tensor(np.ascontiguousarray(array.astype(image.dtype, copy=False)))


def top(image):
    """The value of white: 1 for floats, the largest one for integers."""
    return 1.0 if image.is_floating_point() else float(np.iinfo(image.dtype).max)
