"""What the studies share: data, a short training, the accuracy, and the file that keeps the results.

A study trains small networks that differ in one thing. Its results are a file in docs/results/, which names the
machine; `docs/figures.py` takes the numbers of the pages from there.

    python docs/studies/norms.py --cifar10 FOLDER      a folder or an archive with CIFAR-10's binary version
    python docs/studies/norms.py --quick               a few steps of everything, to see that it runs; writes nothing
"""

import argparse
import json
import pathlib
import statistics
import sys

import tinynet
from tinynet import data, optim
from tinynet.data import Loader
from tinynet.nn import functional as F

RESULTS = pathlib.Path(__file__).parents[1] / "results"
MACHINE = "tinynet", "python", "numpy", "numba", "processor", "LLVM target", "SIMD lanes", "threads", "BLAS"


def arguments(story):
    parser = argparse.ArgumentParser(description=story, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cifar10", metavar="FOLDER", help="where CIFAR-10 is (default: downloaded)")
    parser.add_argument("--quick", action="store_true", help="a few steps of everything; writes nothing")
    parser.add_argument("--only", metavar="NAME", help="only the part of that name")
    return parser.parse_args()


def sets(name, args, train=None, test=2000):
    """The first `train` and `test` images of a data set: "shapes" or "cifar10"."""
    options = {"root": args.cifar10} if name == "cifar10" else {}
    first, second = (data.load(name, train=part, **options) for part in (True, False))
    return first.subset(slice(train)), second.subset(slice(test))


def fit(model, train, batch_size, steps, lr, seed, watch=None):
    """Train with SGD and one cycle of the learning rate. Returns the loss of each step.

    `watch(step, model)` runs after each backward pass.
    """
    loader = Loader(train, batch_size, seed=seed, drop_last=True)
    optimizer = optim.SGD(model.parameters(), lr, momentum=0.9, nesterov=True, weight_decay=5e-4)
    schedule = optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps + 1, cycle_momentum=False)
    losses = []
    while len(losses) < steps:
        for images, labels in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images), labels)
            loss.backward()
            if watch:
                watch(len(losses), model)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
            if len(losses) == steps:
                break
    return losses


@tinynet.no_grad()
def accuracy(model, test):
    """The share of the test images, in percent, that the network names rightly."""
    model.eval()
    right = sum((model(images).argmax(1) == labels).sum().item()
                for images, labels in Loader(test, 250, shuffle=False))
    model.train()
    return 100 * right / len(test)


def spread(values):
    """The mean of several runs, their standard deviation, and the values themselves."""
    return {"mean": round(statistics.mean(values), 3),
            "sd": round(statistics.stdev(values), 3) if len(values) > 1 else None,
            "values": [round(value, 3) for value in values]}


def machine():
    from tinynet.commands.info import facts
    return {key: str(value) for key, value in facts().items() if key in MACHINE}


def write(name, settings, rows):
    """Keep the rows in docs/results/NAME.json, with the machine and the settings."""
    path = RESULTS / f"{name}.json"
    result = {"machine": machine(), "settings": settings, "rows": rows}
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {path}", file=sys.stderr)


def tell(**row):
    """Print a finished row, so that a long study can be followed."""
    print(json.dumps(row), flush=True)
    return row
