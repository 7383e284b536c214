"""Sheets of images: the inputs of a network, its filters, and its feature maps."""

import math

import numpy as np

from tinynet.plots.figure import finished, numbers, panels

RIGHT, WRONG = "tab:green", "tab:red"


def filters(weight, path=None, most=64):
    """The kernels of a convolution, weight (K, C, R, S).

    With 3 input channels, a filter is a color image, scaled to its own smallest and largest weight. Otherwise each of
    its kernels is an image, blue below zero, red above: a row for each filter, a column for each input channel (with
    one channel, the filters form a grid). At most `most` images.
    """
    weight = numbers("filters", weight, "a convolution's weight (K, C, R, S)", 4)
    if weight.shape[1] == 3:
        return sheet([stretched(kernel.transpose(1, 2, 0)) for kernel in weight[:most]], path)
    channels = min(weight.shape[1], max(1, math.isqrt(most)))
    rows = most // channels
    kernels = weight[:rows, :channels]
    limit = float(np.abs(kernels).max()) or 1.0
    return sheet(list(kernels.reshape(-1, *weight.shape[2:])), path, columns=channels if channels > 1 else 8,
                 cmap="RdBu_r", vmin=-limit, vmax=limit)


def feature_maps(maps, path=None, most=64):
    """The channels of one image's feature maps, (C, H, W) or (1, C, H, W), each scaled by itself.

    At most `most` of them; the channel's number stands above. ValueError for a batch: choose an image,
    maps[0].
    """
    maps = numbers("feature_maps", maps, "one image's maps (C, H, W)", 3, 4)
    if maps.ndim == 4:
        if len(maps) != 1:
            raise ValueError(f"feature_maps: expected one image's maps (C, H, W), got {maps.shape}; choose "
                             "one: maps[0]")
        maps = maps[0]
    return sheet(list(maps[:most]), path, titles=[str(channel) for channel in range(len(maps))], cmap="viridis")


def image_sheet(images, path=None, labels=None, predictions=None, names=None, columns=8):
    """Images with their labels above, and with their predictions: green if right, red if wrong.

    `images` is (N, H, W, C) or (N, C, H, W) with C = 1 or 3: uint8 from 0 to 255, or floats from 0 to 1.
    `labels` and `predictions` are (N,), indices into `names` if these are given.
    """
    images = as_images(numbers("image_sheet", images, "images (N, H, W, C) or (N, C, H, W)", 4))
    words = [None if values is None else named(what, values, len(images), names)
             for what, values in (("labels", labels), ("predictions", predictions))]
    titles, colors = captions(*words)
    gray = {"cmap": "gray", "vmin": 0, "vmax": 1} if images.shape[-1] == 1 else {}
    return sheet([image.squeeze(-1) if gray else image for image in images], path, titles, colors, columns, **gray)


def as_images(images):
    """(N, H, W, C), floats from 0 to 1."""
    if images.shape[-1] not in (1, 3):
        if images.shape[1] not in (1, 3):
            raise ValueError("image_sheet: expected images (N, H, W, C) or (N, C, H, W) with 1 or 3 "
                             f"channels, got {images.shape}")
        images = images.transpose(0, 2, 3, 1)
    if images.dtype == np.uint8:
        return images / 255
    low, high = images.min(), images.max()
    if not -1e-3 <= low <= high <= 1.001:
        raise ValueError(f"image_sheet: expected floats from 0 to 1, or uint8, got {low:.3g} to {high:.3g}; "
                         "if the images are normalized, undo it: images * std + mean")
    return np.clip(images, 0, 1)


def named(what, values, count, names):
    """A word for each of `count` labels."""
    values = numbers("image_sheet", values, f"{count} {what}", 1)
    if len(values) != count or values.dtype.kind not in "iu":
        raise ValueError(f"image_sheet: expected {count} {what}, whole numbers, got {values.shape} of "
                         f"{values.dtype}")
    if names is None:
        return [str(value) for value in values]
    if not 0 <= values.min() <= values.max() < len(names):
        raise ValueError(f"image_sheet: expected {what} from 0 to {len(names) - 1}, one of the names, got "
                         f"{values.min()} to {values.max()}")
    return [names[value] for value in values]


def captions(labels, predictions):
    """The titles of the images, and their colors, None for black."""
    if labels is None or predictions is None:
        return labels or predictions, None
    pairs = list(zip(predictions, labels))
    return ([p if p == label else f"{p}\nis {label}" for p, label in pairs],
            [RIGHT if p == label else WRONG for p, label in pairs])


def stretched(picture):
    """Scaled to the whole range from 0 to 1; an image of one value becomes gray."""
    low, high = picture.min(), picture.max()
    return (picture - low) / (high - low) if high > low else np.full(picture.shape, 0.5)


def sheet(pictures, path, titles=None, colors=None, columns=8, **options):
    """Images side by side, without axes; the options are imshow's."""
    fig, axes = panels(len(pictures), columns, 1.1, 1.1 if titles is None else 1.4)
    for i, (picture, place) in enumerate(zip(pictures, axes)):
        place.imshow(picture, interpolation="nearest", **options)
        place.set_axis_off()
        if titles is not None:
            place.set_title(titles[i], fontsize="small", color=colors[i] if colors else "black")
    return finished(fig, path)
