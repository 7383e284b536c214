"""Transforms of images under torchvision's names: what is right by hand, by Pillow, or by PyTorch's own resizing."""

import numpy as np
import pytest
from PIL import Image

import tinynet
from tinynet.vision import ops, utils
from tinynet.vision import transforms as T
from tinynet.vision.transforms import functional as F

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (11, 7, 3), dtype=np.uint8)      # (H, W, C)
IMAGE = Image.fromarray(PIXELS)
GRAY = Image.fromarray(PIXELS[:, :, 0])
FLOATS = T.ToTensor()(IMAGE)
BYTES = T.PILToTensor()(IMAGE)


def as_bytes(image):
    """A Pillow image or a tensor as an array (C, H, W) of numbers from 0 to 255."""
    if isinstance(image, Image.Image):
        return T.PILToTensor()(image).array.astype(int)
    return (image.array * 255 if image.is_floating_point() else image.array).astype(float)


# To tensors and back --------------------------------------------------------------------------------------


def test_to_tensor_and_back():
    assert FLOATS.shape == (3, 11, 7) and str(FLOATS.dtype) == "float32"
    np.testing.assert_array_equal(FLOATS.array, PIXELS.transpose(2, 0, 1).astype(np.float32) / np.float32(255))
    np.testing.assert_array_equal(BYTES.array, PIXELS.transpose(2, 0, 1))
    np.testing.assert_array_equal(T.ToTensor()(PIXELS).array, FLOATS.array)
    assert T.ToTensor()(PIXELS.astype(float)).array.max() > 1          # floats stay as they are
    for tensor in (FLOATS, BYTES):
        np.testing.assert_array_equal(np.asarray(T.ToPILImage()(tensor)), PIXELS)
    assert T.ToPILImage()(FLOATS[:1]).mode == "L" and T.ToPILImage()(PIXELS).mode == "RGB"
    assert T.ToTensor()(IMAGE.convert("1")).array.max() == 1 and T.ToTensor()(GRAY).shape == (1, 11, 7)


@pytest.mark.parametrize("pixels", [np.int32, np.float32, np.int16], ids=["int32", "float32", "int16"])
def test_other_pixels_keep_their_values(pixels):
    array = np.arange(6).reshape(2, 3).astype(pixels) * 100
    image = T.ToPILImage()(array)
    found = T.ToTensor()(image)
    assert found.dtype == pixels and found.array[0].tolist() == array.tolist()


def test_dtypes_are_converted_with_their_range():
    assert T.ConvertImageDtype(tinynet.float32)(BYTES).array.max() == BYTES.array.max() / np.float32(255)
    np.testing.assert_array_equal(T.ConvertImageDtype(tinynet.uint8)(FLOATS).array, BYTES.array)
    assert F.convert_image_dtype(tinynet.tensor([255], dtype=tinynet.uint8), tinynet.int16).item() == 255 * 128


def test_normalize():
    y = T.Normalize((0.5, 0.4, 0.3), (0.1, 0.2, 0.3))(FLOATS)
    np.testing.assert_allclose(y.array[1], (FLOATS.array[1] - 0.4) / 0.2, rtol=1e-5, atol=1e-6)
    for wrong, words in ((BYTES, "of floats"), (IMAGE, "ToTensor makes one")):
        with pytest.raises(TypeError, match=words):
            T.Normalize(0.5, 0.5)(wrong)
    with pytest.raises(ValueError, match="other than zero"):
        T.Normalize([0.5] * 3, [1.0, 0.0, 1.0])(FLOATS)


# Moving pixels --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size, expected", [(14, (22, 14)), ((5, 9), (5, 9)), ([4], (6, 4))],
                         ids=["one", "two", "list"])
def test_resize(size, expected):
    image, tensor = T.Resize(size)(IMAGE), T.Resize(size)(BYTES)
    assert (image.height, image.width) == expected == tuple(tensor.shape[1:])
    np.testing.assert_array_equal(np.asarray(image), np.asarray(IMAGE.resize(expected[::-1], Image.BILINEAR)))
    np.testing.assert_allclose(as_bytes(tensor), as_bytes(image), atol=1)


def test_resize_limits_the_longer_side():
    assert T.Resize(6, max_size=8)(IMAGE).size == (5, 8)
    with pytest.raises(ValueError, match="max_size above"):
        T.Resize(6, max_size=6)(IMAGE)
    with pytest.raises(TypeError, match="Resize: expected a size"):
        T.Resize("big")


@pytest.mark.parametrize("mode", ["BILINEAR", "BICUBIC"])
@pytest.mark.parametrize("size", [(5, 4), (20, 16)], ids=["smaller", "larger"])
def test_tensors_are_resized_as_by_pytorch(mode, size):
    torch = pytest.importorskip("torch")
    ours = T.Resize(size, T.InterpolationMode[mode])(FLOATS)
    theirs = torch.nn.functional.interpolate(torch.tensor(FLOATS.array)[None], size=size, mode=mode.lower(),
                                             antialias=True, align_corners=False)[0]
    np.testing.assert_allclose(ours.array, theirs.numpy(), atol=1e-5)


