"""The common part of the commands for text: the text of a run, its network, the baselines, and reading a run again."""

import pathlib

from tinynet.data.tales import fairy_tales
from tinynet.data.text import Text, bigram_loss, unigram_loss
from tinynet.models.text import TextTransformer
from tinynet.system import files
from tinynet.train.settings import MAX_FILE, TextSettings
from tinynet.weights import load

MAX_TEXT = 50_000_000                  # bytes; in memory, as numbers, a text takes some 40 times its size


def read_text(settings):
    """The user's text, or fairy tales."""
    if settings.text is None:
        tales, entropy = fairy_tales(settings.length, settings.seed)
        print(f"fairy tales of {entropy:.3f} nats per character: no model can do better")
        return Text(tales, name="tales")
    return Text(files.read_text(settings.text, MAX_TEXT), name=pathlib.Path(settings.text).stem)


def measure(training, validation):
    """{name: loss on the validation text} of two baselines: frequencies of characters, and of pairs."""
    return {"unigram": unigram_loss(training, validation), "bigram": bigram_loss(training, validation)}


def model_for(settings, characters):
    return TextTransformer(characters, settings.context, settings.width, settings.layers, settings.heads,
                           settings.dropout)


def is_text_run(path):
    """Whether the weights in the file `path` are those of a run of `tinynet train-text`."""
    config = pathlib.Path(path).parent / "config.json"
    settings = files.read_json(config, MAX_FILE) if config.is_file() else None
    return isinstance(settings, dict) and {"context", "heads"} <= set(settings)


def read_run(path):
    """(model, its characters, settings) of a run, whose weights are in the file `path`.

    ValueError where the files are not those of `tinynet train-text`.
    """
    if not is_text_run(path):
        raise ValueError(f"{path}: expected a run of `tinynet train-text`, with its config.json beside the weights")
    content, settings = load(path), TextSettings.read(pathlib.Path(path).parent / "config.json")
    weights = content.get("model", content)                # a checkpoint has more than weights
    if "alphabet" not in weights:
        raise ValueError(f"{path}: expected weights with their alphabet, got some without; train the network again")
    characters = [chr(code) for code in weights["alphabet"].tolist()]
    model = model_for(settings, characters)
    model.load_state_dict(weights)
    return model.eval(), characters, settings
