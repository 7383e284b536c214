"""Measure a network's accuracy on images that it has not learned from, or a text network's loss.

RUN is the folder of a run, a file of weights (tinynet's .safetensors or PyTorch's .pth, .pt, .th), or the
name of weights that come with tinynet. The data is the run's test data, or --data. All images of a folder are used,
unless it has a part called test, or the run was trained on it.
For a run of `tinynet train-text`, the loss on its validation text is shown, with the losses of two baselines that
count characters and pairs of characters.

    tinynet eval runs/resnet20-pets-1
    tinynet eval runs/resnet20-pets-1 --data more-pets/
    tinynet eval runs/text-tales-1
    tinynet eval resnet20-cifar10 --root FOLDER
    tinynet eval resnet20.th --data cifar10 --root FOLDER --model resnet20 --pad both --normalize imagenet

With --data, a run's folder gets a report of it: report.html, confusion.png and mistakes.png in eval-NAME; --out
names another folder.
"""

import dataclasses
import os
import pathlib
import sys

STATISTICS = {"cifar10": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
              "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))}
NETWORK = ("model", "shortcut", "pad")


def add_options(parser):
    parser.add_argument("trained", metavar="RUN", help="weights, the folder of a run, or resnet20-cifar10")
    parser.add_argument("--data", help="a folder of images, an .npz file or the name of a data set (default: the "
                                       "run's, else cifar10)")
    parser.add_argument("--root", help="folder or archive that holds a data set with a name; else it is downloaded")
    parser.add_argument("--skip-damaged", action="store_true", help="go on without images that cannot be read")
    parser.add_argument("--out", metavar="DIR", help="folder for the report")
    parser.add_argument("--model", help="network, where the weights do not say it (default: resnet20)")
    parser.add_argument("--shortcut", choices=("A", "B"), help="the network's shortcut, likewise (default: A)")
    parser.add_argument("--pad", choices=("end", "both"),
                        help="where option A puts its zero channels, likewise (default: end)")
    parser.add_argument("--normalize", choices=sorted(STATISTICS),
                        help="mean and std that the network was trained with (default: as its weights say, else the "
                             "training set's own)")
    parser.add_argument("--batch-size", type=int, default=256, help="images at a time (default: 256)")
    parser.add_argument("--threads", type=int, help="threads to use")


def run(args):
    from tinynet import report
    from tinynet.deploy.classifier import Classifier
    from tinynet.deploy.places import weight_file
    from tinynet.train.text_run import is_text_run

    path = weight_file(args.trained)
    if is_text_run(path):
        return evaluate_text(args, path)
    settings = settings_beside(path)
    classifier, data = known_network(path, args), None
    if classifier is None:
        data = test_images(args, settings, None)
        classifier = Classifier(*described_network(path, args, settings, data))
    if args.normalize:
        mean, std = STATISTICS[args.normalize]
        classifier = Classifier(classifier.model, dataclasses.replace(classifier.card, mean=mean, std=std))
    data = data or test_images(args, settings, classifier.card)
    classifier.batch_size = args.batch_size
    outcome = report.measure(classifier, data)
    print(f"loss {outcome.loss:.4f} on {data}")
    print("\n".join(outcome.table()))
    folder = report_folder(args)
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        title = f"{pathlib.Path(args.trained).name} on {data.name}"
        print(f"report: {report.write(folder, title, outcome)}")
    print(f"test accuracy {100 * outcome.accuracy:.2f} %")


def evaluate_text(args, path):
    """Print the loss of a text network on the end of its text, which was not used for training."""
    from tinynet.commands.train_text import report
    from tinynet.data.text import Text, TextLoader
    from tinynet.train.text_run import measure, read_run, read_text
    for name in "data", "root", "out", "model", "shortcut", "pad", "normalize", "skip_damaged":
        if getattr(args, name, None):
            raise ValueError(f"--{name.replace('_', '-')}: {args.trained} is a text network, which is measured on the "
                             "text of its run; leave this option out")
    model, characters, settings = read_run(path)
    text = read_text(settings)
    training, validation = Text(text.decode(text.ids), characters, text.name).split(settings.validation)
    report(model, TextLoader(validation, settings.context, args.batch_size, shuffle=False),
           measure(training, validation))


def report_folder(args):
    """The folder of the report: --out, or a folder in the run's folder for data of --data; None for no report."""
    if args.out:
        return pathlib.Path(args.out)
    path = pathlib.Path(args.trained)
    if args.data is None or not path.is_dir():
        return None
    return path / f"eval-{pathlib.Path(os.path.abspath(args.data)).stem}"


def settings_beside(path):
    """The settings of the run that made the weights; {} if there are none."""
    config = path.parent / "config.json"
    if not config.is_file():
        return {}
    from tinynet.train import Settings
    return Settings.read(config).asdict()


def test_images(args, settings, card):
    """The data set to measure on."""
    from tinynet import data
    from tinynet.data import sources
    from tinynet.data.image_folder import whole_folder
    name = os.path.abspath(args.data) if args.data and os.path.isdir(args.data) else args.data
    name = name or settings.get("data") or "cifar10"
    kind, own = sources.kind_of(name), name == settings.get("data")
    if kind == "a folder of images" and not own:
        if card is None:
            raise data.DataError(f"{args.trained}: this file does not say which images the network takes; only "
                                 "tinynet's own files can be measured on a folder of images")
        if card.size[0] != card.size[1]:
            raise data.DataError(f"{args.trained}: the network takes images of {card.size[0]} x {card.size[1]} "
                                 "pixels, and images from a folder become squares")
        return whole_folder(name, list(card.classes), card.size[0], card.fit, card.channels, args.skip_damaged)
    options = {key: settings[key] for key in ("size", "fit", "labels") if own and settings.get(key) is not None}
    if args.skip_damaged or own and settings.get("skip_damaged"):
        options["skip_damaged"] = True
    return data.load(name, train=False, root=args.root or (settings.get("root") if own else None), **options)


def known_network(path, args):
    """The `Classifier` of a file that says which network it belongs to; None for others, or if the user names one."""
    from tinynet.deploy.card import load_network, read_card
    from tinynet.deploy.classifier import Classifier
    given = [name for name in NETWORK if getattr(args, name) is not None]
    if given or read_card(path) is None:
        return None
    return Classifier(*load_network(path))


def described_network(path, args, settings, data):
    """(model, card) of the network that the options and the run's settings describe, with these weights."""
    from tinynet.deploy.card import Card
    from tinynet.train.settings import network_options
    from tinynet.weights import load
    choice = {"model": "resnet20", "shortcut": "A", "pad": "end"}
    choice.update({name: settings[name] for name in choice if name in settings})
    choice.update({name: getattr(args, name) for name in choice if getattr(args, name) is not None})
    height, width, channels = data.images.shape[1:]
    card = Card(choice["model"], network_options(choice), list(data.classes), channels, [height, width],
                data.mean.tolist(), data.std.tolist())
    model, weights = card.create(), load(path)
    if not isinstance(weights, dict):
        raise ValueError(f"{path}: expected a dict of weights, got {type(weights).__name__}")
    model.load_state_dict(adapt(weights, model.state_dict()))
    return model, card


def adapt(weights, own):
    """Weights of a public checkpoint under the keys of this network; prints what it changes."""
    from tinynet.weights import unwrap

    def say(what):
        print(f"tinynet: {what}", file=sys.stderr)

    weights = unwrap(weights, say)
    if "linear.weight" in weights and "fc.weight" in own:
        say("read 'linear' as 'fc'")
        weights = {f"fc.{key.removeprefix('linear.')}" if str(key).startswith("linear.") else key: value
                   for key, value in weights.items()}
    return weights
