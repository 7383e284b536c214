"""Functions that change the values of pixels: brightness, contrast, colour, blur, erasing. As in torchvision."""

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from tinynet.tensor import Tensor
from tinynet.vision.transforms.convert import pil_to_tensor, to_pil_image
from tinynet.vision.transforms.images import get_image_num_channels, is_pillow, like, to_array, top

LUMINANCE = np.array([0.2989, 0.587, 0.114])


def blend(first, second, ratio):
    """ratio · first + (1 - ratio) · second, in the range of the tensor `first`."""
    mixed = ratio * first.array + (1.0 - ratio) * second
    mixed = mixed.clip(0, top(first))
    return like(first, mixed if first.is_floating_point() else np.floor(mixed))


def enhanced(name, img, factor):
    """A Pillow image changed by Pillow's ImageEnhance; None for a tensor."""
    if factor < 0:
        raise ValueError(f"{name.lower()}: expected a factor of 0 or more, got {factor}")
    return getattr(ImageEnhance, name)(img).enhance(factor) if is_pillow(img) else None


def adjust_brightness(img, brightness_factor):
    """An image (..., C, H, W) with `brightness_factor` times its brightness: 0 is black, 1 the image itself."""
    result = enhanced("Brightness", img, brightness_factor)
    return blend(img, 0.0, brightness_factor) if result is None else result


def adjust_contrast(img, contrast_factor):
    """An image (..., C, H, W) with other contrast: 0 is all gray, 1 the image itself."""
    result = enhanced("Contrast", img, contrast_factor)
    if result is not None:
        return result
    gray = luminance(img) if get_image_num_channels(img) == 3 else img.array
    gray = gray if img.is_floating_point() else np.floor(gray)
    return blend(img, gray.mean((-3, -2, -1), keepdims=True), contrast_factor)


def adjust_saturation(img, saturation_factor):
    """An image (..., C, H, W) with stronger or weaker colours: 0 is gray, 1 the image itself."""
    result = enhanced("Color", img, saturation_factor)
    if result is not None:
        return result
    if get_image_num_channels(img) == 1:
        return img
    gray = luminance(img)
    return blend(img, gray if img.is_floating_point() else np.floor(gray), saturation_factor)


def adjust_sharpness(img, sharpness_factor):
    """A Pillow image (H, W), blurred by a factor of 0, unchanged by 1, sharper by more. TypeError for a tensor."""
    result = enhanced("Sharpness", img, sharpness_factor)
    if result is None:
        raise TypeError("adjust_sharpness: expected a Pillow image, got a tensor; put the transform before ToTensor")
    return result


def adjust_hue(img, hue_factor):
    """An image (..., C, H, W) with its hues turned by `hue_factor`, from -0.5 to 0.5 of the circle, else ValueError."""
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"adjust_hue: expected a hue_factor from -0.5 to 0.5, got {hue_factor}")
    if is_pillow(img):
        if img.mode in ("L", "1", "I", "F"):
            return img
        h, s, v = img.convert("HSV").split()
        turned = to_array(h) + np.int32(hue_factor * 255).astype(np.uint8)     # uint8 wraps round, as hues do
        return Image.merge("HSV", (Image.fromarray(turned), s, v)).convert(img.mode)
    if get_image_num_channels(img) == 1:
        return img
    h, s, v = to_hsv(img.array / top(img))
    return like(img, from_hsv((h + hue_factor) % 1.0, s, v) * top(img))


def to_hsv(rgb):
    """Hue, saturation and value (..., H, W), from 0 to 1, of floats (..., 3, H, W)."""
    r, g, b = (rgb[..., i, :, :] for i in range(3))
    high, low = rgb.max(-3), rgb.min(-3)
    spread = high - low
    safe = np.where(spread == 0, 1.0, spread)
    red, green, blue = (high - r) / safe, (high - g) / safe, (high - b) / safe
    sixth = np.where(r == high, blue - green, np.where(g == high, 2 + red - blue, 4 + green - red))
    return (sixth / 6.0) % 1.0, spread / np.where(spread == 0, 1.0, high), high


def from_hsv(h, s, v):
    """Red, green and blue (..., 3, H, W)."""
    sixth = np.floor(h * 6)
    rest, sixth = h * 6 - sixth, sixth.astype(int) % 6
    p, q, t = ((v * (1 - part)).clip(0, 1) for part in (s, s * rest, s * (1 - rest)))
    choices = (v, q, p, p, t, v), (t, v, v, q, p, p), (p, p, t, v, v, q)
    return np.stack([np.choose(sixth, channel) for channel in choices], -3)


def adjust_gamma(img, gamma, gain=1):
    """gain · x^gamma for an image (..., C, H, W), its values from 0 to 1. ValueError for a negative gamma."""
    if gamma < 0:
        raise ValueError(f"adjust_gamma: expected a gamma of 0 or more, got {gamma}")
    if is_pillow(img):
        table = [int((255 + 1 - 1e-3) * gain * pow(value / 255.0, gamma)) for value in range(256)]
        return img.convert("RGB").point(table * 3).convert(img.mode)
    white = top(img)
    made = (gain * (img.array / white) ** gamma).clip(0, 1) * white
    return like(img, made if img.is_floating_point() else np.floor(made))


