"""Networks from a description: a dictionary, or a JSON file that holds one.

    {"stem": "cifar", "block": "basic", "blocks": [3, 3, 3], "channels": [16, 32, 64], "shortcut": "A",
     "norm": "batch", "attention": "none", "head": {"num_classes": 10}}

is ResNet-20. Only `blocks` and `channels` must be given. A mistake ends in an error that names the key, what
was expected, what came, and the nearest name.
"""

import functools
import pathlib
from typing import Any, Callable, NamedTuple

from tinynet.models.resnet import PreActResNet, ResNet
from tinynet.nn.blocks import residual
from tinynet.nn.blocks.attention import SEBlock
from tinynet.nn.blocks.common import NORMS
from tinynet.system import files
from tinynet.system.suggest import did_you_mean

BLOCKS = {"basic": residual.BasicBlock, "bottleneck": residual.Bottleneck, "preact": residual.PreActBlock,
          "preact_bottleneck": residual.PreActBottleneck}
REQUIRED = object()
MAX_FILE, MAX_STAGES, MAX_BLOCKS, MAX_WIDTH = 1_000_000, 100, 1000, 100_000      # bytes, and what a network may have


class Field(NamedTuple):
    """A key's default, what values it takes, and how to say so."""

    default: Any
    accepts: Callable
    expected: str
    names: tuple = ()


def choice(default, *names, function=False):
    """One of the names, or a function where that makes sense."""
    def accepts(value):
        return value in names or function and callable(value)

    return Field(default, accepts, f"one of {', '.join(names)}", names)


def count(default, most=MAX_WIDTH):
    return Field(default, lambda value: is_count(value, most), f"a positive integer, at most {most:,}")


def share(default):
    return Field(default, lambda v: isinstance(v, (int, float)) and 0 <= v < 1, "a number from 0 to below 1")


def counts(what, most):
    """A list of positive integers, one for each stage."""
    def accepts(value):
        return isinstance(value, (list, tuple)) and 0 < len(value) <= MAX_STAGES and all(
            is_count(item, most) for item in value)

    return Field(REQUIRED, accepts, f"a list of 1 to {MAX_STAGES} positive integers, at most {most:,}: {what}")


def optional(field):
    """The same, or None, which is the default."""
    return field._replace(default=None, accepts=lambda value: value is None or field.accepts(value))


def is_count(value, most):
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= most


NETWORK = {
    "stem": choice("imagenet", "imagenet", "cifar", "none"),
    "in_channels": count(3),
    "block": choice("basic", *BLOCKS),
    "blocks": counts("the blocks of each stage", MAX_BLOCKS),
    "channels": counts("the channels of each stage", MAX_WIDTH),
    "strides": optional(counts("the strides of each stage", MAX_WIDTH)),
    "groups": count(1),                            # these two make ResNeXt and Wide ResNet of bottlenecks
    "base_width": count(64),
    "shortcut": choice("B", "A", "B"),
    "pad": choice("end", "end", "both"),
    "norm": choice("batch", *NORMS, function=True),
    "attention": choice("none", "none", *residual.ATTENTIONS, function=True),
    "reduction": optional(count(None)),            # of "se"
    "stochastic_depth": share(0.0),
    "zero_init_residual": Field(False, lambda v: isinstance(v, bool), "true or false"),
    "head": Field({}, lambda v: v == "none" or isinstance(v, dict),
                  '"none" or an object with num_classes, dropout', ("none",)),
}
HEAD = {"num_classes": count(1000), "dropout": share(0.0)}


def build(config, num_classes=None, **changes):
    """The network that `config` describes: a dict, or the path of a JSON file. `changes` replace its values.

    (N, in_channels, H, W) -> scores (N, num_classes). A head "none" leaves the pooled features (N, C) of the
    last stage; `num_classes` changes that of the head. ValueError names the key that is wrong.
    """
    source, config = read(config)
    config = checked({**config, **changes}, NETWORK, source)
    blocks, channels, head = config.pop("blocks"), config.pop("channels"), config.pop("head")
    for key, given in ("channels", channels), ("strides", config["strides"]):
        if given is not None and len(given) != len(blocks):
            raise ValueError(f"{source}: {key}: expected one number for each of the {len(blocks)} stages in "
                             f"blocks, got {given!r}")
    return make(source, config, blocks, channels, checked_head(head, num_classes, f"{source}: head"))


def checked_head(head, num_classes, where):
    if head == "none" and num_classes is None:
        return {"num_classes": None}
    given = {} if head == "none" else head
    return checked(given if num_classes is None else {**given, "num_classes": num_classes}, HEAD, where)


def make(source, config, blocks, channels, head):
    name, groups, base_width = config.pop("block"), config.pop("groups"), config.pop("base_width")
    block = BLOCKS[name]
    if "bottleneck" in name:
        config.update(groups=groups, base_width=base_width)
    elif (groups, base_width) != (1, 64):
        raise ValueError(f"{source}: groups and base_width: expected 1 and 64, as block {name!r} has no "
                         f"others, got {groups} and {base_width}")
    check_shortcut(source, config, [width * block.expansion for width in channels])
    set_attention(source, config, min(channels) * block.expansion)
    network = PreActResNet if block.preactivated else ResNet
    return network(block, blocks, channels, **head, **config)


def check_shortcut(source, config, channels):
    """The limits of option A, as errors in the keys of the configuration."""
    if config["shortcut"] == "B" and config["pad"] != "end":
        raise ValueError(f'{source}: pad: expected "end" with shortcut "B", which has no zeros to place, '
                         f"got {config['pad']!r}")
    if config["shortcut"] == "A" and sorted(channels) != channels:
        raise ValueError(f'{source}: shortcut: expected "B" where a stage has fewer channels than the one before it, '
                         f'as "A" can only add channels, got "A" and channels {channels}')


def set_attention(source, config, narrowest):
    """"se" with the reduction that is asked for."""
    reduction = config.pop("reduction")
    if reduction is None:
        return
    if config["attention"] != "se":
        raise ValueError(f'{source}: reduction: expected attention "se" beside it, got {config["attention"]!r}')
    if reduction > narrowest:
        raise ValueError(f"{source}: reduction: expected at most {narrowest}, the channels of the narrowest stage, "
                         f"got {reduction}")
    config["attention"] = functools.partial(SEBlock, reduction=reduction)


def read(config):
    """(how errors call it, the dictionary)"""
    if isinstance(config, dict):
        return "config", config
    path = pathlib.Path(config)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file; expected a dict or the path of a JSON file")
    content = files.read_json(path, MAX_FILE)
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected an object with the keys {', '.join(NETWORK)}, got {content!r}")
    return str(path), content


def checked(config, fields, source):
    """All fields with their values or defaults; every key and value is checked."""
    for key in config:
        if key not in fields:
            raise ValueError(f"{source}: unknown key {key!r}, expected {', '.join(fields)}"
                             f"{did_you_mean(key, fields)}")
    return {key: checked_value(config.get(key, field.default), field, f"{source}: {key}")
            for key, field in fields.items()}


def checked_value(value, field, where):
    if value is REQUIRED:
        raise ValueError(f"{where}: expected {field.expected}, got nothing")
    if not field.accepts(value):
        raise ValueError(f"{where}: expected {field.expected}, got {value!r}{did_you_mean(value, field.names)}")
    return value
