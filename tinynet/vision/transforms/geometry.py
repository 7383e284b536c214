"""Functions that move pixels: resize, crop, pad, flip, rotate. As in torchvision."""

import math
import numbers

import numpy as np
from PIL import Image, ImageOps

from tinynet.tensor import Tensor
from tinynet.vision.transforms.images import (
    InterpolationMode, get_dimensions, is_pillow, like, pair, pillow_filter, to_array)

MODES = ("constant", "edge", "reflect", "symmetric")


def resize(img, size, interpolation=InterpolationMode.BILINEAR, max_size=None, antialias=True):
    """An image (..., C, H, W) in a new size: (height, width), or one number for its shorter side.

    With one number, `max_size` limits the longer side. Pillow images are resized by Pillow, and tensors get the same
    values, unless `antialias` is False. As in torchvision. ValueError for a size that is not positive.
    """
    _, height, width = get_dimensions(img)
    height, width = new_size(size, max_size, height, width)
    if is_pillow(img):
        return img.resize((width, height), pillow_filter(interpolation))
    if (height, width) == tuple(img.shape[-2:]):
        return img
    if pillow_filter(interpolation) == 0:
        rows, columns = (np.arange(new) * old // new for new, old in zip((height, width), img.shape[-2:]))
        return Tensor(np.ascontiguousarray(img.array[..., rows[:, None], columns]))
    if not antialias:
        return resize_without_antialias(img, (height, width), interpolation)
    return like(img, resampled(img.array, height, width, pillow_filter(interpolation)))


def new_size(size, max_size, height, width):
    """The (height, width) for the argument `size`."""
    if not isinstance(size, numbers.Number) and len(size) == 2:
        if max_size is not None:
            raise ValueError("resize: max_size needs a size of one number, the shorter side")
        return tuple(map(int, size))
    short_side = int(size if isinstance(size, numbers.Number) else size[0])
    if short_side < 1:
        raise ValueError(f"resize: expected a size of at least 1, got {size}")
    short, long = sorted((height, width))
    new_short, new_long = short_side, int(short_side * long / short)
    if max_size is not None:
        if max_size <= short_side:
            raise ValueError(f"resize: expected a max_size above the size {short_side}, got {max_size}")
        if new_long > max_size:
            new_short, new_long = int(max_size * new_short / new_long), max_size
    return (new_short, new_long) if height <= width else (new_long, new_short)


def resampled(array, height, width, resample):
    """Each plane of an array (..., H, W), resized by Pillow in 32-bit floats."""
    planes = array.reshape(-1, *array.shape[-2:]).astype(np.float32)
    planes = [to_array(Image.fromarray(plane).resize((width, height), resample)) for plane in planes]
    return np.stack(planes).reshape(*array.shape[:-2], height, width)


def resize_without_antialias(img, size, interpolation):
    from tinynet.nn import functional as F
    mode = InterpolationMode(interpolation).value if isinstance(interpolation, InterpolationMode) else "bilinear"
    batch = img.array.reshape(-1, *get_dimensions(img)).astype(np.float32 if img.dtype != np.float64 else np.float64)
    made = F.interpolate(Tensor(batch), size=size, mode=mode, align_corners=False)
    return like(img, made.array.reshape(*img.shape[:-2], *size))


def crop(img, top, left, height, width):
    """The part of an image (..., C, H, W) from row `top` and column `left` on; what lies outside is black."""
    if is_pillow(img):
        return img.crop((left, top, left + width, top + height))
    _, rows, columns = get_dimensions(img)
    outside = [max(-left, 0), max(-top, 0), max(left + width - columns, 0), max(top + height - rows, 0)]
    if any(outside):
        img, top, left = pad(img, outside), max(top, 0), max(left, 0)
    return Tensor(img.array[..., top:top + height, left:left + width].copy())


def center_crop(img, output_size):
    """The middle of an image (..., C, H, W), `output_size` large; a smaller image gets a black border."""
    height, width = pair("center_crop", output_size)
    _, rows, columns = get_dimensions(img)
    if width > columns or height > rows:
        spare = max(width - columns, 0), max(height - rows, 0)
        img = pad(img, [spare[0] // 2, spare[1] // 2, (spare[0] + 1) // 2, (spare[1] + 1) // 2])
        _, rows, columns = get_dimensions(img)
    return crop(img, int(round((rows - height) / 2.0)), int(round((columns - width) / 2.0)), height, width)


def resized_crop(img, top, left, height, width, size, interpolation=InterpolationMode.BILINEAR, antialias=True):
    """The part of an image (..., C, H, W) that `crop` gives, in the new `size`."""
    return resize(crop(img, top, left, height, width), size, interpolation, antialias=antialias)


def five_crop(img, size):
    """The four corners of an image (..., C, H, W) and its middle: top left, top right, bottom left, bottom right.

    ValueError for an image that is smaller.
    """
    height, width = pair("five_crop", size)
    _, rows, columns = get_dimensions(img)
    if width > columns or height > rows:
        raise ValueError(f"five_crop: expected an image of at least {(height, width)}, got {(rows, columns)}")
    corners = [crop(img, top, left, height, width) for top in (0, rows - height) for left in (0, columns - width)]
    return (*corners, center_crop(img, (height, width)))


def ten_crop(img, size, vertical_flip=False):
    """`five_crop` of an image (..., C, H, W), and of the image flipped."""
    return five_crop(img, size) + five_crop((vflip if vertical_flip else hflip)(img), size)


def pad(img, padding, fill=0, padding_mode="constant"):
    """An image (..., C, H, W) with a border: one width, [left/right, top/bottom] or [left, top, right, bottom].

    `padding_mode` is "constant" (`fill`), "edge", "reflect" or "symmetric", else ValueError.
    """
    left, up, right, down = borders(padding)
    if padding_mode not in MODES:
        raise ValueError(f"pad: expected a padding_mode of {', '.join(MODES)}, got {padding_mode!r}")
    if not is_pillow(img):
        return Tensor(pad_array(img.array, (*[(0, 0)] * (img.ndim - 2), (up, down), (left, right)), fill, padding_mode))
    if padding_mode == "constant":
        if min(left, up, right, down) < 0:
            return crop(img, -up, -left, img.height + up + down, img.width + left + right)
        return ImageOps.expand(img, (left, up, right, down), fill=band_values(img, fill))
    pixels = to_array(img)
    padded = Image.fromarray(pad_array(pixels, ((up, down), (left, right), *[(0, 0)] * (pixels.ndim - 2)), 0,
                                       padding_mode))
    if img.mode == "P":
        padded.putpalette(img.getpalette())
    return padded


def borders(padding):
    """(left, top, right, bottom)"""
    if isinstance(padding, numbers.Number):
        return (int(padding),) * 4
    if len(padding) not in (1, 2, 4):
        raise ValueError(f"pad: expected a padding of one, two or four numbers, got {padding}")
    return tuple(padding) * (4 // len(padding))


def pad_array(array, widths, fill, mode):
    return np.pad(array, widths, mode, **({"constant_values": fill} if mode == "constant" else {}))


def band_values(img, fill):
    """`fill` in Pillow's form: a number for one channel, else a tuple."""
    bands = len(img.getbands())
    if fill is None:
        return 0
    if isinstance(fill, (list, tuple)):
        if len(fill) not in (1, bands):
            raise ValueError(f"fill: expected one number or {bands}, got {fill}")
        return tuple(fill) * (bands // len(fill)) if bands > 1 else fill[0]
    return (fill,) * bands if bands > 1 else fill


def hflip(img):
    """An image (..., C, H, W), left and right exchanged."""
    if is_pillow(img):
        return img.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return Tensor(img.array[..., ::-1].copy())


def vflip(img):
    """An image (..., C, H, W), top and bottom exchanged."""
    if is_pillow(img):
        return img.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    return Tensor(img.array[..., ::-1, :].copy())


def rotate(img, angle, interpolation=InterpolationMode.NEAREST, expand=False, center=None, fill=None):
    """A Pillow image of shape (H, W) turned by `angle` degrees against the clock. TypeError for a tensor."""
    only_pillow("rotate", img)
    return img.rotate(angle, pillow_filter(interpolation), expand, center, fillcolor=band_values(img, fill))


def affine(img, angle, translate, scale, shear, interpolation=InterpolationMode.NEAREST, fill=None, center=None):
    """A Pillow image of shape (H, W) turned by `angle` degrees with the clock, scaled, sheared and moved.

    `translate` is in pixels, right and down, `shear` in degrees. ValueError for a scale of 0 or less, TypeError for a
    tensor.
    """
    only_pillow("affine", img)
    if scale <= 0:
        raise ValueError(f"affine: expected a scale above 0, got {scale}")
    shear = (shear, 0.0) if isinstance(shear, numbers.Number) else (*shear, 0.0)[:2]
    center = (img.width * 0.5, img.height * 0.5) if center is None else center
    matrix = inverse_affine(center, angle, translate, scale, shear)
    return img.transform(img.size, Image.Transform.AFFINE, matrix, pillow_filter(interpolation),
                         fillcolor=band_values(img, fill))


def inverse_affine(center, angle, translate, scale, shear):
    """Six numbers: from a place in the new image to its place in the old one.

    The inverse of move(translate + center) · rotate(angle) · shear · scale · move(-center).
    """
    turn, (sx, sy) = math.radians(angle), map(math.radians, shear)
    (cx, cy), (tx, ty) = center, translate
    a = math.cos(turn - sy) / math.cos(sy)
    b = -math.cos(turn - sy) * math.tan(sx) / math.cos(sy) - math.sin(turn)
    c = math.sin(turn - sy) / math.cos(sy)
    d = -math.sin(turn - sy) * math.tan(sx) / math.cos(sy) + math.cos(turn)
    a, b, c, d = d / scale, -b / scale, -c / scale, a / scale
    return [a, b, a * (-cx - tx) + b * (-cy - ty) + cx, c, d, c * (-cx - tx) + d * (-cy - ty) + cy]


def only_pillow(name, img):
    if not is_pillow(img):
        raise TypeError(f"{name}: expected a Pillow image, got a tensor {tuple(img.shape)}; put the transform before "
                        "ToTensor")
