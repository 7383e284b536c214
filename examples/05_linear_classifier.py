"""A linear classifier: ten templates, and an image gets the class of the one that fits best.

An image is 3·32·32 = 3072 numbers. A score for each class is a weighted sum of them, scores = x W + b.
Softmax turns scores into probabilities, and the loss is -log of the probability of the right class
(cross-entropy). The learned weights of a class can be shown as an image. This is also the limit of the classifier: a
template cannot move, turn or grow with the shape.
"""

import common
import numpy as np

import tinynet
from tinynet import data, plots

args = common.arguments(__doc__, data=True)
train, test = common.image_sets(args, 4000, 1000)
w = tinynet.zeros(3072, 10, requires_grad=True)
b = tinynet.zeros(10, requires_grad=True)


def scores_of(images):
    return images.flatten(1) @ w + b                                   # (N, 3072) @ (3072, 10) + (10,)


def cross_entropy(scores, labels):
    """-log softmax(scores)[label], averaged over the batch."""
    scores = scores - scores.amax(1, keepdim=True)                     # the same result, but exp stays finite
    log_probabilities = scores - scores.exp().sum(1, keepdim=True).log()
    return -log_probabilities[tinynet.arange(len(labels)), labels].mean()


def accuracy(dataset):
    images, labels = common.batch(dataset, len(dataset))
    with tinynet.no_grad():
        return (scores_of(images).argmax(1) == labels).numpy().mean()


images, labels = common.batch(train, 100)
before = cross_entropy(scores_of(images), labels).item()
print(f"loss before training: {before:.3f} = log 10: it can only guess")

for epoch in range(3 if args.quick else 15):
    for images, labels in data.Loader(train, 100):                     # in a new order each time
        w.grad = b.grad = None
        loss = cross_entropy(scores_of(images), labels)
        loss.backward()
        with tinynet.no_grad():
            for parameter in (w, b):
                parameter -= 0.002 * parameter.grad

# The picture: the templates, each scaled to its own range.
templates = w.detach().numpy().T.reshape(10, 3, 32, 32)
low, high = (np.quantile(templates, q, axis=(1, 2, 3), keepdims=True) for q in (0.01, 0.99))
shown = ((templates - low) / (high - low)).clip(0, 1)
plots.image_sheet(shown, args.picture, np.arange(10), names=train.classes, columns=5)
print(f"test accuracy {100 * accuracy(test):.1f} % (guessing: 10 %); picture: {args.picture}")
