import threading
import time

import numpy as np
import pytest

from tinynet.data import Augment, DataError, ImageDataset, Loader

rng = np.random.default_rng(0)
IMAGES = rng.integers(0, 256, (53, 8, 6, 3), dtype=np.uint8)
DATA = ImageDataset(IMAGES, np.arange(53))


def gathered(batches):
    """All images and labels, as two arrays."""
    images, labels = zip(*((x.numpy(), y.numpy()) for x, y in batches))
    return np.concatenate(images), np.concatenate(labels)


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(gathered(first), gathered(second)))


def test_shapes_types_and_memory():
    for x, y in Loader(DATA, batch_size=10):
        assert x.shape[1:] == (3, 8, 6) and x.dtype == np.float32 and y.dtype == np.int64
        assert x.array.transpose(0, 2, 3, 1).flags.c_contiguous       # channels last: no layout copy follows
        assert x.shape[0] == y.shape[0]


@pytest.mark.parametrize("drop_last, sizes", [(False, [20, 20, 13]), (True, [20, 20])])
def test_last_batch(drop_last, sizes):
    loader = Loader(DATA, batch_size=20, drop_last=drop_last)
    assert [len(y.numpy()) for _, y in loader] == sizes and len(loader) == len(sizes)


def test_gives_every_image_once_with_its_label():
    images, labels = gathered(Loader(DATA, batch_size=20))
    expected = (IMAGES[labels] / 255 - DATA.mean) / DATA.std
    assert sorted(labels) == list(range(53)) and list(labels) != list(range(53))
    np.testing.assert_allclose(images.transpose(0, 2, 3, 1), expected, atol=1e-5)


def test_without_shuffle_and_normalization():
    images, labels = gathered(Loader(DATA, shuffle=False, normalize=False))
    assert list(labels) == list(range(53))
    np.testing.assert_allclose(images.transpose(0, 2, 3, 1), IMAGES / 255, atol=1e-6)


def test_other_mean_and_std():
    images, _ = gathered(Loader(DATA, shuffle=False, normalize=(np.full(3, 0.5), np.full(3, 0.25))))
    np.testing.assert_allclose(images.transpose(0, 2, 3, 1), IMAGES / 63.75 - 2, atol=1e-5)


def test_float_and_gray_images():
    gray = ImageDataset((IMAGES[..., :1] / 255).astype(np.float32), np.arange(53))
    images, _ = gathered(Loader(gray, shuffle=False, augment=Augment(cutout=2)))
    assert images.shape == (53, 1, 8, 6)


def test_each_loop_is_another_epoch_and_seeds_repeat():
    loader, other = Loader(DATA, augment=Augment(), seed=5), Loader(DATA, augment=Augment(), seed=5)
    first, second = list(loader), list(loader)
    assert not same(first, second) and same(first, other) and same(second, other)
    loader.set_epoch(0)
    assert same(first, loader)
    assert not same(first, Loader(DATA, augment=Augment(), seed=6))


@pytest.mark.parametrize("prefetch", [1, 3, 10])
def test_prefetching_changes_nothing(prefetch):
    plain, ahead = (Loader(DATA, 7, augment=Augment(), prefetch=count) for count in (0, prefetch))
    assert same(plain.iterate(epoch=2), ahead.iterate(epoch=2))


def test_resumes_in_the_middle_of_an_epoch():
    loader = Loader(DATA, 7, augment=Augment(cutout=3))
    whole = list(loader.iterate(epoch=4))
    assert same(whole[3:], Loader(DATA, 7, augment=Augment(cutout=3)).iterate(epoch=4, start=3))
    assert list(loader.iterate(epoch=4, start=len(loader))) == []


def loader_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("loader")]


def test_makes_the_next_batch_meanwhile_and_not_more():
    made, loader = [], Loader(DATA, 10)
    loader.normalize = lambda images: made.append(len(images)) or images.astype(np.float32)
    batches = loader.iterate(0)
    next(batches)
    deadline = time.monotonic() + 10
    while len(made) < 2 and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(0.02)
    assert len(made) == 2
    batches.close()


def test_leaves_no_thread_behind():
    loader = Loader(DATA, 10)
    for _ in loader:
        break
    batches = iter(loader)
    next(batches)
    del batches
    list(loader)
    iter(loader)
    assert not loader_threads()


class Broken(Augment):
    def __call__(self, images, draws, blank):
        raise RuntimeError("no such picture")


def test_an_exception_in_the_thread_comes_out():
    with pytest.raises(RuntimeError, match="no such picture"):
        list(Loader(DATA, 10, augment=Broken()))
    assert not loader_threads()


def test_refuses_what_gives_no_batch():
    with pytest.raises(ValueError, match="batch_size of at least 1"):
        Loader(DATA, 0)
    with pytest.raises(DataError, match="no batch of 100 in 53 images"):
        Loader(DATA, 100, drop_last=True)


def test_the_pictures_of_some_epochs_are_shrunk():
    loader = Loader(DATA, 10, side=lambda epoch: 5 if epoch < 1 else None)
    size = DATA.images.shape[1:3]
    assert [next(iter(loader))[0].shape[2:] for _ in range(2)] == [(5, 5), size]
