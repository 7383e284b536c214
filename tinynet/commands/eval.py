"""Measure a network's accuracy on a test set.

CHECKPOINT is a file of weights (tinynet's .safetensors or PyTorch's .pth, .pt, .th), the folder of a run, whose
settings then serve as defaults, or the name of weights that come with tinynet.

    tinynet eval resnet20-cifar10 --root FOLDER
    tinynet eval runs/resnet8-shapes-1
    tinynet eval resnet20.th --data cifar10 --root FOLDER --model resnet20 --pad both --normalize imagenet
"""

import pathlib
import sys

STATISTICS = {"cifar10": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
              "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))}


def add_options(parser):
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="weights, the folder of a run, or resnet20-cifar10")
    parser.add_argument("--data", help="shapes, cifar10 or an .npz file (default: the run's, else cifar10)")
    parser.add_argument("--root", help="folder or archive with the data; cifar10 is downloaded if it is left out")
    parser.add_argument("--model", help="network (default: the run's, else resnet20)")
    parser.add_argument("--shortcut", choices=("A", "B"), help="the network's shortcut (default: the run's, else A)")
    parser.add_argument("--pad", choices=("end", "both"),
                        help="where option A puts its zero channels (default: the run's, else end)")
    parser.add_argument("--normalize", choices=sorted(STATISTICS),
                        help="mean and std that the network was trained with (default: the training set's own)")
    parser.add_argument("--batch-size", type=int, default=256, help="images at a time (default: 256)")
    parser.add_argument("--threads", type=int, help="threads to use")


def run(args):
    import tinynet
    from tinynet import data, models
    from tinynet.data import Loader
    from tinynet.train import evaluate
    from tinynet.train.settings import network_options

    if args.threads is not None:
        tinynet.set_num_threads(args.threads)
    weights, settings = read(place(args.checkpoint))
    choice = {"data": "cifar10", "root": None, "model": "resnet20", "shortcut": "A", "pad": "end", **settings}
    choice.update({name: getattr(args, name) for name in choice if getattr(args, name, None) is not None})
    test_set = data.load(choice["data"], train=False, root=choice["root"])
    model = models.create(choice["model"], num_classes=len(test_set.classes), **network_options(choice))
    model.load_state_dict(adapt(weights, model.state_dict()))
    normalize = STATISTICS[args.normalize] if args.normalize else True
    result = evaluate(model, Loader(test_set, args.batch_size, shuffle=False, normalize=normalize), len(test_set.classes))
    print(f"loss {result.loss:.4f} on {test_set}")
    for name, accuracy in zip(test_set.classes, result.per_class):
        print(f"  {name:12} {100 * accuracy:6.2f} %")
    print(f"test accuracy {100 * result.accuracy:.2f} %")


def place(name):
    """Where the checkpoint is: in the package, if there is no such file."""
    from tinynet.models import pretrained
    path = pathlib.Path(name)
    return pretrained.file(name) if not path.exists() and name in pretrained.names() else path


def read(path):
    """(weights, settings): what a file holds, or the latest checkpoint of a run's folder."""
    from tinynet.train import Settings, checkpoint
    from tinynet.weights import load
    content = checkpoint.read_latest(path) if path.is_dir() else load(path)
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected a dict of weights, got {type(content).__name__}")
    settings = content.get("settings")
    if settings is not None:                       # a checkpoint of our own, which says where the weights are
        content, settings = content.get("model", content), Settings.of(settings, path).asdict()
    elif (path.parent / "config.json").is_file():
        settings = Settings.read(path.parent / "config.json").asdict()
    return content, settings or {}


def adapt(weights, own):
    """Weights as public checkpoints keep them, under the keys of this network; says what it had to change."""
    from tinynet.weights import unwrap

    def say(what):
        print(f"tinynet: {what}", file=sys.stderr)

    weights = unwrap(weights, say)
    if "linear.weight" in weights and "fc.weight" in own:
        say("read 'linear' as 'fc'")
        weights = {f"fc.{key.removeprefix('linear.')}" if str(key).startswith("linear.") else key: value
                   for key, value in weights.items()}
    return weights
