"""Pictures of what a network does. Matplotlib is imported when the first one is drawn.

Every function takes numbers (arrays or tensors) and returns a figure, which a notebook shows by itself. With a `path`
the figure is written there, too, as PNG, SVG or PDF by the ending.

    training_curves, gradient_norms, confusion_matrix    how training went, and where it fails
    filters, feature_maps, image_sheet                   what goes in, and what the layers see
    gates, attention_maps                                what the network looks at
"""

from tinynet.plots.attention import attention_maps, gates
from tinynet.plots.figure import figure, write
from tinynet.plots.pictures import feature_maps, filters, image_sheet
from tinynet.plots.training import confusion_matrix, gradient_norms, training_curves

__all__ = ["attention_maps", "confusion_matrix", "feature_maps", "figure", "filters", "gates",
           "gradient_norms", "image_sheet", "training_curves", "write"]
