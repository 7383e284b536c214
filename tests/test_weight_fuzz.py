"""Thousands of damaged weight files: each is read or refused in one clear sentence, fast, and in little memory."""

import re
import resource
import sys
import time

import numpy as np
import pytest

from tinynet.weights import WeightFileError, load, save

LENGTHS = [0, 1, 7, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**32 - 1, 2**40, 2**63 - 1, 2**64 - 1]


def flip_bits(random, content):
    for at in random.integers(0, len(content), random.integers(1, 9)):
        content[at] ^= 1 << random.integers(8)


def truncate(random, content):
    del content[random.integers(len(content)):]


def splice(random, content):
    """A piece from elsewhere, over what was there, or between."""
    source, target, length = random.integers(0, len(content), 3)
    piece = content[source:source + min(length, 100)]
    content[target:target + len(piece) * int(random.integers(2))] = piece


def cut_out(random, content):
    at = random.integers(len(content))
    del content[at:at + random.integers(1, 40)]


def edit_length(random, content):
    """Somewhere, most often near one of the ends where lengths stand, an extreme number."""
    reach = len(content) if random.random() < 0.3 else min(len(content), 100)
    at = random.integers(reach)
    at = at if random.random() < 0.5 else len(content) - 1 - at
    width = int(random.choice([1, 2, 4, 8]))
    number = LENGTHS[random.integers(len(LENGTHS))] % 256**width
    content[at:at + width] = number.to_bytes(width, "little")


def edit_digits(random, content):
    """Another number, or none, in a text such as the header of a safetensors file."""
    digits = [at for at, byte in enumerate(content[:2000]) if chr(byte).isdigit()]
    if digits:
        at = digits[random.integers(len(digits))]
        content[at:at + 1] = random.choice([b"0", b"-1", b"999999999999", b"1.5", b"null", b"[]", b"1e999", b""])


MUTATIONS = [flip_bits, truncate, splice, cut_out, edit_length, edit_digits]


def mutated(random, content):
    content = bytearray(content)
    for _ in range(random.integers(1, 4)):
        if content:
            MUTATIONS[random.integers(len(MUTATIONS))](random, content)
    return bytes(content)


def own_format(tmp_path):
    state = {"conv.weight": np.ones((4, 3, 3, 3), np.float32), "n": np.array(5), "mask": np.array([True, False])}
    save({"model": state, "epoch": 3, "rates": (0.1, [1, None])}, tmp_path / "good")
    content = (tmp_path / "good").read_bytes()
    return lambda random: mutated(random, content)


def torch_content(zipped):
    torch = pytest.importorskip("torch")
    from torch_files import torch_save

    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    return torch_save({"state_dict": model.state_dict(), "epoch": 3, "lr": [0.1, (None, "a")]}, zipped)


def torch_zip(tmp_path):
    content = torch_content(True)
    return lambda random: mutated(random, content)


def torch_legacy(tmp_path):
    content = torch_content(False)
    for i, key in enumerate(dict.fromkeys(re.findall(rb"\d{12,}", content))):     # addresses, new in every process
        content = content.replace(key, b"%0*d" % (len(key), i))
    return lambda random: mutated(random, content)


def torch_pickle(tmp_path):
    """Damage to the pickle alone, in an archive whose checksums are right: this reaches the machine that runs it."""
    pytest.importorskip("torch")
    from torch_files import Call, Storage, pickled, tensor, zip_file
    from torch import Size

    storage = Storage(4)
    program = pickled({"a": tensor((2, 2), (2, 1), 0, storage), "b": tensor((4,), (1,), 0, storage),
                       "c": [1, 2.5, None, True, "text", 2**70, (1, 2, 3, 4)], "d": Call(Size, (3, 4))})
    return lambda random: zip_file(mutated(random, program))


def fuzz(make, count, path):
    """Loads `count` damaged files; (how many were read, the slowest in seconds, bytes of memory that they added)."""
    damaged = make(path.parent)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    read, slowest = 0, 0.0
    for seed in range(count):
        path.write_bytes(damaged(np.random.default_rng(seed)))
        start = time.perf_counter()
        try:
            load(path, dtype="float32" if seed % 2 else None)
            read += 1
        except WeightFileError as error:
            assert str(error).startswith(f"{path}: ")
            assert len(error.why) < 400 and "\n" not in error.why
        slowest = max(slowest, time.perf_counter() - start)
    unit = 1 if sys.platform == "darwin" else 1024
    return read, slowest, unit * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)


MAKERS = [own_format, torch_zip, torch_legacy, torch_pickle]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_damaged_files_are_read_or_refused(make, count, tmp_path):
    read, slowest, memory = fuzz(make, count, tmp_path / "damaged")
    assert read < count / 2
    assert slowest < 5
    assert memory < 200e6
