"""Image files and folders of them: every form that a file can have, and every way in which a folder can be wrong."""

import os
import warnings

import numpy as np
import pytest
from image_files import draw, write_folder
from PIL import Image

from tinynet import data
from tinynet.data import DataError, image_folder, images, pixel_cache

RNG = np.random.default_rng(0)
COLORS = draw("disc", RNG, 40, 40)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYNET_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "data"


def kept(image, path, size=40, **options):
    image.save(path, **options)
    return images.read(path, size)


# One image ----------------------------------------------------------------------------------------------------


def test_pixels_of_the_right_size_come_as_they_are(tmp_path):
    assert np.array_equal(kept(Image.fromarray(COLORS), tmp_path / "a.png"), COLORS)


@pytest.mark.parametrize("turn", range(1, 9))
def test_an_image_stands_upright_whatever_its_exif_note_says(tmp_path, turn):
    undo = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
            5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
            8: Image.Transpose.ROTATE_270}
    image = Image.fromarray(COLORS)
    image = image.transpose(undo[turn]) if turn > 1 else image
    note = Image.Exif()
    note[0x0112] = turn
    assert np.array_equal(kept(image, tmp_path / "a.png", exif=note), COLORS)


def test_a_palette_becomes_its_colours(tmp_path):
    image = Image.fromarray(COLORS).quantize(16)
    assert np.array_equal(kept(image, tmp_path / "a.gif"), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_lies_on_white(tmp_path, mode):
    image = Image.new("RGBA", (40, 40), (200, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 40, 20))
    pixels = kept(image.convert(mode) if mode != "P" else image.quantize(4), tmp_path / "a.png")
    assert (pixels[:20] < 10).all() and (pixels[20:] > 250).all()


@pytest.mark.parametrize("values, expected", [
    (np.array([[0, 257 * 7], [257 * 100, 65535]], np.uint16), [0, 7, 100, 255]),
    (np.array([[0, 100_000], [200_000, 400_000]], np.int32), [0, 64, 128, 255]),
    (np.array([[0, 0.25], [0.5, 1]], np.float32), [0, 64, 128, 255]),
    (np.array([[-2, 0], [2, 6]], np.float32), [0, 64, 128, 255]),
], ids=["16 bits", "32 bits", "floats from 0 to 1", "other floats"])
def test_deep_pixels_become_8_bits(tmp_path, values, expected):
    Image.fromarray(values.repeat(4, 0).repeat(4, 1)).save(tmp_path / "a.tiff")
    pixels = images.read(tmp_path / "a.tiff", 8)
    assert [pixels[y, x, 0] for y, x in ((1, 1), (1, 6), (6, 1), (6, 6))] == expected


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "LAB", "1", "L"])
def test_other_colour_spaces_become_red_green_and_blue(tmp_path, mode):
    gray = Image.fromarray(np.full((40, 40, 3), 255, np.uint8))
    if mode == "LAB":
        image = Image.new("LAB", (40, 40), (255, 128, 128))
    else:
        image = gray.convert(mode)
    pixels = kept(image, tmp_path / ("a.jpg" if mode in ("CMYK", "YCbCr") else "a.tiff"))
    assert pixels.shape == (40, 40, 3) and (pixels > 245).all()


def test_the_middle_is_cut_out_or_the_whole_is_padded(tmp_path):
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, 20:40] = 255
    Image.fromarray(wide).save(tmp_path / "a.png")
    assert (images.read(tmp_path / "a.png", 20) == 255).all()
    padded = images.read(tmp_path / "a.png", 60, "pad")
    assert (padded[20:40, 20:40] == 255).all() and (padded[:20] == 0).all() and (padded[20:40, :20] == 0).all()


@pytest.mark.parametrize("name, content, message", [
    ("a.png", b"I am a text\n", "not an image that Pillow can read"), ("b.png", b"", "not an image"),
    ("c.jpg", None, "cannot be read|damaged")])
def test_a_damaged_image_is_named_with_the_reason(tmp_path, name, content, message):
    if content is None:
        Image.fromarray(COLORS).save(tmp_path / "whole.jpg")
        content = (tmp_path / "whole.jpg").read_bytes()[:300]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(images.ImageError, match=f"{name}: it.*({message})"):
        images.read(tmp_path / name, 32)


@pytest.mark.parametrize("side", [10_000, 14_000])
def test_an_image_that_would_fill_the_memory_is_refused(tmp_path, side):
    Image.new("1", (side, side)).save(tmp_path / "a.png")
    with pytest.raises(images.ImageError, match="pixels"):
        images.read(tmp_path / "a.png", 32)


def test_every_cut_or_changed_byte_gives_pixels_or_one_sentence(tmp_path):
    rng = np.random.default_rng(0)
    for ending in ("png", "jpg", "gif", "tiff", "bmp", "webp"):
        path = tmp_path / f"a.{ending}"
        Image.fromarray(COLORS).save(path)
        whole = path.read_bytes()
        for _ in range(25):
            content = bytearray(whole[:rng.integers(len(whole))] if rng.random() < 0.5 else whole)
            for _ in range(3):
                if content:
                    content[rng.integers(len(content))] = rng.integers(256)
            path.write_bytes(content)
            try:
                assert images.read(path, 16).shape == (16, 16, 3)
            except images.ImageError as error:
                assert "\n" not in str(error)


