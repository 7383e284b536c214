import numpy as np
import pytest

from tinynet.data import DataError, ImageDataset, arrays, load, npz

rng = np.random.default_rng(0)
IMAGES = rng.integers(0, 256, (20, 8, 6, 3), dtype=np.uint8)
LABELS = np.arange(20) % 4


def test_keeps_uint8_images_and_measures_mean_and_std():
    data = ImageDataset(IMAGES, LABELS.astype(np.uint8))
    assert data.images.dtype == np.uint8 and data.labels.dtype == np.int64
    assert data.classes == ["0", "1", "2", "3"] and len(data) == 20
    scaled = IMAGES / 255
    np.testing.assert_allclose(data.mean, scaled.mean((0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(data.std, scaled.std((0, 1, 2)), rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_float_images_become_float32(dtype):
    data = ImageDataset((IMAGES / 255).astype(dtype), LABELS)
    assert data.images.dtype == np.float32
    np.testing.assert_allclose(data.images, IMAGES / 255, atol=1e-3)
    np.testing.assert_allclose(data.mean, (IMAGES / 255).mean((0, 1, 2)), atol=1e-3)


@pytest.mark.parametrize("dtype", [np.int16, np.int64, np.uint32])
def test_integer_images_become_uint8(dtype):
    assert np.array_equal(ImageDataset(IMAGES.astype(dtype), LABELS).images, IMAGES)


def test_a_constant_channel_has_std_one():
    assert ImageDataset(np.full((2, 4, 4, 1), 7, np.uint8), [0, 1]).std == 1


@pytest.mark.parametrize("images, labels, message", [
    (IMAGES[0], LABELS, r"expected images \(N, H, W, C\), got \(8, 6, 3\)"),
    (IMAGES[:0], LABELS[:0], "the set is empty"),
    (IMAGES.astype(np.float32), LABELS, "expected float32 images from 0 to 1, got 0.0 to 255.0"),
    (np.full(IMAGES.shape, np.nan), LABELS, "got nan to nan"),
    (IMAGES.astype(np.int64) - 1, LABELS, "expected int64 images from 0 to 255, got -1 to 254"),
    (IMAGES.astype(np.uint16) + 1, LABELS, "expected uint16 images from 0 to 255, got 1 to 256"),
    (IMAGES > 99, LABELS, "expected images as uint8 or floats, got bool"),
    (IMAGES.astype(str), LABELS, "expected images as uint8 or floats"),
    (IMAGES, LABELS[:-1], r"expected 20 labels, one for each image, got \(19,\)"),
    (IMAGES, np.eye(20), r"got \(20, 20\)"),
    (IMAGES, LABELS / 2, "expected labels as whole numbers, got float64"),
    (IMAGES, LABELS - 1, "expected labels from 0 to 3, got -1 at image 0"),
    (IMAGES, LABELS + 1, "expected labels from 0 to 3, got 4 at image 3"),
])
def test_refuses_in_one_sentence(images, labels, message):
    with pytest.raises(DataError, match=message):
        ImageDataset(images, labels, classes="abcd")


@pytest.mark.parametrize("part", [5, 0.25])
def test_split_is_seeded_and_loses_nothing(part):
    data = ImageDataset(IMAGES, LABELS)
    rest, aside = data.split(part, seed=1)
    assert (len(rest), len(aside)) == (15, 5)
    both = np.concatenate([rest.images, aside.images])
    assert {image.tobytes() for image in both} == {image.tobytes() for image in IMAGES}
    assert np.array_equal(aside.images, data.split(part, seed=1)[1].images)
    assert not np.array_equal(aside.images, data.split(part, seed=2)[1].images)
    assert rest.classes == aside.classes == data.classes and np.array_equal(aside.mean, data.mean)


@pytest.mark.parametrize("part", [0, 20, -1, 1.0, 0.001])
def test_split_leaves_both_parts_something(part):
    with pytest.raises(DataError, match="cannot set"):
        ImageDataset(IMAGES, LABELS).split(part)


def test_arrays_recognizes_the_order_of_axes():
    assert np.array_equal(arrays(IMAGES, LABELS).images, IMAGES)
    assert np.array_equal(arrays(IMAGES.transpose(0, 3, 1, 2), LABELS).images, IMAGES)
    assert arrays(IMAGES[..., 0], LABELS).images.shape == (20, 8, 6, 1)


@pytest.mark.parametrize("shape, message", [
    ((20, 3, 8, 1), "can be read as"), ((20, 3, 3, 3), "can be read as"),
    ((20, 8, 8, 5), "expected 1 to 4 channels"), ((20, 9), "expected images")])
def test_arrays_refuses_to_guess(shape, message):
    with pytest.raises(DataError, match=message):
        arrays(np.zeros(shape, np.uint8), LABELS)


@pytest.mark.parametrize("x, y", [("x", "y"), ("images", "labels"), ("x_train", "y_train")])
def test_npz_is_split_with_a_seed_when_it_has_no_test_arrays(tmp_path, x, y):
    np.savez(tmp_path / "a.npz", **{x: IMAGES, y: LABELS})
    train, test = npz(tmp_path / "a.npz"), load(str(tmp_path / "a.npz"), train=False)
    assert (len(train), len(test)) == (16, 4)
    images = {image.tobytes() for data in (train, test) for image in data.images}
    assert len(images) == 20


def test_npz_with_test_arrays_and_classes(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=IMAGES, y_train=LABELS[:, None], y_test=LABELS[:3],
             x_test=IMAGES[:3].transpose(0, 3, 1, 2), classes=["cat", "dog", "owl", "yak"])
    train, test = npz(tmp_path / "a.npz"), npz(tmp_path / "a.npz", train=False)
    assert len(train) == 20 and np.array_equal(test.images, IMAGES[:3])
    assert train.classes == test.classes == ["cat", "dog", "owl", "yak"]
    assert np.array_equal(test.mean, train.mean)


def test_npz_without_the_arrays_says_what_it_found(tmp_path):
    np.savez(tmp_path / "a.npz", pictures=IMAGES)
    with pytest.raises(DataError, match="expected arrays images and labels.*found pictures"):
        npz(tmp_path / "a.npz")


class Malicious:
    def __reduce__(self):
        return exec, ("raise SystemExit('the pickle ran')",)


def test_npz_does_not_run_pickles(tmp_path):
    np.savez(tmp_path / "a.npz", images=np.array([Malicious()], object), labels=[0])
    with pytest.raises(DataError, match="not a readable .npz file"):
        npz(tmp_path / "a.npz")


def test_missing_npz(tmp_path):
    with pytest.raises(DataError, match="none.npz: no such file"):
        load(str(tmp_path / "none.npz"))


def test_damaged_npz_files_are_refused_or_read_right(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, images=IMAGES, labels=LABELS)
    whole, random = path.read_bytes(), np.random.default_rng(0)
    for trial in range(300):
        damaged = bytearray(whole[:random.integers(len(whole))] if trial % 3 == 0 else whole)
        for place in random.integers(0, len(damaged), 3) if len(damaged) else ():
            damaged[place] = random.integers(256)
        path.write_bytes(damaged)
        try:
            assert len(npz(path)) == 16
        except DataError:
            pass


@pytest.mark.parametrize("name, hint", [("shape", "mean shapes"), ("cifar-10", "cifar10"), ("x", "expected")])
def test_unknown_data_set(name, hint):
    with pytest.raises(DataError, match=f"no data set '{name}'.*{hint}"):
        load(name)
