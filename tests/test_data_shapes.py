import importlib

import numpy as np
import pytest

from tinynet.data import DataError, shapes

module = importlib.import_module("tinynet.data.shapes")


@pytest.fixture(scope="module")
def data():
    return shapes(), shapes(train=False)


def test_sizes_and_classes(data):
    train, test = data
    assert train.images.shape == (10_000, 32, 32, 3) and test.images.shape == (2_000, 32, 32, 3)
    assert train.images.dtype == np.uint8 and train.images.flags.c_contiguous
    assert len(set(train.classes)) == 10 and "star" in train.classes
    assert set(np.bincount(train.labels)) == {1000} and set(np.bincount(test.labels)) == {200}


def test_a_seed_draws_the_same_and_a_small_count_the_first(data):
    few = shapes(count=250)
    assert np.array_equal(few.images, data[0].images[:250])
    assert np.array_equal(few.labels, data[0].labels[:250])
    assert not np.array_equal(shapes(count=250, seed=1).images, few.images)


def test_no_test_picture_is_a_training_picture(data):
    train, test = ({image.tobytes() for image in part.images} for part in data)
    assert len(train) == 10_000 and len(test) == 2_000 and not train & test


def test_stated_mean_and_std_are_about_right(data):
    pixels = data[0].images[:2000] / 255
    np.testing.assert_allclose(pixels.mean((0, 1, 2)), data[0].mean, atol=0.02)
    np.testing.assert_allclose(pixels.std((0, 1, 2)), data[0].std, atol=0.02)


@pytest.mark.parametrize("shape", module.SHAPES)
def test_signed_distances(shape):
    """Each shape fits its circle, and away from corners and ridges a step of 1 changes a distance by 1."""
    axis = np.linspace(-1.5, 1.5, 301)
    distance = shape(axis, axis[:, None])
    area = (distance < 0).mean() * 9
    assert 0.6 < area < 2.5
    assert distance[np.hypot(axis, axis[:, None]) > 1.2].min() > 0
    slope = np.hypot(*np.gradient(distance, axis, axis))
    assert 0.95 < np.median(slope) < 1.05


def test_a_linear_classifier_does_badly(data):
    x, x_test = ((part.images / 127.5 - 1).reshape(len(part), -1).astype(np.float32) for part in data)
    y, y_test = (part.labels for part in data)
    weights, step = np.zeros((x.shape[1], 10), np.float32), np.float32(0.01 / 100)
    order = np.random.default_rng(0)
    for epoch in range(4):
        for index in order.permutation(len(x)).reshape(-1, 100):
            scores = np.exp(x[index] @ weights)
            errors = scores / scores.sum(1, keepdims=True) - np.eye(10, dtype=np.float32)[y[index]]
            weights -= step * (x[index].T @ errors)
    accuracy = ((x_test @ weights).argmax(1) == y_test).mean()
    assert 0.2 < accuracy < 0.5


def test_an_empty_set_is_refused():
    with pytest.raises(DataError, match="count of at least 1"):
        shapes(count=0)
