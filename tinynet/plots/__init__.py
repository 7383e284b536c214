"""Plots of training and of the insides of a network. Matplotlib is imported when the first figure is drawn.

Every function takes numbers (arrays or tensors) and returns a figure, which a notebook shows. With a `path`, the figure
is written there, too, as PNG, SVG or PDF: the ending of the name decides.

    training_curves, gradient_norms, confusion_matrix    the course of training, and its mistakes
    filters, feature_maps, image_sheet                   images, filters and the maps that they give
    gates, attention_maps                                the channels and places that the network weighs most
"""

from tinynet.plots.attention import attention_maps, gates
from tinynet.plots.figure import figure, write
from tinynet.plots.pictures import feature_maps, filters, image_sheet
from tinynet.plots.training import confusion_matrix, gradient_norms, training_curves

__all__ = ["attention_maps", "confusion_matrix", "feature_maps", "figure", "filters", "gates",
           "gradient_norms", "image_sheet", "training_curves", "write"]
