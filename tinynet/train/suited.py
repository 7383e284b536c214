"""Settings that suit the number of the user's own images, used where the user gives none.

Few images need small batches and many epochs. Otherwise the run would have too few steps to learn.
"""

import dataclasses

STEPS = 600                            # enough for a small network to learn a simple task
LEAST_EPOCHS, MOST_EPOCHS = 8, 40
LEAST_BATCH, MOST_BATCH = 16, 128


def suited(settings, given, count):
    """`settings` with batch_size, epochs and lr for `count` training images, except those that are `given`."""
    batch = settings.batch_size if "batch_size" in given else batch_for(count)
    epochs = -(-STEPS // -(-count // batch))
    epochs = min(max(epochs, LEAST_EPOCHS), MOST_EPOCHS)
    chosen = {"batch_size": batch, "epochs": epochs, "lr": round(settings.lr * (batch / MOST_BATCH) ** 0.5, 3)}
    return dataclasses.replace(settings, **{name: value for name, value in chosen.items() if name not in given})


def batch_for(count):
    """The batch size, a power of two from 16 to 128, that gives some 16 steps in an epoch."""
    batch = LEAST_BATCH
    while batch < MOST_BATCH and 2 * batch * 16 <= count:
        batch *= 2
    return batch