# A folder of them ---------------------------------------------------------------------------------------------


def test_a_folder_is_split_by_class_and_seed(tmp_path):
    parts = image_folder(write_folder(tmp_path / "pets", 10), 24)
    assert parts.train.images.shape == (24, 24, 24, 3) and len(parts.test) == 6 and parts.validation is None
    assert parts.train.classes == ["cross", "disc", "stripes"]
    assert np.bincount(parts.test.labels).tolist() == [2, 2, 2]
    assert not set(parts.train.paths) & set(parts.test.paths)
    assert image_folder(tmp_path / "pets", 24).test.paths == parts.test.paths
    first = parts.train.paths[0]
    assert np.array_equal(parts.train.images[0], images.read(tmp_path / "pets" / first, 24))
    assert first.startswith(parts.train.classes[parts.train.labels[0]])
    scaled = parts.train.images / 255
    assert np.allclose(scaled.mean((0, 1, 2)), parts.train.mean, atol=1e-5) and np.array_equal(
        parts.train.mean, parts.test.mean)


def test_train_val_and_test_folders_are_kept(tmp_path):
    for part, count in (("train", 4), ("val", 2), ("test", 3)):
        write_folder(tmp_path / "pets" / part, count, seed=count)
    parts = image_folder(tmp_path / "pets")
    assert [len(part) for part in parts] == [12, 6, 9]
    assert all(path.startswith("test") for path in parts.test.paths)


def test_a_class_may_be_called_train(tmp_path):
    write_folder(tmp_path / "vehicles", 3, ("train", "car"))
    assert image_folder(tmp_path / "vehicles").train.classes == ["car", "train"]


def test_gray_images_stay_gray_and_colour_ones_turn_gray_for_a_gray_network(tmp_path):
    root = write_folder(tmp_path / "pets", 4)
    assert image_folder(root).train.images.shape[-1] == 3
    for path in root.rglob("*.*"):
        with Image.open(path) as image:
            image.convert("L").save(path.with_suffix(".png"))
    for path in [path for path in root.rglob("*.*") if path.suffix != ".png"]:
        path.unlink()
    parts = image_folder(root)
    assert parts.train.images.shape[-1] == 1 and parts.train.mean.shape == (1,)
    expected = np.asarray(Image.fromarray(COLORS).convert("L"))
    assert np.array_equal(images.with_channels(COLORS, 1)[..., 0], expected)


def test_names_may_be_in_any_script_with_spaces(tmp_path):
    write_folder(tmp_path / "meine Tiere", 3, ("кошка", "犬 2", "chien à poil"))
    (tmp_path / "meine Tiere" / "犬 2" / "000.png").rename(tmp_path / "meine Tiere" / "犬 2" / "ein Bild ß.PNG")
    parts = image_folder(tmp_path / "meine Tiere")
    assert parts.train.classes == ["chien à poil", "кошка", "犬 2"]


def test_hidden_and_other_files_do_not_count(tmp_path, capsys):
    root = write_folder(tmp_path / "pets", 3)
    for name in (".DS_Store", "Thumbs.db", "notes.txt"):
        (root / "disc" / name).write_text("no image", encoding="utf-8")
    (root / "README.md").write_text("my pets", encoding="utf-8")
    (root / ".git").mkdir()
    (root / "disc" / "000.png").rename(root / "disc" / "without an ending")
    parts = image_folder(root)
    assert len(parts.train) + len(parts.test) == 9
    said = capsys.readouterr().err
    assert "left out 1 file" in said and "notes.txt" in said and "DS_Store" not in said


def test_folders_in_a_class_belong_to_it(tmp_path):
    root = write_folder(tmp_path / "pets", 3)
    write_folder(root / "disc" / "summer", 2, ("cross",))
    parts = image_folder(root)
    assert len(parts.train) + len(parts.test) == 11 and len(parts.train.classes) == 3


def empty_class(root):
    (root / "dragon").mkdir()


def one_class(root):
    for kind in ("disc", "cross"):
        for path in (root / kind).iterdir():
            path.unlink()
        (root / kind).rmdir()


def no_class(root):
    one_class(root)
    for path in (root / "stripes").iterdir():
        path.rename(root / path.name)
    (root / "stripes").rmdir()


def two_images(root):
    one_class(root)
    for path in sorted((root / "stripes").iterdir())[1:]:
        path.unlink()
    write_folder(root, 1, ("disc",))


def damaged(root):
    (root / "disc" / "bad.png").write_text("a text", encoding="utf-8")
    (root / "disc" / "cut.jpg").write_bytes((root / "disc" / "001.jpg").read_bytes()[:200])
    os.symlink("nowhere", root / "disc" / "link.png")


