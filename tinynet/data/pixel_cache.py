"""Decoded pixels, kept in the cache folder, so that a folder of images is read quickly the second time.

The cache knows each image by the digest of its bytes. Computing a digest means reading the whole file, so the cache
also keeps each file's size and times: as long as these do not change, the bytes count as unchanged. A damaged cache is
made again, and a cache that cannot be written is left out. Both only cost time.
"""

import contextlib
import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tinynet.data import images
from tinynet.data.download import data_folder
from tinynet.kernels.machine.threads import get_num_threads
from tinynet.system.progress import progress

FORMAT = 1                             # one more whenever the pixels are made in another way


def read_images(root, names, size, fit):
    """(pixels (N, size, size, 3), {name: why it cannot be read}) of the images called `names`, paths below `root`.

    An image that cannot be read is left out of the pixels.
    """
    place = file_of(root, size, fit)
    known = load(place)
    stamps, pixels, damaged = {}, {}, {}
    fresh = [name for name in names if not known.recall(root, name, stamps, pixels)]
    if fresh:
        for name, stamp, result in decode(root, fresh, size, fit, known):
            if isinstance(result, images.ImageError):
                damaged[name] = result.why
            else:
                stamps[name], pixels[name] = stamp, result
        store(place, stamps, pixels)
    rows = [pixels[name] for name in names if name in pixels]
    return np.stack(rows) if rows else np.empty((0, size, size, 3), np.uint8), damaged


def decode(root, names, size, fit, known):
    """(name, stamp, pixels or the error) of each image, made on all threads."""
    def one(name):
        path = os.path.join(root, name)
        try:
            stamp = [digest_of(path), *stamp_of(path)]
            pixels = known.by_digest.get(stamp[0])
            return name, stamp, images.read(path, size, fit) if pixels is None else pixels
        except images.ImageError as error:
            return name, None, error
        except OSError as error:
            return name, None, images.ImageError(path, f"it cannot be read: {error.strerror}")

    with (ThreadPoolExecutor(get_num_threads(), "images") as threads,
          progress(len(names), "images", "reading images", delay=1) as bar):
        for result in threads.map(one, names):
            yield result
            bar.update(1)


def digest_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def stamp_of(path):
    """A file's size, the times of its bytes and of its entry, and its number: they change when the file changes."""
    status = os.stat(path)
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def file_of(root, size, fit):
    """The cache's file for the images of this folder at this size."""
    import PIL
    words = json.dumps([os.path.realpath(root), size, fit, PIL.__version__, FORMAT])
    return data_folder() / f"images-{hashlib.sha256(words.encode()).hexdigest()[:16]}.safetensors"


class Known:
    """The content of the cache: `stamps`, {path: [digest, size, times ...]}, and the pixels of each digest."""

    def __init__(self, stamps, rows):
        self.stamps = stamps
        self.by_digest = {stamp[0]: row for stamp, row in zip(stamps.values(), rows)}

    def recall(self, root, name, stamps, pixels):
        """Fill in the stamp and the pixels of an image that has not changed; False for one that has."""
        with contextlib.suppress(OSError):
            stamp = self.stamps.get(name)
            if stamp is not None and stamp[1:] == stamp_of(os.path.join(root, name)):
                stamps[name], pixels[name] = stamp, self.by_digest[stamp[0]]
                return True
        return False


def load(place):
    """The content of the cache's file; an empty one if the file is missing, damaged, or cannot be read."""
    from tinynet.weights import load
    with contextlib.suppress(ValueError, OSError, KeyError, TypeError, AttributeError):
        content = load(place)
        stamps, pixels = json.loads(content["stamps"]), content["pixels"].array
        if len(stamps) == len(pixels) and content["digest"] == hashlib.sha256(pixels).hexdigest():
            return Known(stamps, pixels)
    return Known({}, [])


def store(place, stamps, pixels):
    """Write the cache's file. A cache that cannot be written is no error."""
    from tinynet.weights import save
    if not stamps:
        return
    rows = np.stack([pixels[name] for name in stamps])
    with contextlib.suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        save({"stamps": json.dumps(stamps), "digest": hashlib.sha256(rows).hexdigest(), "pixels": rows}, place)