@pytest.mark.parametrize("image", [IMAGE, BYTES, FLOATS], ids=["pillow", "bytes", "floats"])
def test_crops_pads_and_flips(image):
    whole = as_bytes(image)
    pairs = [(T.CenterCrop((5, 3))(image), whole[:, 3:8, 2:5]),
             (T.CenterCrop((13, 7))(image), np.pad(whole, ((0, 0), (1, 1), (0, 0)))),
             (T.Pad(2)(image), np.pad(whole, ((0, 0), (2, 2), (2, 2)))),
             (T.Pad((1, 2, 3, 4))(image), np.pad(whole, ((0, 0), (2, 4), (1, 3)))),
             (T.Pad((1, 2), padding_mode="reflect")(image), np.pad(whole, ((0, 0), (2, 2), (1, 1)), "reflect")),
             (F.crop(image, -1, 2, 4, 8), np.pad(whole, ((0, 0), (1, 0), (0, 3)))[:, :4, 2:10]),
             (T.RandomHorizontalFlip(1)(image), whole[:, :, ::-1]), (T.RandomVerticalFlip(1)(image), whole[:, ::-1]),
             (T.RandomHorizontalFlip(0)(image), whole), (T.FiveCrop(4)(image)[3], whole[:, -4:, -4:]),
             (T.TenCrop(4)(image)[5], whole[:, :4, :2:-1])]
    for found, expected in pairs:
        np.testing.assert_allclose(as_bytes(found), expected, atol=1e-3)


def test_random_crops_are_parts_of_the_image():
    whole = np.pad(as_bytes(IMAGE), ((0, 0), (2, 2), (2, 2)))
    tinynet.manual_seed(0)
    seen = set()
    for _ in range(50):
        crop = as_bytes(T.RandomCrop((9, 6), padding=2)(IMAGE))
        places = [(i, j) for i in range(7) for j in range(6) if (whole[:, i:i + 9, j:j + 6] == crop).all()]
        assert places
        seen |= set(places)
    assert len(seen) > 15
    with pytest.raises(ValueError, match=r"RandomCrop: expected an image of at least \(20, 20\)"):
        T.RandomCrop(20)(IMAGE)
    assert T.RandomCrop(20, pad_if_needed=True)(IMAGE).size == (20, 20)


def test_random_resized_crops_keep_to_their_bounds():
    tinynet.manual_seed(0)
    for _ in range(100):
        top, left, height, width = T.RandomResizedCrop.get_params(Image.new("RGB", (100, 80)), (0.2, 0.5), (0.5, 2.0))
        assert 0 <= top <= 80 - height and 0 <= left <= 100 - width
        assert 0.18 < height * width / 8000 < 0.52 and 0.47 < width / height < 2.1
    assert T.RandomResizedCrop(5)(FLOATS).shape == (3, 5, 5) and T.RandomResizedCrop((4, 6))(IMAGE).size == (6, 4)


def test_rotations_and_affine_maps():
    np.testing.assert_array_equal(np.asarray(F.rotate(IMAGE, 180)), PIXELS[::-1, ::-1])
    moved = np.asarray(F.affine(IMAGE, 0, (2, 1), 1.0, 0.0))
    np.testing.assert_array_equal(moved[1:, 2:], PIXELS[:-1, :-2])
    turned = np.asarray(F.affine(IMAGE.crop((0, 0, 7, 7)), 90, (0, 0), 1.0, 0.0))      # with the clock
    np.testing.assert_array_equal(turned, np.rot90(PIXELS[:7, :7], -1))
    assert T.RandomAffine(20, (0.1, 0.1), (0.8, 1.2), 5)(IMAGE).size == IMAGE.size
    with pytest.raises(TypeError, match="put the transform before ToTensor"):
        T.RandomRotation(10)(FLOATS)


# Changing values ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change, factor", [("brightness", 0.6), ("brightness", 1.5), ("contrast", 0.4),
                                            ("saturation", 0.3), ("saturation", 1.7), ("hue", 0.2), ("hue", -0.4),
                                            ("gamma", 1.3)])
def test_tensors_change_as_pillow_images_do(change, factor):
    adjust = getattr(F, f"adjust_{change}")
    expected = as_bytes(adjust(IMAGE, factor))
    for image in (BYTES, FLOATS):
        atol = 9 if change == "hue" else 2
        np.testing.assert_allclose(as_bytes(adjust(image, factor)), expected, atol=atol)


def test_grays_inversions_and_others():
    for gray in (T.Grayscale(3)(BYTES), T.RandomGrayscale(1.0)(BYTES)):
        np.testing.assert_allclose(as_bytes(gray), as_bytes(T.Grayscale(3)(IMAGE)), atol=1)
    np.testing.assert_array_equal(as_bytes(F.invert(BYTES)), 255 - as_bytes(IMAGE))
    np.testing.assert_array_equal(as_bytes(F.solarize(BYTES, 128)), as_bytes(F.solarize(IMAGE, 128)))
    np.testing.assert_array_equal(as_bytes(F.posterize(BYTES, 3)), as_bytes(F.posterize(IMAGE, 3)))


