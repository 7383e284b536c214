"""Finding the module that a user names: a network, a module inside it, or a single block.

    resnet20                   a network by its name, or a JSON file that describes one
    runs/resnet8-pets-1        the folder of a run, or its weights: the trained network
    resnet20:layer2.0          a module inside a network, with the input that it gets there
    "BasicBlock(16, 32, 2)"    a layer or block with its arguments, which may be blocks themselves:
                               "TransformerEncoder(TransformerEncoderLayer(32, 4, 64), 2)"
"""

import ast
import pathlib

from tinynet import models, nn
from tinynet.gradients.modes import no_grad
from tinynet.inspect.watch import inputs_for
from tinynet.nn import blocks
from tinynet.system.suggest import nearest_names
from tinynet.tensor import tensors_in


def find(text, size=None, batch=1):
    """(module, its inputs) for the text that a user wrote; `size` is the shape of an input, `3,224,224`."""
    size = None if size is None else shape(size)
    if "(" in text:
        module = block(text)
        if size is None:
            raise ValueError(f"{text}: expected --input, the shape of its input, such as 16,32,32")
        return module, inputs_for(module, size, batch, requires_grad=True)     # as in the middle of a network
    name, _, path = text.partition(":")
    model, usual = network(name)
    inputs = inputs_for(model, size or usual, batch)
    return part(model, path, inputs) if path else (model, inputs)


def network(name):
    """(network, the shape of its images) of a name, a JSON file, or a run."""
    if name not in models.MODELS and not name.endswith(".json") and pathlib.Path(name).exists():
        from tinynet.deploy.card import load_network           # late: most names need no files
        from tinynet.deploy.places import weight_file
        model, card = load_network(weight_file(name))
        return model, (card.channels, *card.size)
    model = models.create(name)
    return model, usual_size(model)


def shape(text):
    """(3, 224, 224) for "3,224,224"."""
    numbers = text.replace("x", ",").split(",")
    if not all(n.strip().isdecimal() and int(n) for n in numbers):
        raise ValueError(f"--input: expected positive numbers such as 3,224,224, got {text!r}")
    return tuple(map(int, numbers))


def usual_size(model):
    """The shape of a network's images: 32x32 if the first convolution keeps their size, else 224x224."""
    first = next(m for m in model.modules() if isinstance(m, nn.Conv2d))
    size = getattr(model, "image_size", 32 if first.stride == (1, 1) else 224)
    return first.in_channels, size, size


def block(text):
    """The layer or block that a call such as `SEBlock(64, reduction=8)` makes.

    Arguments are plain values, and layers or blocks, alone or in lists and dictionaries.
    """
    try:
        call = ast.parse(text, mode="eval").body
    except SyntaxError:
        call = None
    if not isinstance(call, ast.Call):
        raise not_a_block(text)
    return value(call, text)


def value(node, text):
    """The value of the node of a syntax tree; `text` is the whole text, for errors."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        args = [value(a, text) for a in node.args]
        return kind_of(node.func.id)(*args, **{k.arg: value(k.value, text) for k in node.keywords})
    if isinstance(node, (ast.List, ast.Tuple)):
        return [value(item, text) for item in node.elts]
    if isinstance(node, ast.Dict) and None not in node.keys:
        return {value(k, text): value(v, text) for k, v in zip(node.keys, node.values)}
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise not_a_block(text) from None


def not_a_block(text):
    return ValueError("expected a block with plain arguments, or with blocks as arguments, such as BasicBlock(16, 32) "
                      f"or Residual(ConvBlock(16, 16)), got {text!r}")


def kind_of(name):
    known = {n: kind for n, kind in {**vars(nn), **vars(blocks)}.items() if isinstance(kind, type)}
    if name not in known:
        raise ValueError(f"unknown block {name!r}{nearest_names(name, known)}")
    return known[name]


def part(model, path, inputs):
    """(module, inputs) of the module at `path`, with the inputs that it gets when the network runs."""
    known = [name for name, _ in model.named_modules() if name]
    if path not in known:
        raise ValueError(f"no module {path!r} in the network{nearest_names(path, known)}")
    module, got = model.get_submodule(path), []
    with module.register_forward_pre_hook(lambda module, args: got.append(args)), no_grad():
        model.eval()(*inputs)
    if not got:
        raise ValueError(f"{path}: this module takes no part in the forward pass")
    for tensor in tensors_in(got[0]):
        tensor.requires_grad = tensor.is_floating_point()
    return module, got[0]