def luminance(img):
    """0.2989 R + 0.587 G + 0.114 B of an array (..., 3, H, W), as (..., 1, H, W)."""
    return np.einsum("...chw,c->...hw", img.array, LUMINANCE)[..., None, :, :]


def rgb_to_grayscale(img, num_output_channels=1):
    """The luminance of an image (..., 3, H, W) in `num_output_channels`: 1, or 3 equal ones; else ValueError."""
    if num_output_channels not in (1, 3):
        raise ValueError(f"rgb_to_grayscale: expected 1 or 3 channels, got {num_output_channels}")
    if is_pillow(img):
        gray = img.convert("L")
        return gray if num_output_channels == 1 else Image.merge("RGB", (gray,) * 3)
    if get_image_num_channels(img) == 1:
        gray = img.array
    else:
        gray = luminance(img)
        gray = gray if img.is_floating_point() else np.floor(gray)
    return like(img, np.repeat(gray, num_output_channels, -3))


to_grayscale = rgb_to_grayscale


def invert(img):
    """An image (..., C, H, W) with black and white exchanged."""
    if is_pillow(img):
        return ImageOps.invert(img)
    return like(img, top(img) - img.array)


def solarize(img, threshold):
    """An image (..., C, H, W) whose values from `threshold` on are inverted."""
    if is_pillow(img):
        return ImageOps.solarize(img, threshold)
    return like(img, np.where(img.array >= threshold, top(img) - img.array, img.array))


def posterize(img, bits):
    """An image (..., C, H, W) with only the `bits` highest bits of each value. TypeError for floats."""
    if is_pillow(img):
        return ImageOps.posterize(img, bits)
    if img.dtype != np.uint8:
        raise TypeError(f"posterize: expected a uint8 tensor, got {img.dtype}")
    return like(img, img.array & np.uint8(256 - (1 << (8 - bits))))


def autocontrast(img):
    """A Pillow image (H, W), stretched from black to white. TypeError for a tensor."""
    return by_pillow("autocontrast", img)


def equalize(img):
    """A Pillow image (H, W) in which all values are about as frequent. TypeError for a tensor."""
    return by_pillow("equalize", img)


def by_pillow(name, img):
    if not is_pillow(img):
        raise TypeError(f"{name}: expected a Pillow image, got a tensor; put the transform before ToTensor")
    return getattr(ImageOps, name)(img)


def gaussian_blur(img, kernel_size, sigma=None):
    """An image (..., C, H, W) convolved with a Gaussian of odd `kernel_size` and `sigma` in pixels, else ValueError.

    The border is reflected.
    """
    sizes = [kernel_size] * 2 if isinstance(kernel_size, int) else list(kernel_size)
    if any(size % 2 == 0 or size < 1 for size in sizes):
        raise ValueError(f"gaussian_blur: expected an odd kernel_size, got {kernel_size}")
    sigmas = [size * 0.15 + 0.35 for size in sizes] if sigma is None else sigma
    sigmas = [sigmas] * 2 if isinstance(sigmas, (int, float)) else list(sigmas) * (2 // len(sigmas))
    if min(sigmas) <= 0:
        raise ValueError(f"gaussian_blur: expected a sigma above 0, got {sigma}")
    tensor = pil_to_tensor(img) if is_pillow(img) else img
    pixels = tensor.array.astype(np.result_type(tensor.dtype, np.float32))
    for axis, size, width in zip((-1, -2), sizes, sigmas):
        pixels = convolved(pixels, gaussian(size, width), axis)
    made = like(tensor, pixels)
    return to_pil_image(made, img.mode) if is_pillow(img) else made


def gaussian(size, sigma):
    """`size` weights (size,) that add up to 1."""
    x = np.linspace(-(size - 1) * 0.5, (size - 1) * 0.5, size)
    weights = np.exp(-0.5 * (x / sigma) ** 2)
    return weights / weights.sum()


def convolved(pixels, weights, axis):
    """An array (..., H, W) convolved along one of its last two axes, the border reflected."""
    half = len(weights) // 2
    widths = [(0, 0)] * pixels.ndim
    widths[axis] = (half, half)
    padded, length = np.pad(pixels, widths, "reflect"), pixels.shape[axis]
    shifted = (padded.take(range(i, i + length), axis) * weight for i, weight in enumerate(weights.tolist()))
    return sum(shifted)


def erase(img, i, j, h, w, v, inplace=False):
    """A tensor (..., C, H, W) with the value v in the h x w pixels from row i and column j on. TypeError for others."""
    if is_pillow(img):
        raise TypeError("erase: expected a tensor, got a Pillow image; put the transform after ToTensor")
    made = img if inplace else Tensor(img.array.copy())
    made.array[..., i:i + h, j:j + w] = v.array if isinstance(v, Tensor) else v
    return made.bump()
