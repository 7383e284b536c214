"""The common part of `tinynet fold` and `tinynet quantize`: network, images to measure it on, comparison."""

import dataclasses
import os
import time
from pathlib import Path

TIMED = 64                             # images at a time
ROUNDS = 5


def add_options(parser):
    parser.add_argument("trained", metavar="RUN", help="the folder of a run, weights, or resnet20-cifar10")
    parser.add_argument("--out", metavar="FILE", help="the file to write (default: beside the weights)")
    parser.add_argument("--data", help="images to measure the accuracy on (default: the run's)")
    parser.add_argument("--root", help="folder or archive that holds a data set with a name")
    parser.add_argument("--skip-damaged", action="store_true", help="go on without images that cannot be read")
    parser.add_argument("--threads", type=int, help="threads to use")


def open_network(args, form):
    """(the classifier, the path of its weights, the path to write). ValueError for a folded or quantized network."""
    from tinynet.deploy.classifier import load_run
    from tinynet.deploy.places import weight_file
    classifier, path = load_run(args.trained), weight_file(args.trained)
    if classifier.card.form != "plain":
        raise ValueError(f"{path}: expected weights as they were trained, but these are {classifier.card.form}")
    if args.out:
        out = Path(args.out)
    else:
        folder = path.parent if os.path.exists(args.trained) else Path()
        out = folder / f"{form if path.stem == 'model' else f'{path.stem}-{form}'}.safetensors"
    if out.suffix != ".safetensors":
        raise ValueError(f"--out: expected a name that ends in .safetensors, got {out}")
    return classifier, path, out


def measured_data(args, classifier, path):
    """The images that the accuracy is measured on: --data, or the run's; None where there are none."""
    from tinynet.commands.eval import settings_beside, test_images
    settings = settings_beside(path)
    if args.data is None and not settings.get("data"):
        return None
    return test_images(args, settings, classifier.card)


def write(classifier, model, form, out):
    """Write the network in its new form; returns its classifier."""
    from tinynet.deploy.card import save_network
    from tinynet.deploy.classifier import Classifier
    card = dataclasses.replace(classifier.card, form=form)
    save_network(model, card, out)
    return Classifier(model, card)


def compare(before, after, files, data):
    """Print accuracy, size and time of the network in both forms."""
    from tinynet import report
    from tinynet.inspect.table import table
    rows = []
    for classifier, file in zip((before, after), files):
        accuracy = f"{100 * report.measure(classifier, data).accuracy:.2f} %" if data else "not measured"
        rows.append((classifier.card.form, accuracy, f"{os.path.getsize(file) / 1e6:.3f} MB",
                     f"{1000 * seconds_per_image(classifier):.3f} ms"))
    print("\n".join(table(("network", "accuracy", "file", "time per image"), rows)))
    if not data:
        print("--data FOLDER measures the accuracy")
    print(f"written: {files[1]}")


def seconds_per_image(classifier):
    """The shortest time of a few rounds, for a batch of black images."""
    import numpy as np
    images = np.zeros((TIMED, *classifier.card.size, classifier.card.channels), np.uint8)
    classifier.forward(images)
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        classifier.forward(images)
        times.append((time.perf_counter() - start) / TIMED)
    return min(times)
