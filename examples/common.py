"""What the examples share: options, data, and the training loop, once example 06 has explained it."""

import argparse
import pathlib
import sys

from tinynet import data, optim
from tinynet.nn import functional as F


def arguments(story, data=False):
    """The command line: --out, --quick and, for examples that learn from images, --data."""
    name = pathlib.Path(sys.argv[0]).stem
    parser = argparse.ArgumentParser(description=story, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, metavar="FOLDER",
                        help="where the picture goes (default: pictures; with --quick, pictures/quick)")
    parser.add_argument("--quick", action="store_true", help="a glance: less data, fewer steps, seconds")
    parser.set_defaults(data=None)
    if data:
        parser.add_argument("--data", metavar="FOLDER", help="a folder with CIFAR-10, to learn from real "
                            "photographs in place of the built-in shapes")
    args = parser.parse_args()
    args.out = args.out or pathlib.Path("pictures/quick" if args.quick else "pictures")
    args.out.mkdir(parents=True, exist_ok=True)
    args.picture = args.out / f"{name}.png"
    return args


def image_sets(args, train=4000, test=1000):
    """A training and a test set of so many images (in quick mode a tenth): shapes, or CIFAR-10."""
    if args.quick:
        train, test = train // 10, test // 10
    if args.data:
        return [data.cifar10(args.data, part).subset(slice(count))
                for part, count in ((True, train), (False, test))]
    return data.shapes(True, train), data.shapes(False, test)


def batch(dataset, count):
    """The first `count` images, normalised, and their labels."""
    return next(iter(data.Loader(dataset, count, shuffle=False, prefetch=0)))


def fit(model, dataset, epochs, lr=0.1, batch_size=64):
    """The loop of example 06 with the schedule of example 10. Returns the loss of every step."""
    loader = data.Loader(dataset, batch_size)
    optimizer = optim.SGD([p for p in model.parameters() if p.requires_grad], lr, momentum=0.9, nesterov=True)
    steps = epochs * len(loader)
    schedule = optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps, cycle_momentum=False)
    losses = []
    for _ in range(epochs):
        for images, labels in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
    return losses
