"""Fine-tuning: a network starts from the weights of another task, with a new head if the classes differ.

Yosinski et al. 2014, "How transferable are features in deep neural networks?".
"""

import numpy as np

from tinynet.nn import Conv2d, Linear
from tinynet.tensor import Tensor

HEADS = ("fc", "head")                 # names of the last layer in the built-in networks
PARTS = ("none", "body")


def start_from(model, weights, source):
    """Load `weights` (a dict) into the model; returns sentences about the changes that were needed.

    A head of another shape keeps its new weights. The weights of a first layer for three colours are added up over the
    colours if the model has one channel. ValueError, which names the `source`, for weights of another network.
    """
    own, done = model.state_dict(), []
    weights = {name: value for name, value in weights.items() if name in own or not is_head(name)}
    for name, value in own.items():
        given = weights.get(name)
        if is_head(name) and (given is None or given.shape != value.shape):
            weights[name] = value
            done.append(f"{name} {value.shape} is new")
        elif given is not None and takes_gray(given.shape, value.shape):
            weights[name] = Tensor(given.array.sum(1, keepdims=True, dtype=np.float32))
            done.append(f"{name} was added up over its 3 colours")
        elif name.endswith("num_batches_tracked") and given is None:
            weights[name] = value
    try:
        model.load_state_dict(weights)
    except (KeyError, ValueError, RuntimeError) as error:
        raise ValueError(f"{source}: its weights do not fit the network: {error}") from None
    return done


def is_head(name):
    return name.partition(".")[0] in HEADS


def takes_gray(given, wanted):
    """Whether the shapes belong to the same convolution, `given` for 3 channels and `wanted` for 1."""
    return len(given) == len(wanted) == 4 and given[1] == 3 and wanted[1] == 1 and given[::2] == wanted[::2]


def freeze(model, part):
    """With `part` "body", only the head learns; "none" changes nothing. ValueError for a network without a head."""
    if part == "none":
        return
    if not any(isinstance(getattr(model, name, None), Linear) for name in HEADS):
        raise ValueError(f"freeze: the network has no head of the name {' or '.join(HEADS)}, so all of it must learn")
    for name, parameter in model.named_parameters():
        parameter.requires_grad = is_head(name)


def first_convolution(model):
    """The convolution that sees the images. ValueError for a network without one."""
    found = next((module for module in model.modules() if isinstance(module, Conv2d)), None)
    if found is None:
        raise ValueError("stem_epochs: expected a network with a convolution, got one without")
    return found


def train_mode(model):
    """Training mode, except for modules whose parameters are all frozen: the statistics of their norms must stay."""
    model.train()
    for module in model.modules():
        parameters = list(module.parameters())
        if parameters and not any(p.requires_grad for p in parameters):
            module.eval()
