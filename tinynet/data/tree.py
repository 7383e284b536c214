"""The image files of a folder: it has a folder for each class, or train, val and test with the classes in them."""

import os
from pathlib import Path
from typing import NamedTuple

from tinynet.data.dataset import DataError
from tinynet.data.images import is_image

PARTS = {"train": "train", "training": "train", "val": "validation", "valid": "validation",
         "validation": "validation", "test": "test", "testing": "test"}
SHOWN = 5                              # names in a message


class Tree(NamedTuple):
    """The files of a data set.

    `files` is {part: [(path, class), ...]}, with the parts "train", "validation" and "test", or "all" where the folder
    has no parts. `classes` are in alphabetical order. `others` are files that are not images.
    """

    root: Path
    files: dict
    classes: list
    others: list


def find_images(root):
    """The `Tree` of the folder `root`. DataError for a folder of another structure."""
    root = Path(root).expanduser()
    if not root.is_dir():
        raise DataError(f"{root}: there is no such folder")
    inside, others = folders_in(root), []
    split = {name: PARTS[name.lower()] for name in inside if name.lower() in PARTS}
    if "train" in split.values() and any(folders_in(root / name) for name in split):
        refuse_doubles(root, split)
        parts = {part: root / name for name, part in split.items()}
    elif inside and len(split) == len(inside):
        raise DataError(f"{root}: expected a folder for each class, or the folders train, val and test with the "
                        f"classes in them, got {', '.join(sorted(inside))}")
    else:
        parts = {"all": root}
    files = {part: files_of(folder, others) for part, folder in parts.items()}
    classes = sorted({name for name, _ in files.get("train", files.get("all"))})
    check(root, files, classes)
    return Tree(root, {part: [(path, name) for name, paths in found for path in paths]
                       for part, found in files.items()}, classes, others)


def refuse_doubles(root, split):
    for part in set(split.values()):
        names = sorted(name for name in split if split[name] == part)
        if len(names) > 1:
            raise DataError(f"{root}: {' and '.join(names)} are names for the same part; expected one of them")


def files_of(folder, others):
    """[(class, paths of its images)] for each class in the folder; other files are added to `others`."""
    found = []
    for name in folders_in(folder):
        paths = sorted(walk(folder / name, ()))
        images = [path for path in paths if is_image(path)]
        others += sorted(set(paths) - set(images))
        found.append((checked_name(name, folder), images))
    return found


def check(root, files, classes):
    """DataError unless there are two classes or more, each has an image, and the training part has all of them."""
    if not classes:
        raise DataError(f"{root}: expected a folder for each class, with its images in it; there is no folder in it")
    if len(classes) < 2:
        raise DataError(f"{root}: expected at least 2 classes, each a folder of images, got one: {classes[0]}")
    for part, found in files.items():
        strange = sorted({name for name, _ in found} - set(classes))
        if strange:
            raise DataError(f"{root}: {part} has classes that train does not have: {few(strange)}")
    empty = [name for name, images in files.get("train", files.get("all")) if not images]
    if empty:
        what = "class" if len(empty) == 1 else "the classes"
        raise DataError(f"{root}: no image in the folder of {what} {few(empty)}")


def folders_in(folder):
    """The names of the folders in a folder, in order; hidden ones do not count."""
    with readable(folder), os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if not hidden(entry.name) and is_folder(entry))


def walk(folder, above):
    """The paths of all files in a folder and the folders in it. Links are followed; DataError if they form a circle."""
    place = os.path.realpath(folder)
    if place in above:
        raise DataError(f"{folder}: its links lead in a circle, back to {place}")
    with readable(folder), os.scandir(folder) as entries:
        entries = [entry for entry in entries if not hidden(entry.name)]
    for entry in entries:
        if is_folder(entry):
            yield from walk(Path(entry.path), (*above, place))
        else:
            yield Path(entry.path)


def is_folder(entry):
    try:
        return entry.is_dir()
    except OSError:                    # a link to itself: the error comes when the file is read
        return False


class readable:
    """A context that turns the system's errors about a folder into sentences."""

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        pass

    def __exit__(self, kind, error, trace):
        if isinstance(error, PermissionError):
            raise DataError(f"{self.folder}: no permission to read this folder") from error
        if isinstance(error, OSError):
            raise DataError(f"{self.folder}: cannot read this folder: {error.strerror}") from error


def hidden(name):
    return name.startswith((".", "__MACOSX")) or name.lower() in ("thumbs.db", "desktop.ini")


def checked_name(name, folder):
    """The name, if it is valid UTF-8: a file system may hold names of other bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise DataError(f"{folder}: the folder {name!r} has a name that is not UTF-8; rename it") from None
    return name


def few(names):
    """The first of the names, and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(map(str, names[:SHOWN])) + more
