"""Inception: gradients, the same in PyTorch, GoogLeNet's numbers, sizes, errors, training."""

import numpy as np
import pytest
from blocks import check_gradients, check_sharing, check_counterpart, images, losses_on_shapes

from tinynet import nn
from tinynet.nn.blocks import ConvBlock, Inception
from tinynet.nn.blocks.inception import GOOGLENET
from tinynet.tensor import Tensor

SMALL = 4, 3, (2, 3), (2, 2), 2            # gives 10 channels


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_gradients_are_the_differences(norm):
    check_gradients(Inception(2, 1, (1, 2), (1, 1), 1, norm=norm), 2, 2, 4, 3)


@pytest.mark.parametrize("size", [(6, 6), (5, 7), (1, 3)])
def test_it_is_its_pytorch_counterpart(size):
    pytest.importorskip("torch")
    import torch_blocks
    check_counterpart(Inception(*SMALL), torch_blocks.Inception(*SMALL), 3, 4, *size)


def test_googlenets_numbers_fit_together():
    blocks = [Inception(*numbers) for numbers in GOOGLENET.values()]
    assert [block.out_channels for block in blocks] == [256, 480, 512, 512, 512, 528, 832, 832, 1024]
    assert [block.in_channels for block in blocks] == [192, *(block.out_channels for block in blocks[:-1])]


def test_the_branches_stand_in_the_papers_order():
    block = Inception(*SMALL, norm="none").eval()
    x = Tensor(images(1, 4, 5, 5, dtype=np.float32))
    y = block(x).array
    branches = block.branch1, block.branch3, block.branch5, block.pool
    for branch, start, stop in zip(branches, (0, 3, 6, 8), (3, 6, 8, 10)):
        assert np.array_equal(y[:, start:stop], branch(x).array)


def test_wrong_input_names_block_path_and_shapes():
    model = nn.Sequential({"stem": ConvBlock(3, 5), "block": Inception(*SMALL)})
    with pytest.raises(ValueError) as error:
        model(Tensor(images(2, 3, 8, 8, dtype=np.float32)))
    assert str(error.value) == "block: Inception(4 -> 10): expected input (N, 4, H, W), got (2, 5, 8, 8)"


def test_a_branch_that_does_not_fit_is_told():
    block = Inception(*SMALL)
    block.branch1 = ConvBlock(4, 3, 1, stride=2)
    told = r"Inception\(4 -> 10\): .*branch1 gives \(1, 3, 3, 3\), branch3 gives \(1, 3, 6, 6\)"
    with pytest.raises(ValueError, match=told):
        block(Tensor(images(1, 4, 6, 6, dtype=np.float32)))


def test_sharing():
    check_sharing(Inception(4, 1, (1, 1), (1, 1), 1), 2, 4, 4, 4)


def test_it_learns_shapes():
    losses = losses_on_shapes(Inception(8, 4, (4, 8), (2, 4), 4), 20)
    assert losses[-1] < 0.95 * losses[0]
