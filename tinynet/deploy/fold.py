"""Folding: in evaluation a BatchNorm is a factor and a summand for each channel, and the layer before it can do both.

    norm(w·x + b) = f · (w·x + b - mean) + beta = (f·w)·x + f·(b - mean) + beta,    f = gamma / √(var + eps)

To find the layer before each norm, one image is sent through the network: the recorded graph shows which operator
reads the result of which layer. Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", section 3.2. `torch.nn.utils.fusion` does the same for pairs that the user names.
"""

import copy
import warnings
from collections import Counter

import numpy as np

from tinynet.gradients.hooks import removing
from tinynet.gradients.modes import enable_grad
from tinynet.nn import BatchNorm1d, BatchNorm2d, Conv2d, Identity, Linear, Parameter
from tinynet.tensor import Tensor, tensors_in

LAYERS, NORMS = (Conv2d, Linear), (BatchNorm1d, BatchNorm2d)
AXES = {Conv2d: 4, Linear: 2}          # axes of an output whose channels are axis 1


def fold_batchnorm(model, input=None):
    """A copy of `model`, in eval mode, without those BatchNorms that follow a convolution or a linear layer.

    The outputs are the same up to rounding; an Identity takes the place of each folded norm. A norm that cannot be
    folded stays, and a warning names it with the reason. In pre-activated networks, for example, some norms read a sum.
    `input` is a batch (N, ...) that the model takes; by default a black image of 32x32 pixels. ValueError in training
    mode, where the result of a norm depends on the batch. Jacob et al. 2018, section 3.2.
    """
    if any(module.training for module in model.modules()):
        raise ValueError("fold_batchnorm: expected a model in eval mode, since running statistics take the "
                         "place of the batch's; call model.eval() first")
    model = copy.deepcopy(model)
    norms = {module: path for path, module in model.named_modules() if isinstance(module, NORMS)}
    if not norms:
        return model
    pairs, reasons = find_pairs(model, norms, example(model) if input is None else input)
    for norm, layer in pairs.items():
        merge(layer, norm)
    if reasons:
        kept = ", ".join(f"{norms[norm]} ({reason})" for norm, reason in reasons.items())
        warnings.warn(f"fold_batchnorm: {len(reasons)} of {len(norms)} norms stay: {kept}", stacklevel=2)
    return replace(model, {norm: Identity().eval() for norm in pairs})


def example(model):
    """A batch of zeros, the smallest that the first layer with a known number of channels accepts."""
    first = next(module for module in model.modules() if isinstance(module, LAYERS + NORMS))
    channels = next(getattr(first, name) for name in ("in_channels", "in_features", "num_features")
                    if hasattr(first, name))
    takes_images = isinstance(first, (Conv2d, BatchNorm2d))
    shape = (1, channels, 32, 32) if takes_images else (1, channels)
    return Tensor(np.zeros(shape, next(model.parameters()).dtype))


def find_pairs(model, norms, input):
    """({norm: the layer before it}, {norm: why it cannot be folded}), found by running the model on `input`."""
    made, read, calls = {}, {}, Counter()

    def note(module, inputs, output):
        calls[module] += 1
        if module in norms:
            read[module] = inputs[0].grad_fn
        elif output.grad_fn is not None and output.ndim == AXES[type(module)]:
            made[output.grad_fn] = module

    handles = [m.register_forward_hook(note) for m in model.modules() if m in norms or type(m) in LAYERS]
    try:
        with removing(handles), enable_grad():
            output = model(Tensor(input.array, requires_grad=input.is_floating_point()))
    except (ValueError, IndexError) as error:
        raise ValueError(f"fold_batchnorm: an input of shape {input.shape} does not go through the model "
                         f"({error}); give one that does: fold_batchnorm(model, input)") from error
    readers, pairs, reasons = count_readers(output), {}, {}
    for norm in norms:
        layer = made.get(read.get(norm))
        reason = why_not(norm, layer, calls, readers[read.get(norm)])
        (reasons if reason else pairs)[norm] = reason or layer
    return pairs, reasons


def why_not(norm, layer, calls, readers):
    """The reason why the norm cannot be folded into the layer; empty if it can."""
    if not norm.track_running_stats:
        return "it has no running statistics"
    if calls[norm] != 1:
        return "it is not used" if calls[norm] == 0 else "it is used more than once"
    if layer is None:
        return "it does not follow a convolution or linear layer"
    if calls[layer] != 1 or readers != 1:
        return "other operators use the layer before it, too"
    return ""


def count_readers(output):
    """{node: how many operators of the recorded graph read its outputs, a result of the model counting as one}."""
    readers, waiting = Counter(), [y.grad_fn for y in tensors_in(output) if y.grad_fn is not None]
    readers.update(waiting)
    seen = set(waiting)
    while waiting:
        sources = [edge[0] for edge in waiting.pop().edges if edge is not None]
        readers.update(sources)
        waiting += set(sources) - seen
        seen.update(sources)
    return readers


def merge(layer, norm):
    """Give the layer the weight and bias with which it gives the result of layer and norm together."""
    mean, var = (v.array.astype(np.float64) for v in (norm.running_mean, norm.running_var))
    gamma = 1 if norm.weight is None else norm.weight.array
    factor = gamma / np.sqrt(var + norm.eps)                                            # (K,)
    bias = (0 if layer.bias is None else layer.bias.array) - mean
    bias = factor * bias + (0 if norm.bias is None else norm.bias.array)
    w, learns = layer.weight.array, layer.weight.requires_grad
    new = w * factor.reshape(-1, *[1] * (w.ndim - 1))          # in the same order of memory
    layer.weight, layer.bias = (Parameter(v.astype(w.dtype), learns) for v in (new, bias))


def replace(model, new):
    """Replace each module of the model that is a key of `new` by `new[module]`; returns the model."""
    for parent in list(model.modules()):
        for name, child in parent._modules.items():
            if child in new:
                setattr(parent, name, new[child])
    return new.get(model, model)
