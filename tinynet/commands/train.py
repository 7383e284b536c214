"""Train a network on a CPU.

Without options, a small residual network learns the built-in pictures in a minute or two:

    tinynet train

The run's folder holds the checkpoints, metrics.csv, config.json, curves.png and the final weights. Ctrl-C
stops after the current step; --resume goes on, also after a crash, with the same result as if nothing had
happened.

    tinynet train --data cifar10 --root FOLDER --model resnet20 --epochs 3
    tinynet train --recipe my-recipe.toml --out runs/mine
    tinynet train --resume --out runs/mine
    tinynet train --resume --out runs/mine --epochs 20

The last one adds epochs to a run, finished or not. The learning rate then goes on as in a run that had so many
epochs from the start.
"""

import argparse
import dataclasses
import pathlib
import sys

from tinynet.train import Settings


def add_options(parser):
    parser.add_argument("--recipe", metavar="NAME",
                        help="take the defaults from a recipe (a name or a .toml file)")
    add_settings(parser, Settings)
    add_run_options(parser)


def add_settings(parser, kind):
    """An option for each setting; one that is not given leaves no trace in the arguments."""
    for field in dataclasses.fields(kind):
        options = ({"action": argparse.BooleanOptionalAction} if field.type is bool else
                   {"type": field.type, "metavar": field.type.__name__.upper()})
        parser.add_argument("--" + field.name.replace("_", "-"), default=argparse.SUPPRESS, **options,
                            help=f"{field.metadata['help']} (default: {field.default})")


def add_run_options(parser):
    parser.add_argument("--threads", type=int, help="threads to use; the result does not depend on it")
    parser.add_argument("--out", metavar="DIR",
                        help="the run's folder (default: the next free runs/MODEL-DATA-K)")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    parser.add_argument("--detect-anomaly", action="store_true",
                        help="stop at the first operator that makes a NaN or an infinity (slower)")


def run(args):
    import tinynet
    from tinynet.data import Loader
    from tinynet.train import Trainer, evaluate

    if args.threads is not None:
        tinynet.set_num_threads(args.threads)
    settings = resumed_settings(args, Settings) if args.resume else new_settings(args)
    train_set, validation_set, test_set = read_data(settings)
    model = make_model(settings, train_set)
    folder = folder_of(args, f"{name_of(settings.model)}-{name_of(settings.data)}")
    loaders = make_loaders(settings, train_set, validation_set)
    trainer = Trainer(settings, model, *loaders, folder, args.detect_anomaly)
    parameters = sum(p.numel() for p in model.parameters())
    print(f"{settings.model}, {parameters:,} parameters, on {train_set} -> {folder}")
    status = fit(trainer, args.resume)
    if status == 0:
        test_loader = Loader(test_set, 256, shuffle=False, normalize=(train_set.mean, train_set.std))
        result = evaluate(model, test_loader, len(test_set.classes))
        print(f"test accuracy {100 * result.accuracy:.2f} %")
    return status


def name_of(path):
    return pathlib.Path(path).stem


def given_settings(args, kind):
    names = (field.name for field in dataclasses.fields(kind))
    return {name: getattr(args, name) for name in names if hasattr(args, name)}


def new_settings(args):
    from tinynet.train.settings import read_recipe
    recipe = read_recipe(args.recipe) if args.recipe else {}
    return Settings(**{**recipe, **given_settings(args, Settings)})


def resumed_settings(args, kind):
    """The settings of the run in --out. Options may repeat them, and raise the epochs."""
    if args.out is None:
        raise ValueError("--resume needs --out DIR, the folder of the run to go on with")
    if getattr(args, "recipe", None):
        raise ValueError("--resume goes on with the run's own settings; leave --recipe out")
    settings, given = kind.read(pathlib.Path(args.out) / "config.json"), given_settings(args, kind)
    resumed = dataclasses.replace(settings, **given)
    try:
        resumed.check_resumed(settings)
    except ValueError as error:
        raise ValueError(f"--resume: {error}") from None
    return resumed


def read_data(settings):
    """(training set, validation set or None, test set)"""
    from tinynet import data
    train_set = data.load(settings.data, train=True, root=settings.root)
    test_set = data.load(settings.data, train=False, root=settings.root)
    if not settings.validation:
        return train_set, None, test_set
    return *train_set.split(settings.validation, seed=settings.seed), test_set


def make_model(settings, train_set):
    import tinynet
    from tinynet import models
    from tinynet.train.settings import network_options
    tinynet.manual_seed(settings.seed)
    return models.create(settings.model, num_classes=len(train_set.classes),
                         **network_options(settings.asdict()))


def make_loaders(settings, train_set, validation_set):
    from tinynet.data import Augment, Loader
    augment = Augment(settings.crop if settings.augment else 0, settings.augment, settings.cutout)
    # No prefetch: while the kernels use all cores, a thread that makes batches is only in their way.
    training = Loader(train_set, settings.batch_size, augment=augment, seed=settings.seed, prefetch=0,
                      side=lambda epoch: settings.small_side if epoch < settings.small_epochs else None)
    statistics = train_set.mean, train_set.std
    return training, validation_set and Loader(validation_set, 256, shuffle=False, normalize=statistics)


def folder_of(args, name):
    """The folder of the run to resume, or a new one."""
    from tinynet.train import folder
    return pathlib.Path(args.out) if args.resume else folder.create(args.out, name)


def fit(trainer, resume):
    """Train to the end. Returns the exit status: 0, or that of the signal that asked to stop."""
    from tinynet.train import checkpoint, folder
    from tinynet.train.stopping import Stopped
    try:
        with folder.locked(trainer.folder):
            if resume and checkpoint.has_trained(trainer.folder):
                trainer.restore(checkpoint.read_latest(trainer.folder))
            elif resume:
                print("tinynet: the run ended before its first step; it starts from the beginning", file=sys.stderr)
            trainer.settings.write(trainer.folder / "config.json")
            trainer.save()
            trainer.fit()
    except Stopped as stopped:
        print(f"tinynet: {stopped}", file=sys.stderr)
        return stopped.exit_status
    return 0
