"""What a notebook shows: images, modules, tables, graphs, plots and runs; and plain reprs that say something."""

import numpy as np
import pytest

import tinynet
from tinynet import nn, plots
from tinynet.inspect.graph import graph
from tinynet.inspect.profile import profile
from tinynet.inspect.summary import summary

PNG = b"\x89PNG"


@pytest.mark.parametrize("shape, shown", [((2, 3, 16, 16), True), ((1, 1, 28, 28), True), ((2, 16, 16, 3), True),
                                          ((40, 3, 8, 8), True), ((2, 3), False), ((0, 3, 16, 16), False),
                                          ((2, 5, 16, 16), False), ((4, 3, 3, 3), False)], ids=str)
def test_a_tensor_of_images_is_a_sheet(shape, shown):
    png = tinynet.randn(*shape)._repr_png_()
    assert (png or b"").startswith(PNG) == shown


def test_images_of_bytes_and_strange_values():
    images = tinynet.tensor(np.zeros((2, 8, 8, 3), np.uint8))
    assert images._repr_png_().startswith(PNG)
    assert tinynet.full((1, 3, 16, 16), float("nan"))._repr_png_() is None


def test_a_module_is_a_tree_that_folds_and_its_names_are_text():
    Odd = type("<b>Odd</b>", (nn.Linear,), {})
    tree = nn.Sequential(nn.Conv2d(3, 4, 3), Odd(4, 2))._repr_html_()
    assert tree.count("<details") == 3 and "(4, 3, 3, 3)" in tree and "122 parameters" in tree
    assert "<b>" not in tree


def test_tables_graphs_and_plots_show_themselves():
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    for result in (summary(model, (4,)), profile(model, (4,), repeats=1)):
        assert repr(result) == str(result) and str(result).splitlines()[0] in result._repr_html_()
    drawn = graph(model, (4,))
    assert "Linear" in repr(drawn) and "<svg" in drawn._repr_svg_()
    figure = plots.gradient_norms({"run": {"a": 1.0, "b": 0.1}})
    assert figure._repr_png_().startswith(PNG)


def test_a_trainer_says_how_far_it_is(tmp_path):
    from tinynet import data, train
    images = data.shapes(True, 64)
    trainer = train.Trainer(train.Settings(model="resnet8", epochs=1, batch_size=32), tinynet.models.create("resnet8"),
                            data.Loader(images, 32), None, tmp_path)
    assert "0 of 1 epochs" in repr(trainer) and trainer._repr_png_() is None
    trainer.fit()
    assert "1 of 1 epochs" in repr(trainer) and trainer._repr_png_().startswith(PNG)
