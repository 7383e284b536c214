"""Transforms made of transforms."""

from tinynet import random
from tinynet.nn import Module, ModuleList


class Transform(Module):
    """Base of transforms of images of any shape; the repr shows the options `shown`."""

    shown = ()

    def extra_repr(self):
        return ", ".join(f"{name}={getattr(self, name)}" for name in self.shown)


class Compose:
    """One transform after the other, for images of any shape. `torchvision.transforms.Compose`."""

    def __init__(self, transforms):
        self.transforms = transforms

    def __call__(self, img):
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self):
        return "\n".join(["Compose(", *(f"    {transform}" for transform in self.transforms), ")"])


class Lambda:
    """The function `lambd` as a transform, for images of any shape; TypeError for anything but a function.

    `torchvision.transforms.Lambda`.
    """

    def __init__(self, lambd):
        if not callable(lambd):
            raise TypeError(f"Lambda: expected a function, got {type(lambd).__name__}")
        self.lambd = lambd

    def __call__(self, img):
        return self.lambd(img)

    def __repr__(self):
        return "Lambda()"


class RandomApply(Module):
    """All `transforms` with probability p, else none of them; images of any shape.

    `torchvision.transforms.RandomApply`.
    """

    def __init__(self, transforms, p=0.5):
        super().__init__()
        self.transforms = transforms if isinstance(transforms, ModuleList) else list(transforms)
        self.p = p

    def forward(self, img):
        if draw() < self.p:
            for transform in self.transforms:
                img = transform(img)
        return img


class RandomChoice:
    """One of `transforms`, chosen with the weights `p` if they are given; images of any shape.

    `torchvision.transforms.RandomChoice`.
    """

    def __init__(self, transforms, p=None):
        self.transforms, self.p = transforms, p

    def __call__(self, img):
        weights = None if self.p is None else [weight / sum(self.p) for weight in self.p]
        return self.transforms[numbers().choice(len(self.transforms), p=weights)](img)


class RandomOrder:
    """All `transforms`, in random order; images of any shape. `torchvision.transforms.RandomOrder`."""

    def __init__(self, transforms):
        self.transforms = transforms

    def __call__(self, img):
        for i in numbers().permutation(len(self.transforms)):
            img = self.transforms[i](img)
        return img


def numbers():
    """The random numbers of all transforms; `manual_seed` sets them."""
    return random.stream("data")


def draw(low=0.0, high=1.0):
    """A number from low to high."""
    return float(numbers().uniform(low, high))
