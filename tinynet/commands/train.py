"""Train a network on a CPU.

Without options, a small residual network learns the built-in images in a minute or two:

    tinynet train

With a folder of images, the network learns your images:

    tinynet train --data pets/

The folder has a folder for each class (pets/cat/*, pets/dog/*), or train, val and test with the classes in them. The
files can be of any format and size. An .npz file has the arrays images and labels, or x and y, or x_train, y_train,
x_test and y_test; it may also have classes, the names. Images are (N, H, W, C), (N, C, H, W) or (N, H, W), labels are
whole numbers or strings.

The folder of the run gets the weights, report.html, curves.png, metrics.csv, config.json and the checkpoints. The
weights are in model.safetensors, which also says which network they belong to. With validation they are those of the
best epoch. Ctrl-C stops after the current step. --resume goes on, also after a crash, with the same result as a run
that was never interrupted.

    tinynet train --data cifar10 --root FOLDER --model resnet20 --epochs 3
    tinynet train --data pets/ --weights resnet20-cifar10 --freeze body
    tinynet train --recipe my-recipe.toml --out runs/mine
    tinynet train --resume --out runs/mine
    tinynet train --resume --out runs/mine --epochs 20

The last command adds epochs to a run, finished or not. From there on, the learning rate is that of a run that had 20
epochs from the start.

Several processes, on one machine or on many, share each batch over MPI (the extra "mpi"; docs/scaling.md):

    mpiexec -n 4 tinynet train --distributed --data cifar10 --root FOLDER --model resnet20
"""

import argparse
import contextlib
import dataclasses
import os
import pathlib
import shlex
import sys

from tinynet.train import Settings


def add_options(parser):
    parser.add_argument("--recipe", metavar="NAME",
                        help="take the defaults from a recipe (a name or a .toml file)")
    add_settings(parser, Settings)
    add_run_options(parser)
    parser.add_argument("--distributed", action="store_true",
                        help="share each batch among the processes that mpiexec has started")


def add_settings(parser, kind):
    """An option for each setting. An option that is not given is missing from the arguments."""
    for field in dataclasses.fields(kind):
        options = ({"action": argparse.BooleanOptionalAction} if field.type is bool else
                   {"type": field.type, "metavar": field.type.__name__.upper()})
        parser.add_argument("--" + field.name.replace("_", "-"), default=argparse.SUPPRESS, **options,
                            help=field.metadata["help"] + default_of(field))


def default_of(field):
    if field.default is None:
        return ""
    value = {True: "yes", False: "no"}.get(field.default, field.default) if field.type is bool else field.default
    return f" (default: {value})"


def add_run_options(parser):
    parser.add_argument("--threads", type=int, help="threads to use; the result does not depend on it")
    parser.add_argument("--out", metavar="DIR",
                        help="the run's folder (default: the next free runs/MODEL-DATA-K)")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    parser.add_argument("--detect-anomaly", action="store_true",
                        help="stop at the first operator that gives a NaN or an infinity (slower)")


def run(args):
    from tinynet.distributed.objects import from_first, together
    from tinynet.train.processes import connected, story

    with connected(args.distributed) as trainer_of:
        settings = from_first(lambda: resumed_settings(args, Settings)) if args.resume else new_settings(args)
        parts = together(lambda: read_data(settings))
        if not args.resume:
            settings = suit(settings, args, parts)
        card = make_card(settings, parts.train)
        model = make_model(settings, card, parts.train)
        check(settings, parts)
        loaders = make_loaders(settings, parts, (card.mean, card.std))
        folder = from_first(lambda: folder_of(args, f"{settings.title()}-{settings.data_title()}"))
        trainer = trainer_of(settings, model, *loaders, folder, args.detect_anomaly, metadata=card.metadata())
        parameters = sum(p.numel() for p in model.parameters())
        print(f"{settings.title()}, {parameters:,} parameters, on {parts.train}{story()}\n-> {folder}")
        status = fit(trainer, args.resume)
        if status == 0 and trainer.first:
            finish(trainer, model, card, parts, settings)
    return status


