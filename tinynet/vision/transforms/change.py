"""Transforms that change the values of pixels, or their type."""

import math
import numbers as kinds

from tinynet.tensor import Tensor
from tinynet.vision.transforms import color, convert
from tinynet.vision.transforms.combine import Transform, draw, numbers
from tinynet.vision.transforms.images import get_image_num_channels
from tinynet.vision.transforms.move import Randomly


class ToTensor:
    """A Pillow image or an array (H, W, C) as a tensor (C, H, W); uint8 becomes floats from 0 to 1.

    `torchvision.transforms.ToTensor`.
    """

    def __call__(self, pic):
        return convert.to_tensor(pic)

    def __repr__(self):
        return "ToTensor()"


class PILToTensor:
    """A Pillow image as a tensor (C, H, W) of the same values. `torchvision.transforms.PILToTensor`."""

    def __call__(self, pic):
        return convert.pil_to_tensor(pic)

    def __repr__(self):
        return "PILToTensor()"


class ToPILImage:
    """A tensor (C, H, W) or an array (H, W, C) as a Pillow image. `torchvision.transforms.ToPILImage`."""

    def __init__(self, mode=None):
        self.mode = mode

    def __call__(self, pic):
        return convert.to_pil_image(pic, self.mode)

    def __repr__(self):
        return f"ToPILImage({'' if self.mode is None else f'mode={self.mode}'})"


class ConvertImageDtype(Transform):
    """Tensors of any shape in another type, their values scaled. `torchvision.transforms.ConvertImageDtype`."""

    def __init__(self, dtype):
        super().__init__()
        self.dtype = dtype

    def forward(self, image):
        return convert.convert_image_dtype(image, self.dtype)


class Normalize(Transform):
    """y = (x - mean) / std for each channel of tensors (..., C, H, W). `torchvision.transforms.Normalize`."""

    shown = ("mean", "std")

    def __init__(self, mean, std, inplace=False):
        super().__init__()
        self.mean, self.std, self.inplace = mean, std, inplace

    def forward(self, tensor):
        return convert.normalize(tensor, self.mean, self.std, self.inplace)


class Grayscale(Transform):
    """The luminance of images (..., 3, H, W) in `num_output_channels`, 1 or 3.

    `torchvision.transforms.Grayscale`.
    """

    shown = ("num_output_channels",)

    def __init__(self, num_output_channels=1):
        super().__init__()
        self.num_output_channels = num_output_channels

    def forward(self, img):
        return color.rgb_to_grayscale(img, self.num_output_channels)


class RandomGrayscale(Randomly):
    """Images (..., C, H, W) without colour, with probability p. `torchvision.transforms.RandomGrayscale`."""

    def __init__(self, p=0.1):
        super().__init__(p)

    def change(self, img):
        """The image without colour."""
        return color.rgb_to_grayscale(img, get_image_num_channels(img))


class ColorJitter(Transform):
    """Brightness, contrast, saturation and hue of images (..., C, H, W) changed at random, in random order.

    A number b for `brightness`, `contrast` or `saturation` bounds the factor by max(0, 1 - b) and 1 + b, for `hue` the
    turn by -b and b; a pair holds the bounds themselves. ValueError for negative numbers.
    `torchvision.transforms.ColorJitter`.
    """

    shown = ("brightness", "contrast", "saturation", "hue")

    def __init__(self, brightness=0, contrast=0, saturation=0, hue=0):
        super().__init__()
        self.brightness = bounds("brightness", brightness)
        self.contrast = bounds("contrast", contrast)
        self.saturation = bounds("saturation", saturation)
        self.hue = bounds("hue", hue, center=0, low=-0.5, high=0.5)

    @staticmethod
    def get_params(brightness, contrast, saturation, hue):
        """(order of the four changes, their four factors, with None for a change that is left out)."""
        factors = (None if limits is None else draw(*limits) for limits in (brightness, contrast, saturation, hue))
        return (numbers().permutation(4), *factors)

    def forward(self, img):
        order, *factors = self.get_params(self.brightness, self.contrast, self.saturation, self.hue)
        change = (color.adjust_brightness, color.adjust_contrast, color.adjust_saturation, color.adjust_hue)
        for i in order:
            if factors[i] is not None:
                img = change[i](img, factors[i])
        return img


