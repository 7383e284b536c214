"""The functions that the transforms call, without random choices. Names and results are torchvision's."""

from tinynet.vision.transforms.color import (
    adjust_brightness, adjust_contrast, adjust_gamma, adjust_hue, adjust_saturation, adjust_sharpness, autocontrast,
    equalize, erase, gaussian_blur, invert, posterize, rgb_to_grayscale, solarize, to_grayscale)
from tinynet.vision.transforms.convert import (
    convert_image_dtype, normalize, pil_to_tensor, to_pil_image, to_tensor)
from tinynet.vision.transforms.geometry import (
    affine, center_crop, crop, five_crop, hflip, pad, resize, resized_crop, rotate, ten_crop, vflip)
from tinynet.vision.transforms.images import (
    InterpolationMode, get_dimensions, get_image_num_channels, get_image_size)    # noqa: F401 (a name of torchvision)

__all__ = ["adjust_brightness", "adjust_contrast", "adjust_gamma", "adjust_hue", "adjust_saturation",
           "adjust_sharpness", "autocontrast", "equalize", "erase", "gaussian_blur", "invert", "posterize",
           "rgb_to_grayscale", "solarize", "to_grayscale", "convert_image_dtype", "normalize", "pil_to_tensor",
           "to_pil_image", "to_tensor", "affine", "center_crop", "crop", "five_crop", "hflip", "pad", "resize",
           "resized_crop", "rotate", "ten_crop", "vflip", "get_dimensions",
           "get_image_num_channels", "get_image_size"]
