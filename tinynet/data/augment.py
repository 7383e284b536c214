"""Augmentation: random changes that make each image a little different in each epoch, but leave its class as it is.

The changes of an image depend on (seed, epoch, index of the image) alone. They do not depend on its batch, or on the
time or the thread in which the batch is made.
"""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

AUGMENTATION, ORDER, FLIP = range(3)      # purposes, each with a random stream of its own
BORDERS = {"black": "constant", "reflect": "reflect"}           # what np.pad calls them


def stream(seed, epoch, purpose):
    """The random numbers of one epoch for one purpose, from a counter-based generator."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, epoch, purpose))))


class Augment:
    """Random crop, horizontal flip, and Cutout, (N, H, W, C) -> the same. Zero or False leaves a step out.

    The image gets a frame of `crop` pixels, and a part of the old size is cut out at a random place; every other
    image is flipped (He et al. 2015, "Deep Residual Learning"). The frame, or `border`, is "black", or "reflect": the
    image goes on in it as in a mirror, without its outermost pixels. Cutout blanks a square of `cutout` x `cutout`
    pixels at a random place (DeVries & Taylor 2017). ValueError for another border.
    """

    def __init__(self, crop=4, flip=True, cutout=0, border="black"):
        if border not in BORDERS:
            raise ValueError(f"Augment: expected border {' or '.join(BORDERS)}, got {border!r}")
        self.crop, self.flip, self.cutout, self.border = crop, flip, cutout, border

    def __repr__(self):
        return f"Augment(crop={self.crop}, flip={self.flip}, cutout={self.cutout}, border={self.border!r})"

    def draw(self, seed, epoch, count):
        """Five numbers from 0 to 1 for each of `count` images; row i is the same for any count.

        The third number decides on the flip. It is random in the first epoch alone; every later epoch takes the
        opposite decisions of the epoch before it. So two epochs in a row show both sides of each image ("alternating
        flip", Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", section 3).
        """
        draws = stream(seed, epoch, AUGMENTATION).random((count, 5))
        turn = stream(seed, 0, FLIP).random(count)
        draws[:, 2] = 1 - turn if epoch % 2 else turn
        return draws

    def __call__(self, images, draws, blank=0):
        """Changed copies of images (N, H, W, C); row i of `draws` (N, 5) decides on image i."""
        down, right, turn, *center = draws.T
        images = shifted(images, self.crop, down, right, BORDERS[self.border]) if self.crop else images.copy()
        if self.flip:
            turned = turn < 0.5
            images[turned] = images[turned][:, :, ::-1]
        if self.cutout:
            images[square(images.shape, self.cutout, *center)] = blank
        return images


def shifted(images, frame, down, right, mode):
    """A part of the old size of each image with its frame, from one of (2 frame + 1)^2 places; `mode` is np.pad's."""
    count, height, width, _ = images.shape
    framed = np.pad(images, ((0, 0), (frame, frame), (frame, frame), (0, 0)), mode)
    windows = sliding_window_view(framed, (height, width), axis=(1, 2))     # (N, places, places, C, H, W)
    places = 2 * frame + 1
    rows, columns = (down * places).astype(int), (right * places).astype(int)
    return windows.transpose(0, 1, 2, 4, 5, 3)[np.arange(count), rows, columns]     # (N, H, W, C)


def square(shape, size, down, right):
    """True inside each image's square, (N, H, W). A centre near the border leaves only a part of the square."""
    _, height, width, _ = shape

    def inside(length, center):
        start = np.floor(center * length)[:, None] - size // 2
        axis = np.arange(length)
        return (start <= axis) & (axis < start + size)

    return inside(height, down)[:, :, None] & inside(width, right)[:, None, :]


class Normalize:
    """y = (x / 255 - mean) / std for uint8 images, y = (x - mean) / std for float images, per channel.

    Images (N, H, W, C) -> the same, float32. LeCun et al. 1998, "Efficient BackProp", section 4.3.
    """

    def __init__(self, mean, std):
        self.mean, self.std = np.atleast_1d(mean).astype(np.float64), np.atleast_1d(std).astype(np.float64)

    def __call__(self, images):
        """Images (N, H, W, C) to float32 of the same shape, by one multiplication and one addition."""
        count, height, width, channels = images.shape
        rows = images.reshape(count, height, width * channels)     # long rows: loops over 3 channels are slow
        top = 255 if images.dtype == np.uint8 else 1
        out = rows * np.resize(1 / (top * self.std), rows.shape[-1]).astype(np.float32)
        out += np.resize(-self.mean / self.std, rows.shape[-1]).astype(np.float32)
        return out.reshape(images.shape)


def resized(images, side):
    """Float images (N, H, W, C) shrunk to side x side: a new pixel is the mean of the area that it covers."""
    count, height, width, channels = images.shape
    if side > min(height, width):
        raise ValueError(f"resized: expected a side of at most {min(height, width)}, got {side}")
    images = shrunk(images.reshape(count, height, width * channels), side)              # (N, side, W·C)
    images = shrunk(images.reshape(count * side, width, channels), side)                # (N·side, side, C)
    return images.reshape(count, side, side, channels)


def shrunk(rows, small):
    """rows (N, L, D) to (N, small, D). The terms are added in a fixed order, so that threads cannot change the bits."""
    count, length, depth = rows.shape
    edge, result = np.arange(small + 1) * length / small, 0
    first = edge[:-1].astype(int)
    for pixel in (first + step for step in range(math.ceil(length / small) + 1)):
        overlap = np.minimum(edge[1:], pixel + 1) - np.maximum(edge[:-1], pixel)
        if (overlap > 1e-9).any():
            share = np.repeat(overlap.clip(0) * small / length, depth).astype(np.float32)
            result += rows.take(pixel.clip(max=length - 1), axis=1).reshape(count, -1) * share
    return result.reshape(count, small, depth)
