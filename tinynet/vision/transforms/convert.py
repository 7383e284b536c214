"""From images to tensors and back, and from one range of values to another."""

import numpy as np
from PIL import Image

from tinynet import dtypes
from tinynet.tensor import Tensor
from tinynet.vision.transforms.images import is_pillow, kind, to_array

PIXELS = {"I": np.int32, "I;16": np.int16, "I;16B": np.int16, "I;16L": np.int16, "F": np.float32}


def pil_to_tensor(pic):
    """A Pillow image as a tensor (C, H, W) of the same values. As in torchvision."""
    if not is_pillow(pic):
        raise TypeError(f"pil_to_tensor: expected a Pillow image, got {kind(pic)}")
    if pic.mode == "1":
        pixels = to_array(pic).astype(np.uint8)
    else:
        pixels = np.array(to_array(pic), PIXELS.get(pic.mode))
    return Tensor(channels_first(pixels))


def to_tensor(pic):
    """A Pillow image or an array (H, W, C) or (H, W) as a tensor (C, H, W); uint8 becomes floats from 0 to 1.

    As in torchvision. TypeError for anything else, ValueError for an array of another number of axes.
    """
    if isinstance(pic, np.ndarray):
        if pic.ndim not in (2, 3):
            raise ValueError(f"to_tensor: expected an array (H, W, C) or (H, W), got {pic.shape}")
        pixels = Tensor(channels_first(pic))
        dtypes.check(pixels.dtype, "to_tensor")
    elif isinstance(pic, Tensor) or not is_pillow(pic):
        raise TypeError(f"to_tensor: expected a Pillow image or an array, got {kind(pic)}")
    else:
        pixels = pil_to_tensor(pic)
        if pic.mode == "1":
            pixels = Tensor(pixels.array * np.uint8(255))
    if pixels.dtype != np.uint8:
        return pixels
    return Tensor(pixels.array.astype(np.float32) / np.float32(255))


def channels_first(pixels):
    """(H, W, C) or (H, W) to (C, H, W), a copy."""
    pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels
    return np.array(pixels.transpose(2, 0, 1), order="C")


def convert_image_dtype(image, dtype=dtypes.float32):
    """A tensor of any shape in another type, its values scaled from the range of the old type to that of the new one.

    Floats are from 0 to 1, integers from 0 to their largest. As in torchvision.
    """
    dtype, array = dtypes.check(dtype, "convert_image_dtype"), image.array
    if array.dtype == dtype:
        return image
    if array.dtype.kind == "f":
        if dtype.kind == "f":
            return Tensor(array.astype(dtype))
        return Tensor((array * (np.iinfo(dtype).max + 1.0 - 1e-3)).astype(dtype))
    high = np.iinfo(array.dtype).max
    if dtype.kind == "f":
        return Tensor(array.astype(dtype) / dtype.type(high))
    wanted = np.iinfo(dtype).max
    if high > wanted:
        return Tensor((array // ((high + 1) // (wanted + 1))).astype(dtype))
    return Tensor(array.astype(dtype) * dtype.type((wanted + 1) // (high + 1)))


def to_pil_image(pic, mode=None):
    """A tensor (C, H, W) or (H, W), or an array (H, W, C) or (H, W), as a Pillow image of 1 to 4 channels.

    Floats in a tensor are from 0 to 1. As in torchvision. TypeError for other objects, ValueError for shapes and modes
    that do not fit.
    """
    if isinstance(pic, Tensor):
        pixels = pic.array[None] if pic.ndim == 2 else pic.array
        if pixels.ndim != 3:
            raise ValueError(f"to_pil_image: expected a tensor (C, H, W) or (H, W), got {tuple(pic.shape)}")
        if pixels.dtype.kind == "f" and mode != "F":
            pixels = (pixels * 255).astype(np.uint8)
        pixels = pixels.transpose(1, 2, 0)                          # (H, W, C)
    elif isinstance(pic, np.ndarray):
        pixels = pic[:, :, None] if pic.ndim == 2 else pic
    else:
        raise TypeError(f"to_pil_image: expected a tensor or an array, got {kind(pic)}")
    if pixels.ndim != 3 or not 1 <= pixels.shape[2] <= 4:
        raise ValueError(f"to_pil_image: expected 1 to 4 channels, got {kind(pic)}")
    if pixels.shape[2] == 1:
        return gray_image(pixels[:, :, 0], mode)
    if pixels.dtype != np.uint8:
        raise TypeError(f"to_pil_image: expected uint8 for {pixels.shape[2]} channels, got {pixels.dtype}")
    usual, allowed = {2: ("LA", ["LA"]), 3: ("RGB", ["RGB", "YCbCr", "HSV"]),
                      4: ("RGBA", ["RGBA", "CMYK", "RGBX"])}[pixels.shape[2]]
    check_mode(mode, allowed)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return image if mode in (None, usual) else Image.frombytes(mode, image.size, image.tobytes())


def gray_image(pixels, mode):
    found = {"uint8": "L", "int16": "I;16", "int32": "I", "float32": "F"}.get(str(pixels.dtype))
    if found is None:
        raise TypeError(f"to_pil_image: expected uint8, int16, int32 or float32 for one channel, got {pixels.dtype}")
    check_mode(mode, [found])
    if found == "I;16":
        return Image.frombytes(found, pixels.shape[::-1], np.ascontiguousarray(pixels).tobytes())
    return Image.fromarray(np.ascontiguousarray(pixels))


def check_mode(mode, allowed):
    if mode is not None and mode not in allowed:
        raise ValueError(f"to_pil_image: expected a mode of {', '.join(allowed)} for these pixels, got {mode!r}")


def normalize(tensor, mean, std, inplace=False):
    """y = (x - mean) / std for each channel of a tensor (..., C, H, W) of floats. As in torchvision.

    ValueError for a std of zero.
    """
    if not isinstance(tensor, Tensor) or not tensor.is_floating_point() or tensor.ndim < 3:
        found = f"{kind(tensor)}, {tensor.dtype}" if isinstance(tensor, Tensor) else kind(tensor)
        raise TypeError(f"normalize: expected a tensor (..., C, H, W) of floats, got {found}; ToTensor makes one")
    mean, std = (np.asarray(getattr(x, "array", x), tensor.dtype).reshape(-1, 1, 1) for x in (mean, std))
    if (std == 0).any():
        raise ValueError(f"normalize: expected std values other than zero, got {std.ravel().tolist()}")
    if inplace:
        tensor.array[...] = (tensor.array - mean) / std
        return tensor.bump()
    return Tensor((tensor.array - mean) / std)
