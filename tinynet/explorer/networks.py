"""Exploring a network on images with labels: in evaluation, in one step of training, or with two sets of weights."""

from tinynet import data, optim
from tinynet.autograd import no_grad
from tinynet.explorer.explore import label_inputs, mean_of_squares, record, subtitle
from tinynet.explorer.page import Page
from tinynet.explorer.sample import Snapshot
from tinynet.inspect.watch import undisturbed
from tinynet.nn import functional as F
from tinynet.tensor import tensors_in
from tinynet.weights import load

BATCH, RATE = 8, 0.1


def explore_network(model, inputs, title, weights=(), train=False, step=1, essays=None):
    """A `Page` of `model` on `inputs`, a tuple of tensors; a network that classifies images gets images of shapes.

    `weights` are up to two files, which are loaded one after the other and shown side by side. With `train`, the
    network first takes `step` - 1 steps of gradient descent; the page shows step number `step` in training mode, with
    its update. ValueError for a step below 1, or for `train` with a network that does not classify images.
    """
    if step < 1:
        raise ValueError(f"explore: expected a step of at least 1, got {step}")
    batches = labelled_batches(model, inputs)
    if train and batches is None:
        raise ValueError("explore: --train needs a network that takes images (N, 3, 32, 32) and gives scores "
                         "(N, classes)")
    recordings = []
    with undisturbed(model, training=train):
        for file in weights or [None]:
            if file is not None:
                model.load_state_dict(load(file))
            seen = one(model, inputs, batches, train, step)
            seen.label = str(file or "")
            recordings.append(seen)
    return Page(recordings, title, subtitle(recordings[0]), essays)


def labelled_batches(model, inputs):
    """A loader of images with labels, if the model takes them and gives scores; else None."""
    if len(inputs) != 1 or inputs[0].shape[1:] != (3, 32, 32):
        return None
    with undisturbed(model, training=False), no_grad():
        scores = model(*inputs)
    if not tensors_in(scores) or scores.ndim != 2:
        return None
    images = data.shapes(True, 64 * BATCH)
    images.labels %= scores.shape[1]
    return data.Loader(images, len(inputs[0]) if len(inputs[0]) > 1 else BATCH, prefetch=0)


def one(model, inputs, batches, train, step):
    """The Recording of one forward and backward pass."""
    if batches is None:
        return record(lambda: mean_of_squares(model(*inputs)), model, label_inputs(inputs))
    stream, optimizer = endless(batches), optim.SGD(model.parameters(), RATE, momentum=0.9)
    for _ in range(step - 1 if train else 0):
        images, labels = next(stream)
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()
    images, labels = next(stream)

    def update(seen):
        """The parameters with their gradients and, in training, with their change in the step."""
        before = [(name, p, p.array.copy()) for name, p in model.named_parameters() if p.grad is not None]
        if train:
            optimizer.step()
        return [(name, Snapshot(old), Snapshot(p.grad.array), Snapshot(p.array - old) if train else None)
                for name, p, old in before]

    return record(lambda: F.cross_entropy(model(images), labels), model,
                  [("images", images), ("labels", labels)], update)


def endless(batches):
    """Batch after batch, epoch after epoch."""
    epoch = 0
    while True:
        yield from batches.iterate(epoch, 0)
        epoch += 1
