"""An image file of any format as an array of pixels.

`read` opens any file that Pillow can read, and `prepare` resizes any image to the size that a network takes. Every
special kind of image is handled here:

    an orientation in the file (EXIF)        the image is turned upright, as viewers show it
    a palette                                the indices are replaced by their colours
    transparency                             the image is laid on white
    16 bits or more a channel, or floats     the values become 8 bits (see `to_8_bits`)
    CMYK, YCbCr, L*a*b*, HSV                 the colours become red, green and blue
    several frames (GIF, TIFF)               the first frame is taken
    over 89,478,485 pixels                   the image is refused: Pillow's limit against files that fill the memory
"""

import contextlib
import functools
import os
import warnings

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from tinynet.data.dataset import DataError

FITS = ("crop", "pad")
MOST_PIXELS = 89_478_485               # Pillow warns above this number
DRAFT = 4                              # a JPEG is decoded at 4 times the wanted size, or larger
WHITE = (255, 255, 255, 255)
MIXTURE = np.array([19595, 38470, 7471], np.uint32)        # luminance of ITU-R BT.601, in 65536ths


class ImageError(DataError):
    """An image file that cannot be read, and why. A DataError."""

    def __init__(self, path, why):
        super().__init__(f"{path}: {why}")
        self.path, self.why = path, why


def read(path, size, fit="crop"):
    """The image in the file `path` as uint8 (H, W, 3), from 0 to 255; ImageError if it cannot be read.

    `size` is the side of a square in pixels, or the pair (width, height).
    """
    try:
        with quiet_pillow(), Image.open(path) as image:
            return prepare(image, size, fit)
    except UnidentifiedImageError:
        raise ImageError(path, "it is not an image that Pillow can read") from None
    except Image.DecompressionBombError:
        raise ImageError(path, f"it has more than {MOST_PIXELS:,} pixels, the most that are read") from None
    except DataError as error:
        raise ImageError(path, str(error)) from None
    except OSError as error:
        raise ImageError(path, f"it cannot be read: {error.strerror or error}") from None
    except MemoryError:
        raise
    except Exception as error:         # a damaged file can fail in any line of Pillow that reads it
        raise ImageError(path, f"it is damaged ({type(error).__name__}: {error!s:.200})") from None


@contextlib.contextmanager
def quiet_pillow():
    """Silence Pillow's warnings about unusual files: a file that cannot be read raises an error anyway."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def prepare(image, size, fit="crop"):
    """A Pillow image as uint8 pixels (H, W, 3); `size` is that of `read`. DataError if it is too large, or empty.

    With `fit` "crop" the shorter side is resized and the middle is cut out; with "pad" the longer side is resized,
    and the image stands in the middle of a black ground.
    """
    check_area(*image.size)
    size = size if isinstance(size, tuple) else (size, size)
    image.draft(None, (DRAFT * max(size),) * 2)            # only has an effect on a JPEG that was just opened
    return np.asarray(fitted(to_rgb(upright(image)), size, fit))


def upright(image):
    """A Pillow image turned as its EXIF data says. EXIF data that cannot be read are ignored."""
    try:
        image.getexif()
    except Exception:                  # the EXIF data are damaged, but the pixels may be intact
        return image
    return ImageOps.exif_transpose(image)


def check_area(width, height):
    if width * height > MOST_PIXELS:
        raise DataError(f"it has {width} x {height} pixels; at most {MOST_PIXELS:,} are read")
    if width * height == 0:
        raise DataError("it has no pixels")


def fitted(image, size, fit):
    """A Pillow image resized and cropped, or resized and padded, to `size`, (width, height)."""
    return (ImageOps.fit if fit == "crop" else ImageOps.pad)(image, size, Image.Resampling.BILINEAR)


def to_rgb(image):
    """A Pillow image of any mode as one of mode RGB."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image = Image.fromarray(to_8_bits(np.asarray(image)))
    if image.mode == "LAB":
        from PIL import ImageCms
        lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, lab, rgb, outputMode="RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, WHITE), image).convert("RGB")
    return image.convert("RGB")


def to_8_bits(values):
    """Pixels of 16 bits, or floats, as uint8 of the same shape.

    Integers are from 0 to 65535, floats from 0 to 1. Larger or negative numbers have no agreed meaning: an image with
    such numbers is stretched, from its least to its greatest value. DataError for a NaN or an infinity.
    """
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all():
        raise DataError("it has pixels that are not finite numbers")
    top = 1 if values.dtype.kind == "f" else 65535
    if low < 0 or high > top:
        values, top = values - low, (high - low) or 1
    return np.rint(values * (255 / top)).astype(np.uint8)


# Channels ---------------------------------------------------------------------------------------------------


def is_gray(images):
    """Whether red, green and blue are the same in every pixel of images (..., H, W, 3)."""
    return bool((images[..., :1] == images).all())


def with_channels(images, channels):
    """RGB images (..., H, W, 3) with 1 channel, their luminance, or with 3 channels, unchanged."""
    if channels == 3:
        return images
    if channels == 1:
        return ((images @ MIXTURE + 0x8000) >> 16).astype(np.uint8)[..., None]
    raise DataError(f"image files have 1 or 3 channels, but {channels} are wanted")


# Which files are images -------------------------------------------------------------------------------------


@functools.cache
def endings():
    """The endings of file names, such as ".png", that Pillow can read."""
    Image.init()
    return {ending for ending, kind in Image.registered_extensions().items() if kind in Image.OPEN}


def is_image(path):
    """Whether a file is an image: by the ending of its name or, if that is unknown, by its first bytes."""
    if os.path.splitext(path)[1].lower() in endings():
        return True
    try:
        with quiet_pillow(), Image.open(path):
            return True
    except Exception:                  # Pillow raises many kinds of errors for a file that is no image
        return False
