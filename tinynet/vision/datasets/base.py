"""Base classes of the data sets: a root folder, and transforms of images and targets."""

from pathlib import Path

from PIL import Image

from tinynet.data import Dataset


class VisionDataset(Dataset):
    """Base of data sets of images of any shape: `transform` changes an image, `target_transform` its target.

    `transforms` changes both, and excludes the other two (ValueError). `torchvision.datasets.VisionDataset`.
    """

    def __init__(self, root=None, transforms=None, transform=None, target_transform=None):
        if transforms is not None and (transform is not None or target_transform is not None):
            raise ValueError(f"{type(self).__name__}: expected transforms, or transform and target_transform, not both")
        self.root = root if root is None else str(Path(root).expanduser())
        self.transforms, self.transform, self.target_transform = transforms, transform, target_transform

    def transformed(self, image, target):
        """(image, target), after the transforms that were given."""
        if self.transforms is not None:
            return self.transforms(image, target)
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return image, target

    def __repr__(self):
        lines = [f"Dataset {type(self).__name__}", f"    Number of datapoints: {len(self)}"]
        if self.root is not None:
            lines.append(f"    Root location: {self.root}")
        lines += [f"    {line}" for line in self.extra_repr().splitlines()]
        if self.transform is not None:
            lines.append(f"    Transform: {self.transform!r}")
        return "\n".join(lines)

    def extra_repr(self):
        """Further lines of the repr."""
        return ""


class Split(VisionDataset):
    """Base of data sets with a training and a test part, whose images are `data` and whose labels are `targets`."""

    def __init__(self, root, train=True, transform=None, target_transform=None, download=False):
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.train = train
        self.read(Path(self.root), download)
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}

    def __getitem__(self, index):
        return self.transformed(Image.fromarray(self.pixels[index]), int(self.targets[index]))

    def __len__(self):
        return len(self.data)

    def extra_repr(self):
        return f"Split: {'Train' if self.train else 'Test'}"

    def advice(self, root, problem):
        """The error's sentence for data that are missing."""
        return f"{type(self).__name__}: {problem} in {root}; download=True downloads the data set"
