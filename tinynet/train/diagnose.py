"""Finding the origin of a NaN: the first parameter or layer with a value that is not finite."""

import numpy as np

from tinynet.gradients.hooks import removing
from tinynet.gradients.modes import no_grad


class _Found(Exception):
    pass


@no_grad()
def first_non_finite(model, inputs):
    """The name of the first parameter that is not finite, else of the first layer whose result is not finite."""
    for name, parameter in model.named_parameters():
        if not np.isfinite(parameter.array).all():
            return f"parameter {name}"

    def look(name):
        def hook(module, args, output):
            if not np.isfinite(output.array).all():
                raise _Found(f"layer {name} ({type(module).__name__})")
        return hook

    leaves = [(name, module) for name, module in model.named_modules() if not list(module.children())]
    handles = [module.register_forward_hook(look(name)) for name, module in leaves]
    try:
        with removing(handles):
            model(inputs)
        return "the loss"
    except _Found as found:
        return str(found)
