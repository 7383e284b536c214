import numpy as np
import pytest

from tinynet.data import Augment, Normalize
from tinynet.data.augment import resized

rng = np.random.default_rng(0)
IMAGES = rng.integers(1, 256, (50, 8, 6, 3), dtype=np.uint8)


def test_crop_and_flip_are_what_a_loop_would_do():
    augment = Augment(crop=2)
    draws = augment.draw(seed=1, epoch=2, count=50)
    result = augment(IMAGES, draws)
    for image, changed, (down, right, turn, *_) in zip(IMAGES, result, draws):
        row, column = int(down * 5), int(right * 5)
        expected = np.pad(image, ((2, 2), (2, 2), (0, 0)))[row:row + 8, column:column + 6]
        assert np.array_equal(changed, expected[:, ::-1] if turn < 0.5 else expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_cutout_blanks_a_square(dtype):
    augment = Augment(crop=0, flip=False, cutout=3)
    draws = augment.draw(0, 0, 50)
    images = IMAGES.astype(dtype)
    result = augment(images, draws, blank=np.array([0, 0, 0]))
    for image, changed, (*_, down, right) in zip(images, result, draws):
        row, column = int(down * 8) - 1, int(right * 6) - 1
        expected = image.copy()
        expected[max(row, 0):row + 3, max(column, 0):column + 3] = 0
        assert np.array_equal(changed, expected)


def test_depends_on_seed_epoch_and_index_alone():
    augment = Augment()
    draws = augment.draw(3, 4, 50)
    assert np.array_equal(draws[:20], augment.draw(3, 4, 20))
    assert not np.array_equal(draws, augment.draw(3, 5, 50))
    assert not np.array_equal(draws, augment.draw(4, 4, 50))
    index = rng.permutation(50)
    assert np.array_equal(augment(IMAGES, draws)[index], augment(IMAGES[index], draws[index]))


def test_all_places_and_both_directions_occur():
    draws = Augment().draw(0, 0, 10_000)
    places = np.bincount((draws[:, 0] * 9).astype(int) * 9 + (draws[:, 1] * 9).astype(int), minlength=81)
    assert places.min() > 70 and len(places) == 81
    assert 0.47 < (draws[:, 2] < 0.5).mean() < 0.53


@pytest.mark.parametrize("augment", [Augment(), Augment(crop=0), Augment(0, False), Augment(2, False, 3)])
def test_leaves_the_originals_alone(augment):
    before = IMAGES.copy()
    result = augment(IMAGES, augment.draw(0, 0, 50))
    result[:] = 0
    assert np.array_equal(IMAGES, before)
    assert result.shape == IMAGES.shape and result.dtype == np.uint8 and result.flags.c_contiguous


@pytest.mark.parametrize("images", [IMAGES, (IMAGES / 255).astype(np.float32)])
def test_normalize(images):
    mean, std = np.array([0.5, 0.4, 0.3]), np.array([0.2, 0.3, 0.4])
    result = Normalize(mean, std)(images)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, (IMAGES / 255 - mean) / std, atol=1e-6)
    np.testing.assert_allclose(Normalize(0, 1)(images), IMAGES / 255, atol=1e-7)


def test_every_epoch_flips_those_that_the_one_before_did_not():
    """Jordan 2024, section 3. Chance decides in the first epoch; the places of crops are new in each."""
    first, *later = (Augment().draw(0, epoch, 100) for epoch in range(4))
    for epoch, draws in enumerate(later, 1):
        assert np.array_equal(draws[:, 2] < 0.5, (first[:, 2] < 0.5) ^ bool(epoch % 2))
        assert not np.array_equal(draws[:, 0], first[:, 0])
    assert not np.array_equal(first[:, 2], Augment().draw(1, 0, 100)[:, 2])


def test_a_reflecting_border_shows_the_image_in_a_mirror():
    augment = Augment(crop=2, flip=False, border="reflect")
    draws = augment.draw(0, 0, 50)
    for image, changed, (down, right, *_) in zip(IMAGES, augment(IMAGES, draws), draws):
        rows, columns = (np.abs(np.arange(n) + int(d * 5) - 2) for n, d in ((8, down), (6, right)))
        rows, columns = (np.minimum(at, 2 * (n - 1) - at) for n, at in ((8, rows), (6, columns)))
        assert np.array_equal(changed, image[rows][:, columns])
    with pytest.raises(ValueError, match="expected border black or reflect, got 'mirror'"):
        Augment(border="mirror")


@pytest.mark.parametrize("side", [4, 5, 7, 8])
def test_resized_takes_the_mean_of_the_area(side):
    """Against pixels cut in `side` x `side` equal parts each, of which every new pixel takes as many."""
    images = rng.standard_normal((3, 8, 8, 3)).astype(np.float32)
    fine = images.astype(np.float64).repeat(side, 1).repeat(side, 2)
    expected = fine.reshape(3, side, 8, side, 8, 3).mean((2, 4))
    result = resized(images, side)
    assert result.dtype == np.float32 and result.flags.c_contiguous
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_resized_refuses_to_enlarge():
    with pytest.raises(ValueError, match="resized: expected a side of at most 8, got 9"):
        resized(np.zeros((1, 8, 8, 3), np.float32), 9)