def test_blur():
    spot = np.zeros((1, 9, 9), np.float32)
    spot[0, 4, 4] = 1
    blurred = T.GaussianBlur(5, 1.0)(tinynet.tensor(spot)).array[0]
    weights = np.exp(-0.5 * np.arange(-2, 3) ** 2)
    np.testing.assert_allclose(blurred[2:7, 2:7], np.outer(weights, weights) / weights.sum() ** 2, rtol=1e-5)
    assert T.GaussianBlur(3)(IMAGE).size == IMAGE.size
    with pytest.raises(ValueError, match="odd kernel_size"):
        T.GaussianBlur(4)(IMAGE)


def test_color_jitter_draws_within_its_bounds():
    jitter = T.ColorJitter(0.4, (0.5, 0.6), 2, 0.1)
    assert (jitter.brightness, jitter.contrast, jitter.saturation) == ((0.6, 1.4), (0.5, 0.6), (0.0, 3.0))
    assert T.ColorJitter().hue is None and jitter(IMAGE).size == IMAGE.size
    with pytest.raises(ValueError, match="hue from -0.5 to 0.5"):
        T.ColorJitter(hue=0.7)


def test_erasing():
    tinynet.manual_seed(0)
    erased = T.RandomErasing(1.0, value=7.0)(FLOATS).array == 7
    rows, columns = erased[0].any(1), erased[0].any(0)
    assert erased[:, rows][:, :, columns].all() and 0 < rows.sum() * columns.sum() < 0.5 * 77
    assert not (T.RandomErasing(0.0)(FLOATS).array != FLOATS.array).any()
    assert T.RandomErasing(1.0, value="random")(FLOATS).array.min() < 0


def test_combinations():
    tinynet.manual_seed(0)
    flip = T.RandomHorizontalFlip(1)
    seen = {T.RandomApply([flip])(FLOATS).array.tobytes() for _ in range(20)}
    assert len(seen) == 2
    assert T.RandomChoice([flip])(FLOATS).array.tobytes() in seen and T.RandomOrder([flip, flip])(IMAGE) is not None
    assert T.Compose([T.ToTensor(), T.Lambda(lambda x: x * 0)])(IMAGE).array.max() == 0
    with pytest.raises(TypeError, match="Lambda: expected a function"):
        T.Lambda(3)


def test_what_is_no_image_is_refused():
    for transform in (T.Resize(4), T.Pad(1), T.ColorJitter(0.1), T.Grayscale()):
        with pytest.raises(TypeError, match="expected a Pillow image or a tensor"):
            transform(PIXELS)
    with pytest.raises(TypeError, match="to_tensor: expected"):
        T.ToTensor()(FLOATS)


def test_the_seed_repeats_everything():
    change = T.Compose([T.RandomResizedCrop(6), T.RandomHorizontalFlip(), T.ColorJitter(0.3, 0.3, 0.3, 0.1),
                        T.ToTensor(), T.RandomErasing()])

    def run():
        tinynet.manual_seed(5)
        return [change(IMAGE).array.tobytes() for _ in range(5)]

    assert run() == run() and len(set(run())) == 5


# Grids and layers -----------------------------------------------------------------------------------------


def test_make_grid_and_save_image(tmp_path):
    images = tinynet.tensor(np.arange(5 * 3 * 2 * 2).reshape(5, 3, 2, 2).astype(np.float32))
    grid = utils.make_grid(images, nrow=3, padding=1, pad_value=-1)
    assert grid.shape == (3, 7, 10) and grid.array[0, 0, 0] == grid.array[0, 6, 9] == -1
    np.testing.assert_array_equal(grid.array[:, 4:6, 4:6], images.array[4])
    assert utils.make_grid(images, normalize=True).array.max() == 1
    assert utils.make_grid([FLOATS[:1], FLOATS[1:2]]).shape == (3, 15, 20)
    utils.save_image(FLOATS, tmp_path / "a.png")
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a.png")), PIXELS)


def test_layers():
    x = tinynet.randn(8, 3, 6, 6)
    layer = ops.Conv2dNormActivation(3, 4, stride=2)
    assert layer(x).shape == (8, 4, 3, 3) and layer[0].bias is None
    assert ops.SqueezeExcitation(3, 2)(x).shape == x.shape and ops.MLP(6, [5, 4])(x).shape == (8, 3, 6, 4)
    assert ops.FrozenBatchNorm2d(3)(x).shape == x.shape
    rows = ops.StochasticDepth(0.5, "row")(tinynet.ones(200, 2)).array
    assert set(rows.ravel()) == {0.0, 2.0} and (rows[:, 0] == rows[:, 1]).all()
    assert (ops.StochasticDepth(0.5, "row").eval()(x).array == x.array).all()