def finish(trainer, model, card, parts, settings):
    """Measure the network on the test images, and write the report."""
    from tinynet.deploy.classifier import Classifier
    from tinynet.report import measure
    outcome = measure(Classifier(model.eval(), card), parts.test)
    write_report(trainer, outcome, settings)
    print(f"test accuracy {100 * outcome.accuracy:.2f} %")


def given_settings(args, kind):
    """The settings that the user has given. Paths become absolute, so that the run can be resumed from any folder."""
    names = (field.name for field in dataclasses.fields(kind))
    given = {name: getattr(args, name) for name in names if hasattr(args, name)}
    for name in ("data", "root", "model", "weights", "text"):
        if name in given and is_path(name, given[name]):
            given[name] = os.path.abspath(os.path.expanduser(given[name]))
    return given


def is_path(name, value):
    """Whether the value of a setting is the path of an existing file or folder, and not the name of a data set."""
    from tinynet.data import sources
    known = sources.NAMES if name == "data" else ()
    return value not in known and os.path.exists(os.path.expanduser(value))


def new_settings(args):
    from tinynet.train.settings import read_recipe
    recipe = read_recipe(args.recipe) if args.recipe else {}
    given = {**recipe, **given_settings(args, Settings)}
    return Settings(**{**settings_of_weights(given), **given})


def suit(settings, args, parts):
    """Settings that suit the number of the user's own images; prints those that it changes."""
    from tinynet.data import sources
    from tinynet.train.suited import suited
    if args.recipe or not sources.is_own(settings.data):
        return settings
    given, before = given_settings(args, Settings), settings
    settings = suited(settings, given, len(parts.train))
    changed = [f"--{name.replace('_', '-')} {getattr(settings, name)}" for name in ("epochs", "batch_size", "lr")
               if getattr(settings, name) != getattr(before, name)]
    if changed:
        print(f"chosen for {len(parts.train):,} images: {' '.join(changed)}")
    return settings


def settings_of_weights(given):
    """Default settings from the card of the weights that a run starts from."""
    from tinynet.data.sources import kind_of
    from tinynet.deploy.card import read_card
    from tinynet.deploy.places import weight_file
    card = read_card(weight_file(given["weights"])) if given.get("weights") else None
    if card is None or given.get("model", card.model) != card.model or not isinstance(card.model, str):
        return {}
    folder = kind_of(given.get("data", Settings.data)) == "a folder of images"
    size = {"size": card.size[0], "fit": card.fit} if folder and card.size[0] == card.size[1] else {}
    return {"model": card.model, **{name: card.options[name] for name in ("shortcut", "pad") if name in card.options},
            **size}


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
    """The `Parts` of the data: validation is the data's own, or set aside from the training images."""
    from tinynet import data
    from tinynet.data import sources
    parts = data.load_parts(settings.data, settings.root, **settings.data_options())
    share = settings.validation
    if parts.validation is not None:
        if share is not None:
            raise data.DataError(f"{settings.data}: validation: the data has a folder for it; leave --validation out")
        return parts
    if share is None:
        share = sources.OWN_SHARE if sources.is_own(settings.data) else 0
    if not share:
        return parts
    training, validation = parts.train.split(share if share < 1 else int(share), seed=settings.seed)
    return parts._replace(train=training, validation=validation)


def make_card(settings, train_set):
    """The card of the new weights. Weights that the run starts from decide how images are normalised."""
    from tinynet.deploy.card import Card, read_card
    from tinynet.deploy.places import weight_file
    from tinynet.models import config
    from tinynet.train.settings import network_options
    height, width, channels = train_set.images.shape[1:]
    model = config.read(settings.model)[1] if settings.model.endswith(".json") else settings.model
    given = read_card(weight_file(settings.weights)) if settings.weights else None
    mean, std = (given.mean, given.std) if given and given.channels == channels else (
        train_set.mean.tolist(), train_set.std.tolist())
    options, classes = network_options(settings.asdict()), list(train_set.classes)
    return Card(model, options, classes, channels, [height, width], mean, std, settings.fit or "crop",
                views=settings.views)


