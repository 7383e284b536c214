"""Write a network as an ONNX file, which other programs run (onnxruntime, OpenCV, browsers, phones).

    tinynet export runs/resnet20-pets-1 --out pets.onnx
    tinynet export resnet20-cifar10 --fold --out resnet20.onnx

The file's input is a batch of normalised images (N, C, H, W), float32, for any N: (pixels / 255 - mean) / std for each
channel. Its output are the scores (N, classes). Classes, mean and std are in the file's metadata. The file is checked
by ONNX's checker, and by running it. This needs the package onnx, and onnxruntime to run fast: pip install onnx
onnxruntime.
"""

import json
import os


def add_options(parser):
    parser.add_argument("trained", metavar="RUN", help="the folder of a run, weights, or resnet20-cifar10")
    parser.add_argument("--out", metavar="FILE.onnx", required=True, help="the file to write")
    parser.add_argument("--fold", action="store_true", help="fold BatchNorm into the layers before it first")
    parser.add_argument("--threads", type=int, help="threads to use")


def run(args):
    import tinynet
    from tinynet.deploy.classifier import load_run
    from tinynet.deploy.fold import fold_batchnorm

    if not args.out.endswith(".onnx"):
        raise ValueError(f"--out: expected a name that ends in .onnx, got {args.out}")
    classifier = load_run(args.trained)
    card, model = classifier.card, classifier.model
    if args.fold:
        model = fold_batchnorm(model, card.example())
    metadata = {"classes": json.dumps(card.classes, ensure_ascii=False), "mean": json.dumps(list(card.mean)),
                "std": json.dumps(list(card.std)), "fit": card.fit}
    tinynet.export_onnx(model, card.example(), args.out, ("images", "scores"), metadata)
    size = ", ".join(map(str, (card.channels, *card.size)))
    megabytes = os.path.getsize(args.out) / 1e6
    print(f"{args.out}: {megabytes:.2f} MB; images (N, {size}) -> scores (N, {len(card.classes)})")
    print("checked: it gives the network's own results")
