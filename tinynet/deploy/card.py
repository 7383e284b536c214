"""The card of a network: facts that are stored with its weights, so that the weights can be used without their run.

The card is JSON in the metadata of a safetensors file, under "network". It has the network's name and options, the
classes, the size and channels of the images, the mean and std of their normalisation, and the form of the weights.

    plain        as they were trained
    folded       BatchNorm folded into the layers before it (`tinynet fold`)
    quantized    folded, and 8-bit integers (`tinynet quantize`)
"""

import dataclasses
import json
import warnings

import numpy as np

from tinynet import models
from tinynet.deploy.fold import fold_batchnorm
from tinynet.deploy.quantize import quantize
from tinynet.tensor import Tensor
from tinynet.train.views import VIEWS
from tinynet.weights import load, read_metadata, save

KEY = "network"
FORMS = ("plain", "folded", "quantized")
MOST = 10_000                          # classes, pixels of a side


@dataclasses.dataclass
class Card:
    """`model` is a network's name or description, `options` are its constructor's; `size` is (H, W), in pixels.

    `views` says how many views of an image the scores are averaged over, see `train/views.py`.
    """

    model: str | dict
    options: dict
    classes: list
    channels: int
    size: list
    mean: list
    std: list
    fit: str = "crop"
    form: str = "plain"
    views: str = "one"

    @classmethod
    def of(cls, values, source):
        """The card from a dict that was read from a file. ValueError, which names the `source`, for wrong values."""
        names = {field.name for field in dataclasses.fields(cls)}
        try:
            card = cls(**{name: value for name, value in values.items() if name in names})
            card.check()
        except (TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"{source}: its description of the network cannot be used: {error}") from None
        return card

    def check(self):
        """ValueError for a value that does not suit its field."""
        def are(values, count, kind, positive=False):
            return (isinstance(values, (list, tuple)) and len(values) == count and
                    all(isinstance(v, kind) and not isinstance(v, bool) and (not positive or v > 0) for v in values))

        expected = {
            "model": isinstance(self.model, (str, dict)), "options": isinstance(self.options, dict),
            "classes": 0 < len(self.classes) <= MOST and are(self.classes, len(self.classes), str),
            "channels": self.channels in (1, 2, 3, 4),
            "size": are(self.size, 2, int, positive=True) and max(self.size) <= MOST,
            "mean": are(self.mean, self.channels, (int, float)),
            "std": are(self.std, self.channels, (int, float), positive=True),
            "fit": self.fit in ("crop", "pad"), "form": self.form in FORMS, "views": self.views in VIEWS}
        wrong = [name for name, right in expected.items() if not right]
        if wrong:
            raise ValueError(f"{wrong[0]} is {getattr(self, wrong[0])!r:.80}")

    def metadata(self):
        return {KEY: json.dumps(dataclasses.asdict(self))}

    def create(self):
        """The network that the card describes, in eval mode, with random weights."""
        options = {"in_channels": self.channels, **self.options}
        if models.takes_image_size(self.model):
            options["image_size"] = tuple(self.size)
        model = models.create(self.model, num_classes=len(self.classes), **options).eval()
        if self.form == "plain":
            return model
        with warnings.catch_warnings():                    # the command that made the file has already warned
            warnings.simplefilter("ignore", UserWarning)
            return fold_batchnorm(model, self.example()) if self.form == "folded" else quantize(model, self.example())

    def example(self):
        """A black image of the shape that the network takes, (1, C, H, W)."""
        return Tensor(np.zeros((1, self.channels, *self.size), np.float32))


def save_network(model, card, path):
    """Write the network's weights with their card."""
    save(model.state_dict(), path, metadata=card.metadata())


def read_card(path):
    """The card of a weight file, or None if it has none. ValueError if it is damaged."""
    text = read_metadata(path).get(KEY)
    if text is None:
        return None
    try:
        return Card.of(json.loads(text), path)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: its description of the network is not JSON: {error}") from None


def load_network(path):
    """(model in eval mode, card) from a weight file that has a card. ValueError for a file without a card."""
    card = read_card(path)
    if card is None:
        raise ValueError(f"{path}: this file does not say which network its weights belong to, nor its classes")
    model, weights = card.create(), load(path)
    if isinstance(weights.get("model"), dict):             # a checkpoint: the weights are a part of it
        weights = weights["model"]
    try:
        model.load_state_dict(weights)
    except (RuntimeError, KeyError, ValueError) as error:
        raise ValueError(f"{path}: its weights are not those of the network that it names: {error}") from None
    return model, card
