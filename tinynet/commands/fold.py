"""Fold a trained network's BatchNorms into the layers before them: the same results, in less time.

    tinynet fold runs/resnet20-pets-1

The result, folded.safetensors, works in predict, eval and export. Norms that follow no convolution stay as they are.
"""

from tinynet.commands import deploy
from tinynet.commands.deploy import add_options  # noqa: F401 (read by the parser)


def run(args):
    from tinynet.deploy.fold import fold_batchnorm
    classifier, path, out = deploy.open_network(args, "folded")
    data = deploy.measured_data(args, classifier, path)
    model = fold_batchnorm(classifier.model, classifier.card.example())
    deploy.compare(classifier, deploy.write(classifier, model, "folded", out), (path, out), data)
