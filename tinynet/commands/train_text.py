"""Train a small transformer to write, character by character.

Without options, it learns from fairy tales that tinynet makes up, in about two minutes:

    tinynet train-text

At the end it prints the loss on text that was not used for training, the loss of a baseline that counts pairs of
characters (bigrams), and a little tale; `tinynet write` writes more. The run's folder, Ctrl-C and --resume work as in
`tinynet train`.

    tinynet train-text --text FILE.txt --epochs 4
    tinynet train-text --resume --out runs/text-tales-1
"""

from tinynet.commands.train import (add_run_options, add_settings, fit, folder_of, given_settings,
                                    resumed_settings)
from tinynet.train.settings import TextSettings

SAMPLE = 400                           # characters that the model writes at the end
TEMPERATURE = 0.7                      # below 1: likely characters are taken more often than the model says


def add_options(parser):
    add_settings(parser, TextSettings)
    add_run_options(parser)


def run(args):
    import tinynet
    from tinynet.data.text import TextLoader
    from tinynet.train import Trainer
    from tinynet.train.text_run import measure, model_for, read_text

    given = given_settings(args, TextSettings)
    settings = resumed_settings(args, TextSettings) if args.resume else TextSettings(**given)
    text = read_text(settings)
    training, validation = text.split(settings.validation)
    tinynet.manual_seed(settings.seed)
    model = model_for(settings, text.classes)
    loaders = (TextLoader(training, settings.context, settings.batch_size, seed=settings.seed),
               TextLoader(validation, settings.context, shuffle=False))
    measured = measure(training, validation)
    folder = folder_of(args, f"text-{text.name}")
    parameters = sum(p.numel() for p in model.parameters())
    print(f"a transformer of {parameters:,} parameters, on {text} -> {folder}")
    trainer = Trainer(settings, model, *loaders, folder, args.detect_anomaly, measured)
    status = fit(trainer, args.resume)
    if status == 0:
        report(model, loaders[1], measured)
        print(sample(model, text))
    return status


def report(model, loader, baselines):
    """Print the model's loss on the text of `loader`, and the losses of the baselines."""
    from tinynet.train import evaluate
    loss = evaluate(model, loader, len(loader.dataset.classes)).loss
    print(f"unigram baseline {baselines['unigram']:.3f} nats per character")
    print(f"validation loss {loss:.3f} nats per character, bigram baseline {baselines['bigram']:.3f}")


def sample(model, text):
    """Text that the model writes, starting from a line break, or from the first character of the text."""
    start = text.classes.index("\n") if "\n" in text.classes else text.ids[0]
    return text.decode(model.generate([start], SAMPLE, TEMPERATURE)).strip()
