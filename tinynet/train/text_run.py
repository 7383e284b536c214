"""What the commands for text share: the text of a run, its network, the baselines, and a run that is read again."""

import pathlib

from tinynet import files
from tinynet.data.tales import fairy_tales
from tinynet.data.text import Text, bigram_loss, unigram_loss
from tinynet.models.text import TextTransformer
from tinynet.train import checkpoint
from tinynet.train.settings import MAX_FILE, TextSettings
from tinynet.weights import load

MAX_TEXT = 50_000_000                  # bytes; as numbers, a text takes some 40 times its size


def read_text(settings):
    """The user's text, or fairy tales."""
    if settings.text is None:
        tales, entropy = fairy_tales(settings.length, settings.seed)
        print(f"fairy tales of {entropy:.3f} nats per character: no model can do better")
        return Text(tales, name="tales")
    return Text(files.read_text(settings.text, MAX_TEXT), name=pathlib.Path(settings.text).stem)


def measure(training, validation):
    """{name: loss on the validation text} of what counting characters and pairs of them reaches."""
    return {"unigram": unigram_loss(training, validation), "bigram": bigram_loss(training, validation)}


def model_for(settings, characters):
    return TextTransformer(characters, settings.context, settings.width, settings.layers, settings.heads,
                           settings.dropout)


def is_text(settings):
    """Whether these settings, a dictionary, are those of a run of `tinynet train-text`."""
    return "context" in settings and "heads" in settings


def read_run(path):
    """(model, its characters, settings) of a run: its folder, or its model.safetensors.

    ValueError where the files are not those of `tinynet train-text`.
    """
    path = pathlib.Path(path)
    config = (path if path.is_dir() else path.parent) / "config.json"
    content = checkpoint.read_latest(path) if path.is_dir() else load(path)
    settings = content.get("settings") or files.read_json(config, MAX_FILE)
    if not is_text(settings):
        raise ValueError(f"{path}: expected a run of `tinynet train-text`, got one of a network for images")
    settings, weights = TextSettings.of(settings, path), content.get("model", content)
    if "alphabet" not in weights:
        raise ValueError(f"{path}: expected weights that carry their alphabet, got some without; train them anew")
    characters = [chr(code) for code in weights["alphabet"].tolist()]
    model = model_for(settings, characters)
    model.load_state_dict(weights)
    return model.eval(), characters, settings
