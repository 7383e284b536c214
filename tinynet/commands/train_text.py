"""Train a small transformer to write, character by character.

Without options it learns from fairy tales, which are made up on the spot, in about two minutes:

    tinynet train-text

It reports the loss on text it has not seen, beside what counting pairs of characters (bigrams) reaches, and
writes a little tale. The run's folder, Ctrl-C and --resume are those of `tinynet train`.

    tinynet train-text --text FILE.txt --epochs 4
    tinynet train-text --resume --out runs/text-tales-1
"""

import pathlib

from tinynet import files
from tinynet.commands.train import (add_run_options, add_settings, fit, folder_of, given_settings,
                                    resumed_settings)
from tinynet.train.settings import TextSettings

MAX_TEXT = 50_000_000                  # bytes; as numbers, a text takes some 40 times its size
SAMPLE = 400                           # characters of the model's own, written
TEMPERATURE = 0.7                      # a little more surely than it has learned to


def add_options(parser):
    add_settings(parser, TextSettings)
    add_run_options(parser)


def run(args):
    import tinynet
    from tinynet.data.text import TextLoader, bigram_loss, unigram_loss
    from tinynet.models.text import TextTransformer
    from tinynet.train import Trainer, evaluate

    if args.threads is not None:
        tinynet.set_num_threads(args.threads)
    given = given_settings(args, TextSettings)
    settings = resumed_settings(args, TextSettings) if args.resume else TextSettings(**given)
    text = read_text(settings)
    training, validation = text.split(settings.validation)
    tinynet.manual_seed(settings.seed)
    model = TextTransformer(len(text.classes), settings.context, settings.width, settings.layers,
                            settings.heads, settings.dropout)
    loaders = (TextLoader(training, settings.context, settings.batch_size, seed=settings.seed),
               TextLoader(validation, settings.context, shuffle=False))
    baselines = {"unigram": unigram_loss(training, validation), "bigram": bigram_loss(training, validation)}
    folder = folder_of(args, f"text-{text.name}")
    parameters = sum(p.numel() for p in model.parameters())
    print(f"a transformer of {parameters:,} parameters, on {text} -> {folder}")
    trainer = Trainer(settings, model, *loaders, folder, args.detect_anomaly, baselines)
    status = fit(trainer, args.resume)
    if status == 0:
        loss = evaluate(model, loaders[1], len(text.classes)).loss
        print(f"unigram baseline {baselines['unigram']:.3f} nats per character")
        print(f"validation loss {loss:.3f} nats per character, bigram baseline {baselines['bigram']:.3f}")
        print(sample(model, text))
    return status


def read_text(settings):
    """The user's text, or fairy tales."""
    from tinynet.data.tales import fairy_tales
    from tinynet.data.text import Text
    if settings.text is None:
        tales, entropy = fairy_tales(settings.length, settings.seed)
        print(f"fairy tales of {entropy:.3f} nats per character: no model can do better")
        return Text(tales, name="tales")
    return Text(files.read_text(settings.text, MAX_TEXT), name=pathlib.Path(settings.text).stem)


def sample(model, text):
    """What the model writes after the text's first line break, or its first character."""
    start = text.classes.index("\n") if "\n" in text.classes else text.ids[0]
    return text.decode(model.generate([start], SAMPLE, TEMPERATURE)).strip()