def make_model(settings, card, train_set):
    """The network, with new or given weights, after a test that it takes the images."""
    import tinynet
    from tinynet.autograd import no_grad
    from tinynet.deploy.places import weight_file
    from tinynet.nn import SyncBatchNorm
    from tinynet.train import fine_tune
    from tinynet.weights import load
    tinynet.manual_seed(settings.seed)
    model = card.create()
    if settings.weights:
        weights = load(weight_file(settings.weights))
        for line in fine_tune.start_from(model, weights.get("model", weights), settings.weights):
            print(f"tinynet: {line}", file=sys.stderr)
    elif hasattr(model, "whiten"):
        model.whiten(some_images(train_set, card))
    with no_grad():
        model(card.example())
    fine_tune.freeze(model, settings.freeze)
    if settings.sync_batchnorm:
        model = SyncBatchNorm.convert_sync_batchnorm(model)
    return model.train()


def some_images(train_set, card, most=5000):
    """Up to `most` images from all over the training set, normalised: (N, C, H, W)."""
    from tinynet.data.augment import Normalize
    images = train_set.images[::-(-len(train_set) // most)]
    return Normalize(card.mean, card.std)(images).transpose(0, 3, 1, 2)


def check(settings, parts):
    """ValueError, before the run has a folder, for settings that would end the run later."""
    from tinynet.train.tensorboard import Events
    if settings.early_stop and parts.validation is None:
        raise ValueError("early_stop: expected images for validation (--validation 0.1), got none")
    if settings.tensorboard:
        Events.check()


def make_loaders(settings, parts, normalize):
    """(loader of training images, loader of validation images or None)"""
    from tinynet.data import Augment, Loader
    augment = Augment(settings.crop if settings.augment else 0, settings.augment and settings.flip, settings.cutout,
                      settings.border)
    # No prefetch: the kernels use all cores, and a thread that makes batches would slow them down.
    training = Loader(parts.train, settings.batch_size, augment=augment, normalize=normalize, seed=settings.seed,
                      drop_last=settings.drop_last, prefetch=0,
                      side=lambda epoch: settings.small_side if epoch < settings.small_epochs else None)
    return training, parts.validation and Loader(parts.validation, 256, shuffle=False, normalize=normalize)


def folder_of(args, name):
    """The folder of the run to resume, or a new one."""
    from tinynet.train import folder
    return pathlib.Path(args.out) if args.resume else folder.create(args.out, name)


def fit(trainer, resume):
    """Train to the end. Returns the exit status: 0, or that of the signal that asked to stop."""
    from tinynet.distributed.objects import from_first
    from tinynet.train import checkpoint, folder
    from tinynet.train.stopping import Stopped
    try:
        with folder.locked(trainer.folder) if trainer.first else contextlib.nullcontext():
            if resume and from_first(lambda: checkpoint.has_trained(trainer.folder)):
                trainer.restore(from_first(lambda: checkpoint.read_latest(trainer.folder)))
            elif resume:
                print("tinynet: the run ended before its first step; it starts from the beginning", file=sys.stderr)
            trainer.by_command = True
            if trainer.first:
                trainer.settings.write(trainer.folder / "config.json")
            trainer.save()
            trainer.fit()
    except Stopped as stopped:
        print(f"tinynet: {stopped}", file=sys.stderr)
        return stopped.exit_status
    return 0


def write_report(trainer, outcome, settings):
    """Write report.html and its images into the run's folder."""
    from tinynet import report
    folder = shlex.quote(str(trainer.folder))
    image = "IMAGE.jpg"
    commands = [("What is on other images?", f"tinynet predict {folder} {image}"),
                ("How good is it on other images, in a folder for each class?",
                 f"tinynet eval {folder} --data FOLDER"),
                ("Train it for more epochs:",
                 f"tinynet train --resume --out {folder} --epochs {2 * settings.epochs}"),
                ("For other programs:", f"tinynet export {folder} --out model.onnx"),
                ("In Python:", f"import tinynet\nclassifier = tinynet.load_run({str(trainer.folder)!r})\n"
                               f"print(classifier.predict({image!r}))")]
    report.write(trainer.folder, f"{settings.title()} on {settings.data_title()}", outcome,
                 trainer.folder / "curves.png", settings.asdict(), commands)