def bounds(name, value, center=1, low=0.0, high=math.inf):
    """The (least, most) factor, or None if the factor could only be 1."""
    if isinstance(value, kinds.Number):
        if value < 0:
            raise ValueError(f"ColorJitter: expected {name} of 0 or more, got {value}")
        value = (max(center - value, low) if center else -value, center + value)
    least, most = map(float, value)
    if not low <= least <= most <= high:
        raise ValueError(f"ColorJitter: expected {name} from {low} to {high}, got {value}")
    return None if least == most == center else (least, most)


class GaussianBlur(Transform):
    """Images (..., C, H, W) blurred with a Gaussian of odd `kernel_size`, and a `sigma` from a range, in pixels.

    `torchvision.transforms.GaussianBlur`; ValueError for an even size or a sigma of 0.
    """

    def __init__(self, kernel_size, sigma=(0.1, 2.0)):
        super().__init__()
        self.kernel_size, self.sigma = kernel_size, (sigma, sigma) if isinstance(sigma, kinds.Number) else sigma
        if self.sigma[0] <= 0:
            raise ValueError(f"GaussianBlur: expected a sigma above 0, got {sigma}")

    def forward(self, img):
        return color.gaussian_blur(img, self.kernel_size, draw(*self.sigma))


class RandomInvert(Randomly):
    """Images (..., C, H, W) with black and white exchanged, with probability p.

    `torchvision.transforms.RandomInvert`.
    """

    change = staticmethod(color.invert)


class RandomErasing(Transform):
    """A random rectangle of tensors (..., C, H, W) erased, with probability p.

    `scale` bounds its share of the area, `ratio` its height divided by its width; `value` is put there: a number, one
    for each channel, or "random". ValueError for a value that does not fit.
    `torchvision.transforms.RandomErasing`; Zhong et al. 2017, "Random Erasing Data Augmentation".
    """

    def __init__(self, p=0.5, scale=(0.02, 0.33), ratio=(0.3, 3.3), value=0, inplace=False):
        super().__init__()
        if isinstance(value, str) and value != "random":
            raise ValueError(f'RandomErasing: expected a number, one for each channel or "random", got {value!r}')
        self.p, self.scale, self.ratio, self.value, self.inplace = p, scale, ratio, value, inplace

    @staticmethod
    def get_params(img, scale, ratio, value=None):
        """(top, left, height, width, new values) of a random rectangle; the whole image after ten that do not fit."""
        channels, rows, columns = img.shape[-3:]
        for _ in range(10):
            area, shape = rows * columns * draw(*scale), math.exp(draw(*map(math.log, ratio)))
            height, width = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
            if height < rows and width < columns:
                if value is None:
                    new = numbers().standard_normal((channels, height, width)).astype(img.dtype)
                else:
                    new = Tensor([[[v]] for v in value]).array.astype(img.dtype)
                top, left = numbers().integers(0, [rows - height + 1, columns - width + 1]).tolist()
                return top, left, height, width, Tensor(new)
        return 0, 0, rows, columns, img

    def forward(self, img):
        if draw() >= self.p:
            return img
        value = None if isinstance(self.value, str) else self.value
        if isinstance(value, kinds.Number):
            value = [value]
        if value is not None and len(value) not in (1, img.shape[-3]):
            raise ValueError(f"RandomErasing: expected one value or {img.shape[-3]}, got {len(value)}")
        return color.erase(img, *self.get_params(img, self.scale, self.ratio, value), self.inplace)
