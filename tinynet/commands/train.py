"""Train a network on a CPU.

Without options, a small residual network learns the built-in pictures in a minute or two:

    tinynet train

The run's folder holds the checkpoints, metrics.csv, config.json, curves.png and the final weights. Ctrl-C stops
after the current step; --resume goes on, also after a crash, with the same result as if nothing had happened.

    tinynet train --data cifar10 --root FOLDER --model resnet20 --epochs 3
    tinynet train --recipe resnet20-cifar10 --root FOLDER --out runs/paper
    tinynet train --resume --out runs/paper
"""

import argparse
import dataclasses
import pathlib
import sys

from tinynet.train import Settings

PLACE = ("root",)                      # says where the data lies, not what it is: may change between sittings


def add_options(parser):
    parser.add_argument("--recipe", metavar="NAME", help="take the defaults from a recipe (a name or a .toml file)")
    for field in dataclasses.fields(Settings):
        kind = field.type if field.type is not bool else argparse.BooleanOptionalAction
        options = {"action": kind} if field.type is bool else {"type": kind, "metavar": field.type.__name__.upper()}
        parser.add_argument("--" + field.name.replace("_", "-"), default=argparse.SUPPRESS, **options,
                            help=f"{field.metadata['help']} (default: {field.default})")
    parser.add_argument("--threads", type=int, help="threads to use; the result does not depend on it")
    parser.add_argument("--out", metavar="DIR", help="the run's folder (default: the next free runs/MODEL-DATA-K)")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    parser.add_argument("--detect-anomaly", action="store_true",
                        help="stop at the first operator that makes a NaN or an infinity (slower)")


def run(args):
    import tinynet
    from tinynet.train import folder as run_folder
    from tinynet.train.stopping import Stopped

    if args.threads is not None:
        tinynet.set_num_threads(args.threads)
    given = {f.name: getattr(args, f.name) for f in dataclasses.fields(Settings) if hasattr(args, f.name)}
    settings = resumed_settings(args, given) if args.resume else new_settings(args, given)
    train_set, validation_set, test_set = read_data(settings)
    folder = pathlib.Path(args.out) if args.resume else run_folder.create(args.out, f"{settings.model}-{name_of(settings.data)}")
    try:
        with run_folder.locked(folder):
            return train(settings, train_set, validation_set, test_set, folder, args)
    except Stopped as stopped:
        print(f"tinynet: {stopped}", file=sys.stderr)
        return stopped.exit_status


def name_of(data):
    return pathlib.Path(data).stem


def new_settings(args, given):
    from tinynet.train.settings import read_recipe
    recipe = read_recipe(args.recipe) if args.recipe else {}
    return Settings(**{**recipe, **given})


def resumed_settings(args, given):
    """The settings of the run in --out. Options may repeat them, but not contradict them."""
    if args.out is None:
        raise ValueError("--resume needs --out DIR, the folder of the run to go on with")
    if args.recipe:
        raise ValueError("--resume goes on with the run's own settings; leave --recipe out")
    path = pathlib.Path(args.out) / "config.json"
    settings = Settings.read(path)
    changed = settings.differences({name: value for name, value in given.items() if name not in PLACE})
    if changed:
        told = ", ".join(f"{name} {getattr(settings, name)!r} (not {given[name]!r})" for name in changed)
        raise ValueError(f"--resume: the run in {args.out} has {told}; leave these options out, or start a new run")
    return dataclasses.replace(settings, **{name: given[name] for name in PLACE if name in given})


def read_data(settings):
    """(training set, validation set or None, test set)"""
    from tinynet import data
    train_set = data.load(settings.data, train=True, root=settings.root)
    test_set = data.load(settings.data, train=False, root=settings.root)
    if not settings.validation:
        return train_set, None, test_set
    return *train_set.split(settings.validation, seed=settings.seed), test_set


def train(settings, train_set, validation_set, test_set, folder, args):
    import tinynet
    from tinynet import models
    from tinynet.data import Augment, Loader
    from tinynet.train import Trainer, checkpoint, evaluate

    tinynet.manual_seed(settings.seed)
    model = models.create(settings.model, num_classes=len(train_set.classes), shortcut=settings.shortcut, pad=settings.pad)
    augment = Augment(crop=4 if settings.augment else 0, flip=settings.augment, cutout=settings.cutout)
    statistics = train_set.mean, train_set.std
    loaders = [Loader(train_set, settings.batch_size, augment=augment, seed=settings.seed)]
    for held_out in (validation_set, test_set):
        loaders.append(held_out and Loader(held_out, 256, shuffle=False, normalize=statistics))
    trainer = Trainer(settings, model, *loaders[:2], folder, args.detect_anomaly)
    if args.resume:
        trainer.restore(checkpoint.read_latest(folder))
    else:
        settings.write(folder / "config.json")
        trainer.save()
    print(f"{settings.model}, {sum(p.numel() for p in model.parameters()):,} parameters, on {train_set} -> {folder}")
    trainer.fit()
    result = evaluate(model, loaders[2], len(test_set.classes))
    print(f"test accuracy {100 * result.accuracy:.2f} %")
