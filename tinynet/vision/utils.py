"""Images side by side, and saved. `torchvision.utils`."""

import math

import numpy as np

from tinynet.creation import as_tensor
from tinynet.ops.joining import stack
from tinynet.tensor import Tensor
from tinynet.vision.transforms.convert import to_pil_image


def make_grid(tensor, nrow=8, padding=2, normalize=False, value_range=None, scale_each=False, pad_value=0.0, **kwargs):
    """Images (N, C, H, W), or a list of images (C, H, W), as one image (C, H', W'), `nrow` images in a row.

    Between and around them are `padding` pixels of `pad_value`. `normalize` scales the values to 0 to 1: from
    `value_range`, or from the least and greatest value, of all images or with `scale_each` of each. One channel
    becomes three. As in torchvision.
    """
    if kwargs:
        raise TypeError(f"make_grid: unexpected argument {next(iter(kwargs))!r}")
    images = (stack(list(tensor)) if isinstance(tensor, (list, tuple)) else as_tensor(tensor)).array
    images = images.reshape((1,) * (4 - images.ndim) + images.shape)            # (N, C, H, W)
    if images.shape[1] == 1:
        images = np.repeat(images, 3, 1)
    if normalize:
        parts = images if scale_each else [images]
        images = np.stack([_scaled(part, value_range) for part in parts]).reshape(images.shape)
    count, channels, height, width = images.shape
    if count == 1:
        return Tensor(images[0])
    columns = min(nrow, count)
    rows, height, width = math.ceil(count / columns), height + padding, width + padding
    grid = np.full((channels, height * rows + padding, width * columns + padding), pad_value, images.dtype)
    for i, image in enumerate(images):
        top, left = i // columns * height + padding, i % columns * width + padding
        grid[:, top:top + image.shape[1], left:left + image.shape[2]] = image
    return Tensor(grid)


def _scaled(images, value_range):
    """Values from the given range, or their own, to 0 to 1."""
    low, high = (images.min(), images.max()) if value_range is None else value_range
    return (images.clip(low, high) - low) / max(float(high - low), 1e-5)


def save_image(tensor, fp, format=None, **options):
    """Save images (N, C, H, W), whose values are from 0 to 1, as one file; the options are `make_grid`'s.

    As in torchvision.
    """
    grid = make_grid(tensor, **options).array
    pixels = (grid * 255 + 0.5).clip(0, 255).astype(np.uint8)
    to_pil_image(Tensor(pixels)).save(fp, format=format)
