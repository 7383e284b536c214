"""Transforms that move pixels. Each takes a Pillow image or a tensor (..., C, H, W)."""

import math
import numbers as kinds

from tinynet.vision.transforms import geometry
from tinynet.vision.transforms.combine import Transform, draw, numbers
from tinynet.vision.transforms.images import InterpolationMode, get_dimensions, pair, pillow_filter

BILINEAR, NEAREST = InterpolationMode.BILINEAR, InterpolationMode.NEAREST


class Resize(Transform):
    """Images (..., C, H, W) in a new size: (height, width), or one number for the shorter side.

    `max_size` limits the longer side. TypeError for another kind of size, ValueError for more than two numbers.
    `torchvision.transforms.Resize`.
    """

    shown = ("size", "interpolation", "max_size", "antialias")

    def __init__(self, size, interpolation=BILINEAR, max_size=None, antialias=True):
        super().__init__()
        if not isinstance(size, (int, list, tuple)):
            raise TypeError(f"Resize: expected a size of one or two numbers, got {size!r}")
        if not isinstance(size, int) and len(size) not in (1, 2):
            raise ValueError(f"Resize: expected a size of one or two numbers, got {size}")
        pillow_filter(interpolation)
        self.size, self.interpolation, self.max_size, self.antialias = size, interpolation, max_size, antialias

    def forward(self, img):
        return geometry.resize(img, self.size, self.interpolation, self.max_size, self.antialias)


class CenterCrop(Transform):
    """The middle `size` of images (..., C, H, W), with a black border where they are smaller.

    `torchvision.transforms.CenterCrop`.
    """

    shown = ("size",)

    def __init__(self, size):
        super().__init__()
        self.size = pair("CenterCrop", size)

    def forward(self, img):
        return geometry.center_crop(img, self.size)


class Pad(Transform):
    """Images (..., C, H, W) with a border, `fill` or what `padding_mode` says. `torchvision.transforms.Pad`."""

    shown = ("padding", "fill", "padding_mode")

    def __init__(self, padding, fill=0, padding_mode="constant"):
        super().__init__()
        geometry.borders(padding)
        self.padding, self.fill, self.padding_mode = padding, fill, padding_mode

    def forward(self, img):
        return geometry.pad(img, self.padding, self.fill, self.padding_mode)


class RandomCrop(Transform):
    """A part of the given `size`, anywhere in images (..., C, H, W), after a border of `padding` is put around them.

    With `pad_if_needed` a smaller image gets a border, else it is a ValueError. The border's value is `fill`.
    `torchvision.transforms.RandomCrop`.
    """

    shown = ("size", "padding")

    def __init__(self, size, padding=None, pad_if_needed=False, fill=0, padding_mode="constant"):
        super().__init__()
        self.size = pair("RandomCrop", size)
        self.padding, self.pad_if_needed, self.fill, self.padding_mode = padding, pad_if_needed, fill, padding_mode

    @staticmethod
    def get_params(img, output_size):
        """(top, left, height, width) of a random part."""
        _, rows, columns = get_dimensions(img)
        height, width = output_size
        if rows < height or columns < width:
            raise ValueError(f"RandomCrop: expected an image of at least {(height, width)}, got {(rows, columns)}")
        top, left = numbers().integers(0, [rows - height + 1, columns - width + 1]).tolist()
        return top, left, height, width

    def forward(self, img):
        if self.padding is not None:
            img = geometry.pad(img, self.padding, self.fill, self.padding_mode)
        _, rows, columns = get_dimensions(img)
        if self.pad_if_needed:
            missing = [max(self.size[1] - columns, 0), max(self.size[0] - rows, 0)]
            if any(missing):
                img = geometry.pad(img, missing, self.fill, self.padding_mode)
        return geometry.crop(img, *self.get_params(img, self.size))


class RandomResizedCrop(Transform):
    """A part of a random area and shape, anywhere in images (..., C, H, W), resized to `size`.

    `scale` bounds the part's share of the area, `ratio` its width divided by its height.
    `torchvision.transforms.RandomResizedCrop`; Szegedy et al. 2015, "Going Deeper with Convolutions".
    """

    shown = ("size", "scale", "ratio")

    def __init__(self, size, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3), interpolation=BILINEAR, antialias=True):
        super().__init__()
        self.size = pair("RandomResizedCrop", size)
        pillow_filter(interpolation)
        self.scale, self.ratio, self.interpolation, self.antialias = scale, ratio, interpolation, antialias

    @staticmethod
    def get_params(img, scale, ratio):
        """(top, left, height, width) of a random part; after ten that do not fit, the largest one in the middle."""
        _, rows, columns = get_dimensions(img)
        for _ in range(10):
            area = rows * columns * draw(*scale)
            shape = math.exp(draw(*map(math.log, ratio)))
            width, height = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
            if 0 < width <= columns and 0 < height <= rows:
                top, left = numbers().integers(0, [rows - height + 1, columns - width + 1]).tolist()
                return top, left, height, width
        shape = min(max(columns / rows, min(ratio)), max(ratio))
        width, height = min(columns, round(rows * shape)), min(rows, round(columns / shape))
        return (rows - height) // 2, (columns - width) // 2, height, width

    def forward(self, img):
        place = self.get_params(img, self.scale, self.ratio)
        return geometry.resized_crop(img, *place, self.size, self.interpolation, self.antialias)


