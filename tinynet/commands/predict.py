"""Say what is on images: the most probable classes of each.

RUN is the folder of a run, a file of weights that tinynet has written, or resnet20-cifar10, which comes with
tinynet. IMAGE is an image file of any format and size, or a folder of image files.

    tinynet predict runs/resnet20-pets-1 mycat.jpg
    tinynet predict runs/resnet20-pets-1 holidays/ --csv > holidays.csv
    tinynet predict runs/resnet20-pets-1 holidays/ --sheet holidays.png
"""

import csv
import itertools
import json
import sys
from pathlib import Path

SHEET = 400                            # images that a sheet shows at most


def add_options(parser):
    parser.add_argument("trained", metavar="RUN", help="the folder of a run, weights, or resnet20-cifar10")
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="an image, or a folder of images")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="print a table: path, class, and a column for each class")
    form.add_argument("--json", action="store_true", help="print a JSON object with each image's probabilities")
    parser.add_argument("--sheet", metavar="FILE.png",
                        help=f"also draw the images (the first {SHEET}) with their class")
    parser.add_argument("--threads", type=int, help="threads to use")


def run(args):
    from tinynet.deploy.classifier import load_run

    check_sheet(args.sheet)
    classifier = load_run(args.trained)
    paths = list(itertools.chain.from_iterable(map(images_at, args.images)))
    names, pixels, predictions, damaged = predict(classifier, paths, keep=SHEET if args.sheet else 0)
    show = print_csv if args.csv else print_json if args.json else print_lines
    show(names, predictions, classifier.classes)
    if args.sheet and names:
        draw_sheet(args.sheet, pixels, predictions, classifier.classes)
    for path, why in damaged.items():
        print(f"tinynet: {path}: {why}", file=sys.stderr)
    if damaged:
        print(f"tinynet: {len(damaged)} of {len(paths)} images cannot be read", file=sys.stderr)
    return 1 if damaged else 0


def check_sheet(path):
    """ValueError, before the work begins, for a sheet that could not be written."""
    drawn = path is None or Path(path).suffix.lower() in (".png", ".svg", ".pdf")
    if not drawn or path and not Path(path).absolute().parent.is_dir():
        raise ValueError(f"--sheet: expected a name that ends in .png, in a folder that exists, got {path}")


def images_at(name):
    """The path itself, or all images in the folder; ValueError where there are none."""
    from tinynet.data.images import is_image
    from tinynet.data.tree import walk
    path = Path(name).expanduser()
    if not path.is_dir():
        return [path]
    found = [file for file in sorted(walk(path, ())) if is_image(file)]
    if not found:
        raise ValueError(f"{name}: there is no image in this folder")
    return found


def predict(classifier, paths, keep):
    """(names, pixels of the first `keep` images, predictions, {path: why it cannot be read}), batch by batch."""
    import numpy as np
    from tinynet.data.images import ImageError
    from tinynet.system.progress import progress
    names, kept, predictions, damaged = [], [], [], {}

    def pixels(path):
        try:
            return classifier.pixels(path)
        except ImageError as error:
            return error

    with progress(len(paths), "images", delay=2) as bar, reader() as threads:
        for batch in batches(paths, classifier.batch_size):
            images = dict(zip(batch, threads.map(pixels, batch)))
            damaged.update({path: image.why for path, image in images.items() if isinstance(image, ImageError)})
            good = {path: image for path, image in images.items() if path not in damaged}
            if good:
                names += map(str, good)
                predictions += classifier.predictions(np.stack(list(good.values())))
                kept += list(good.values())[:keep - len(kept)]
            bar.update(len(batch))
    return names, kept, predictions, damaged


def reader():
    """Threads that decode images."""
    from concurrent.futures import ThreadPoolExecutor
    from tinynet.kernels.machine.threads import get_num_threads
    return ThreadPoolExecutor(get_num_threads(), "images")


def batches(items, count):
    return (items[start:start + count] for start in range(0, len(items), count))


def print_lines(names, predictions, classes):
    for name, prediction in zip(names, predictions):
        print(f"{name}: {prediction}")


def print_csv(names, predictions, classes):
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["path", "class", *classes])
    for name, prediction in zip(names, predictions):
        writer.writerow([name, prediction.label, *(f"{prediction.scores[label]:.6f}" for label in classes)])


def print_json(names, predictions, classes):
    print(json.dumps({name: {label: round(p, 6) for label, p in prediction.scores.items()}
                      for name, prediction in zip(names, predictions)}, indent=2, ensure_ascii=False))


def draw_sheet(path, pixels, predictions, classes):
    import numpy as np
    from tinynet import plots
    from tinynet.report.page import shown
    images = shown(np.stack(pixels))
    titles = [f"{prediction.label}\n{100 * prediction.probability:.0f} %" for prediction in predictions[:len(images)]]
    plots.image_sheet(images, path, np.arange(len(images)), names=titles)
