"""How notebooks show tensors of images, and tables.

A notebook asks an object for `_repr_html_`, `_repr_svg_` or `_repr_png_` before it takes the plain `repr`. None means
"take the plain one". Modules, graphs and pages of the explorer have their own method beside their `__repr__`.
"""

import html

import numpy as np

from tinynet.tensor import attach

MOST_IMAGES = 32                       # of a tensor that are shown
SMALLEST_SIDE = 8                      # pixels; smaller images are shown as numbers


@attach("_repr_png_")
def tensor_png(tensor):
    """A sheet of images if the tensor (N, C, H, W) or (N, H, W, C) looks like images, with C = 1 or 3; else None."""
    images = tensor.array
    if images.ndim != 4 or not 0 < len(images) or images.dtype.kind == "b" or not np.isfinite(images).all():
        return None
    if images.shape[1] in (1, 3):
        images = images.transpose(0, 2, 3, 1)
    if images.shape[3] not in (1, 3) or min(images.shape[1:3]) < SMALLEST_SIDE:
        return None
    from tinynet.plots.figure import rendered
    from tinynet.plots.pictures import image_sheet
    return rendered(image_sheet(_in_range(images[:MOST_IMAGES])), "png")


def _in_range(images):
    """Images as uint8 or as floats from 0 to 1: normalised images are scaled to that range, all by the same factor."""
    if images.dtype == np.uint8:
        return images
    images = images.astype(np.float64)
    low, high = images.min(), images.max()
    return images if low >= 0 and high <= 1 else (images - low) / ((high - low) or 1)


def text_html(result):
    """A table of text as it is printed."""
    return f"<pre>{html.escape(str(result))}</pre>"
