"""Round a trained network to 8-bit integers: a quarter of the file size, and often less time, for a little accuracy.

    tinynet quantize runs/resnet20-pets-1
    tinynet quantize runs/resnet20-pets-1 --data more-pets/

The ranges of the network's activations are measured on a few hundred of its training images, or of the images of
--data. The result, quantized.safetensors, works in predict and eval.
"""

from tinynet.commands import deploy

CALIBRATION = 256                      # images


def add_options(parser):
    deploy.add_options(parser)
    parser.add_argument("--images", type=int, default=CALIBRATION, metavar="N",
                        help=f"images to measure the ranges on (default: {CALIBRATION})")


def run(args):
    from tinynet.deploy.quantize import quantize
    classifier, path, out = deploy.open_network(args, "quantized")
    if args.images < 1:
        raise ValueError(f"--images: expected at least 1, got {args.images}")
    training, data = calibration_images(args, path), deploy.measured_data(args, classifier, path)
    training = data if training is None else training
    if training is None:
        raise ValueError(f"{args.trained}: expected images to measure ranges on: --data FOLDER")
    model = quantize(classifier.model, batches(classifier, training.images[:args.images]))
    deploy.compare(classifier, deploy.write(classifier, model, "quantized", out), (path, out), data)


def calibration_images(args, path):
    """Training images of the run in random order; None where --data names others."""
    import numpy as np
    from tinynet import data
    from tinynet.commands.eval import settings_beside
    from tinynet.train import Settings
    settings = settings_beside(path)
    if args.data is not None or not settings.get("data"):
        return None
    options = Settings.of(settings, path).data_options()
    training = data.load(settings["data"], True, args.root or settings.get("root"), **options)
    return training.subset(np.random.default_rng(0).permutation(len(training))[:args.images])


def batches(classifier, images):
    """Normalised batches (N, C, H, W) of the images, as the network takes them."""
    from tinynet.tensor import Tensor
    for start in range(0, len(images), 64):
        yield Tensor(classifier.normalize(images[start:start + 64]).transpose(0, 3, 1, 2))
