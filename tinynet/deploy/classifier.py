"""A trained network that classifies images: it gives the name of the class of an image."""

import dataclasses
import os

import numpy as np

from tinynet.autograd import no_grad
from tinynet.data.augment import Normalize
from tinynet.data.dataset import DataError
from tinynet.data.images import prepare, read, with_channels
from tinynet.deploy.card import load_network
from tinynet.deploy.places import weight_file
from tinynet.nn import functional as F
from tinynet.tensor import Tensor, as_array
from tinynet.train.views import VIEWS


@dataclasses.dataclass
class Prediction:
    """The answer of a network to an image: `scores` maps each class to its probability (0 to 1), the highest first."""

    scores: dict

    @property
    def label(self):
        """The name of the most probable class."""
        return next(iter(self.scores))

    @property
    def probability(self):
        """The probability of that class, from 0 to 1."""
        return self.scores[self.label]

    def __str__(self):
        return ", ".join(f"{name} {100 * p:.1f} %" for name, p in list(self.scores.items())[:3])


def load_run(path):
    """The `Classifier` that a run has trained: from the folder of the run, or from a file of weights.

        classifier = tinynet.load_run("runs/resnet20-pets-1")
        print(classifier.predict("mycat.jpg"))

    The file must say which network it belongs to: the files of `tinynet train`, `fold` and `quantize` do, and so does
    "resnet20-cifar10", the network that comes with tinynet. ValueError for other files.
    """
    return Classifier(*load_network(weight_file(path)))


class Classifier:
    """A network in eval mode, with its `card`: classes, size, channels, mean and std.

    An image is a path, a Pillow image, or an array (H, W), (H, W, C) or (C, H, W): uint8 from 0 to 255, or floats
    from 0 to 1. It gets the network's size and channels in the same way as the images of the training.
    """

    batch_size = 256                   # images at a time

    def __init__(self, model, card):
        self.model, self.card = model, card
        self.classes = list(card.classes)
        self.normalize = Normalize(card.mean, card.std)

    def __repr__(self):
        size = "x".join(map(str, [*self.card.size, self.card.channels]))
        return f"Classifier({self.card.model}: images of {size}, {len(self.classes)} classes)"

    def predict(self, image):
        """The `Prediction` for an image, or a list of them for a list of images.

        An image is a path, a Pillow image or an array (H, W, C), see `Classifier`. DataError for anything else.
        """
        if isinstance(image, (list, tuple)):
            return self.predictions(np.stack([self.pixels(one) for one in image])) if image else []
        return self.predictions(self.pixels(image)[None])[0]

    def predictions(self, images):
        """A `Prediction` for each of the images (N, H, W, C), which have the network's size and channels."""
        return [Prediction({self.classes[i]: float(row[i]) for i in np.argsort(-row, kind="stable")})
                for row in self.probabilities(images)]

    def probabilities(self, images, bar=None):
        """The probability of each class, (N, classes), for images (N, H, W, C) of the network's size and channels.

        The progress bar `bar` is moved by the number of images of each batch.
        """
        parts = []
        for start in range(0, len(images), self.batch_size):
            batch = images[start:start + self.batch_size]
            parts.append(self.forward(batch))
            if bar is not None:
                bar.update(len(batch))
        return np.concatenate(parts) if parts else np.empty((0, len(self.classes)), np.float32)

    @no_grad()
    def forward(self, images):
        x = Tensor(self.normalize(images).transpose(0, 3, 1, 2))                        # (N, C, H, W)
        logits = VIEWS[self.card.views](self.model, x)                                  # (N, classes)
        return F.softmax(logits, dim=1).array

    # An image of any kind -------------------------------------------------------------------------------------

    def pixels(self, image):
        """The image as uint8 (H, W, C), of the network's size and channels."""
        height, width = self.card.size
        if isinstance(image, (str, os.PathLike)):
            return self.channels(read(image, (width, height), self.card.fit))
        if isinstance(image, (np.ndarray, Tensor)):
            image = channels_last(as_array(image))
            if image.shape == (height, width, self.card.channels):
                return image
            image = to_pillow(image, self.card)
        if not hasattr(image, "convert"):
            raise DataError(f"predict: expected a path, a Pillow image or an array, got a {type(image).__name__}")
        return self.channels(prepare(image, (width, height), self.card.fit))

    def channels(self, pixels):
        return with_channels(pixels, self.card.channels)


def channels_last(array):
    """An array (H, W), (H, W, C) or (C, H, W) as uint8 (H, W, C)."""
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.size == 0:
        raise DataError(f"predict: expected an image (H, W), (H, W, C) or (C, H, W), got {array.shape}")
    if array.shape[2] > 4 and array.shape[0] <= 4:
        array = array.transpose(1, 2, 0)
    if array.dtype == np.uint8:
        return array
    top = 1 if array.dtype.kind == "f" else 255
    if array.dtype.kind not in "iuf" or not 0 <= array.min() <= array.max() <= top:
        raise DataError(f"predict: expected uint8 from 0 to 255, or floats from 0 to 1, got {array.dtype} from "
                        f"{array.min()} to {array.max()}")
    return np.rint(array * (255 / top)).astype(np.uint8)


def to_pillow(array, card):
    """An array (H, W, C) with 1, 3 or 4 channels as a Pillow image."""
    from PIL import Image
    if card.channels not in (1, 3) or array.shape[2] not in (1, 3, 4):
        raise DataError(f"predict: expected an array of the network's shape ({card.size[0]}, {card.size[1]}, "
                        f"{card.channels}), got {array.shape}")
    return Image.fromarray(array[..., 0] if array.shape[2] == 1 else np.ascontiguousarray(array))
