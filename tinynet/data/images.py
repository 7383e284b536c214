"""An image, in whatever form it was saved, as an array of pixels.

`read` opens any file that Pillow can read, and `prepare` brings any image to the size that a network takes. What
is special about an image is settled here, in one place:

    turned by a note in the file (EXIF)      is turned upright, as viewers show it
    a palette                                becomes the colours that it stands for
    transparent                              is laid on white
    16 bits or more a channel, or floats     become 8 bits (see `to_8_bits`)
    CMYK, YCbCr, L*a*b*, HSV                 become red, green and blue
    several frames (GIF, TIFF)               the first one counts
    over 89,478,485 pixels                   is refused: Pillow's limit against files that fill the memory
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
DRAFT = 4                              # a JPEG is decoded at least at 4 times the size that is wanted
WHITE = (255, 255, 255, 255)
MIXTURE = np.array([19595, 38470, 7471], np.uint32)        # luminance of ITU-R BT.601, in 65536ths


class ImageError(DataError):
    """A file that is not an image which can be read, and why. A DataError."""

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
    """Pillow warns of odd files; what matters to us is an error."""
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
    """A Pillow image turned as its EXIF note says. A note that cannot be read counts as none."""
    try:
        image.getexif()
    except Exception:                  # the note is damaged; its pixels may be whole
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

    Integers are from 0 to 65535, floats from 0 to 1. Larger numbers, or negative ones, have no agreed meaning: such
    an image is stretched from its least to its greatest value. DataError for a NaN or an infinity.
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
    """RGB images (..., H, W, 3) as ones of 1 channel, their luminance, or of 3, as they are."""
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
    """Whether a file is an image: by the ending of its name, or, if that says nothing, by its first bytes."""
    if os.path.splitext(path)[1].lower() in endings():
        return True
    try:
        with quiet_pillow(), Image.open(path):
            return True
    except Exception:                  # whatever Pillow runs into, in a file of any kind
        return False