class Randomly(Transform):
    """Base of transforms that act with probability p, on images of any shape: subclasses define `change(img)`."""

    shown = ("p",)

    def __init__(self, p=0.5):
        super().__init__()
        self.p = p

    def forward(self, img):
        return self.change(img) if draw() < self.p else img


class RandomHorizontalFlip(Randomly):
    """Left and right of images (..., C, H, W) exchanged, with probability p.

    `torchvision.transforms.RandomHorizontalFlip`.
    """

    change = staticmethod(geometry.hflip)


class RandomVerticalFlip(Randomly):
    """Top and bottom of images (..., C, H, W) exchanged, with probability p.

    `torchvision.transforms.RandomVerticalFlip`.
    """

    change = staticmethod(geometry.vflip)


class RandomRotation(Transform):
    """Pillow images (H, W) turned by an angle from `degrees`: (least, most), or one number for (-d, d).

    `fill` is the value of the corners. `torchvision.transforms.RandomRotation`; ValueError for one negative number.
    """

    shown = ("degrees",)

    def __init__(self, degrees, interpolation=NEAREST, expand=False, center=None, fill=0):
        super().__init__()
        self.degrees = angles("RandomRotation", degrees)
        self.interpolation, self.expand, self.center, self.fill = interpolation, expand, center, fill

    @staticmethod
    def get_params(degrees):
        """A random angle in degrees."""
        return draw(*degrees)

    def forward(self, img):
        return geometry.rotate(img, self.get_params(self.degrees), self.interpolation, self.expand, self.center,
                               self.fill)


class RandomAffine(Transform):
    """Pillow images (H, W) turned, moved, scaled and sheared at random.

    `degrees` and `shear` bound the angles, `translate` the shares of width and height to move by, `scale` the factor.
    `fill` is the value of what comes in from outside.
    `torchvision.transforms.RandomAffine`; ValueError for one negative angle.
    """

    def __init__(self, degrees, translate=None, scale=None, shear=None, interpolation=NEAREST, fill=0, center=None):
        super().__init__()
        self.degrees, self.translate, self.scale = angles("RandomAffine", degrees), translate, scale
        self.shear = None if shear is None else angles("RandomAffine", shear)
        self.interpolation, self.fill, self.center = interpolation, fill, center

    @staticmethod
    def get_params(degrees, translate, scale_ranges, shears, img_size):
        """(angle, (right, down), scale, (x, y)) at random, for an image of size (width, height)."""
        angle, moved = draw(*degrees), (0, 0)
        if translate is not None:
            moved = tuple(round(draw(-share * length, share * length)) for share, length in zip(translate, img_size))
        scale = 1.0 if scale_ranges is None else draw(*scale_ranges)
        x = draw(*shears[:2]) if shears else 0.0
        y = draw(*shears[2:]) if shears and len(shears) == 4 else 0.0
        return angle, moved, scale, (x, y)

    def forward(self, img):
        _, rows, columns = get_dimensions(img)
        chosen = self.get_params(self.degrees, self.translate, self.scale, self.shear, (columns, rows))
        return geometry.affine(img, *chosen, self.interpolation, self.fill, self.center)


class FiveCrop(Transform):
    """The four corners and the middle of images (..., C, H, W), each of the given `size`.

    `torchvision.transforms.FiveCrop`.
    """

    def __init__(self, size):
        super().__init__()
        self.size = pair("FiveCrop", size)

    def forward(self, img):
        return geometry.five_crop(img, self.size)


class TenCrop(Transform):
    """`FiveCrop` of images (..., C, H, W), and of the images flipped. `torchvision.transforms.TenCrop`."""

    def __init__(self, size, vertical_flip=False):
        super().__init__()
        self.size, self.vertical_flip = pair("TenCrop", size), vertical_flip

    def forward(self, img):
        return geometry.ten_crop(img, self.size, self.vertical_flip)


def angles(name, degrees):
    """(least, most) of one number, or the numbers as they are."""
    if not isinstance(degrees, kinds.Number):
        return tuple(map(float, degrees))
    if degrees < 0:
        raise ValueError(f"{name}: expected degrees of 0 or more, or (least, most), got {degrees}")
    return (-float(degrees), float(degrees))