def circle(root):
    os.symlink(root, root / "disc" / "again")


def link_to_itself(root):
    os.symlink("itself.png", root / "disc" / "itself.png")


def strange_class(root):
    write_folder(root / "train", 3)
    write_folder(root / "test", 2, ("disc", "dragon"))


def no_train(root):
    for kind in ("disc", "cross", "stripes"):
        for path in (root / kind).iterdir():
            path.unlink()
        (root / kind).rmdir()
    write_folder(root / "test", 2)


BROKEN = [(empty_class, "no image in the folder of class dragon"), (one_class, "at least 2 classes.*got one: stripes"),
          (no_class, "expected a folder for each class"), (two_images, "'disc' has 1 image.*at least 2"),
          (damaged, "3 of 12 images cannot be read: .*disc/bad.png: it is not an image.*--skip-damaged"),
          (circle, "links lead in a circle"), (link_to_itself, "itself.png: it cannot be read"),
          (strange_class, "test has classes that train does not have: dragon"), (no_train, "train, val and test")]


@pytest.mark.parametrize("breaking, message", BROKEN, ids=lambda value: getattr(value, "__name__", ""))
def test_a_folder_that_is_wrong_ends_in_one_sentence(tmp_path, breaking, message):
    root = write_folder(tmp_path / "pets", 3)
    breaking(root)
    with pytest.raises(DataError, match=message) as error:
        image_folder(root)
    assert "\n" not in str(error.value)


def test_a_folder_without_rights_ends_in_one_sentence(tmp_path, monkeypatch):
    root = write_folder(tmp_path / "pets", 3)

    def refused(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refused)
    with pytest.raises(DataError, match="no permission to read this folder"):
        image_folder(root)


def test_damaged_images_can_be_skipped(tmp_path, capsys):
    root = write_folder(tmp_path / "pets", 3)
    damaged(root)
    parts = image_folder(root, skip_damaged=True)
    assert len(parts.train) + len(parts.test) == 9
    assert "3 of 12 images cannot be read" in capsys.readouterr().err


# The cache of pixels ------------------------------------------------------------------------------------------


def count_reads(monkeypatch):
    reads, read = [], images.read
    monkeypatch.setattr(pixel_cache.images, "read", lambda *args: reads.append(args[0]) or read(*args))
    return reads


def test_the_second_time_only_what_has_changed_is_decoded(tmp_path, monkeypatch, cache):
    root, reads = write_folder(tmp_path / "pets", 3), count_reads(monkeypatch)
    first = image_folder(root, 16)
    assert len(reads) == 9
    again = image_folder(root, 16)
    assert len(reads) == 9 and np.array_equal(first.train.images, again.train.images)
    path = root / "disc" / "000.png"
    status, size = path.stat(), path.stat().st_size
    with Image.open(path) as image:
        other = Image.fromarray(255 - np.asarray(image.convert("RGB")))
    other.save(path)
    path.write_bytes(path.read_bytes()[:size].ljust(size, b"\0"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))          # as if nothing had happened
    image_folder(root, 16, skip_damaged=True)
    assert len(reads) == 10
    os.utime(root / "cross" / "001.jpg")                                 # touched, but the bytes are the same
    image_folder(root, 16, skip_damaged=True)
    assert [os.path.basename(path) for path in reads[10:]] in ([], ["000.png"])
    image_folder(root, 20, skip_damaged=True)
    assert len(reads) >= 19


@pytest.mark.parametrize("spoil", [b"", b"nonsense", None], ids=["empty", "nonsense", "a changed byte"])
def test_a_damaged_cache_only_costs_time(tmp_path, spoil, cache):
    root = write_folder(tmp_path / "pets", 3)
    first = image_folder(root, 16)
    place, = cache.glob("images-*")
    content = bytearray(place.read_bytes())
    content[-100] ^= 255
    place.write_bytes(content if spoil is None else spoil)
    assert np.array_equal(image_folder(root, 16).train.images, first.train.images)


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("TINYNET_CACHE", str(tmp_path / "file"))
    assert len(image_folder(write_folder(tmp_path / "pets", 3)).train.classes) == 3


# By name ------------------------------------------------------------------------------------------------------


def test_options_belong_to_their_data():
    with pytest.raises(DataError, match="size: this is an option of a folder of images, but the data is shapes"):
        data.load_parts("shapes", size=64)
    with pytest.raises(DataError, match="labels: this is an option of cifar100"):
        data.load_parts("mnist", labels="fine")


def test_a_suggestion_only_where_a_name_is_near():
    with pytest.raises(DataError, match="did you mean fashion-mnist"):
        data.load("fashion_mnist")
    with pytest.raises(DataError) as error:
        data.load("dragons")
    assert "did you mean" not in str(error.value)


def test_no_warning_reaches_the_user(tmp_path):
    Image.fromarray(COLORS).save(tmp_path / "a.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        images.read(tmp_path / "a.png", 32)
