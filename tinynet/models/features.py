"""Feature maps of a network's insides: for detection, segmentation, style, or to look at."""

from tinynet.gradients.hooks import removing
from tinynet.models.config import MAX_STAGES, MAX_WIDTH, NETWORK, build, is_count
from tinynet.nn.module import Module
from tinynet.system.suggest import did_you_mean, nearest_names


class FeatureExtractor(Module):
    """A network that returns the maps of its stages, a list from the first to the last.

        FeatureExtractor({"num_stages": 3, "blocks_per_stage": 2, "channels": [16, 32, 64]})(x)
        FeatureExtractor.from_model(resnet50(), ["layer2", "layer4.0.conv1"])(x)

    `config` is a dictionary or any object with these attributes; all may be given by name as well. `channels` has a
    number for each stage, and the network a stem. Or `channels` has one number more, the channels of the input
    first: then, unless a `stem` is asked for, the stages take the input directly, and have stride 1 unless `strides`
    are given. `blocks_per_stage` is a number or a list; only a stage's first block changes channels and size.
    The other keys are those of `models.build`. (N, C, H, W) -> maps (N, K, P, Q), one for each stage.
    ValueError for a key that is unknown or wrong, and for a module that took no part.
    """

    def __init__(self, config=None, **settings):
        super().__init__()
        network = build({**stages(**{**settings_of(config), **settings}), "head": "none"})
        self._watch(network, network.stages)

    @classmethod
    def from_model(cls, model, names):
        """An extractor of what the modules `names` of `model` give; it shares the model's parameters.

        ValueError for a name that the model does not have.
        """
        extractor = cls.__new__(cls)
        Module.__init__(extractor)
        extractor._watch(model, names)
        return extractor

    def _watch(self, network, names):
        known = [name for name, _ in network.named_modules(remove_duplicate=False) if name]
        for name in names:
            if name not in known:
                raise ValueError(f"FeatureExtractor: {type(network).__name__} has no module {name!r}"
                                 f"{nearest_names(name, known)}")
        self.network, self.names = network, list(names)

    def forward(self, x):
        maps = {}
        handles = [self.network.get_submodule(name).register_forward_hook(keep(maps, name))
                   for name in self.names]
        with removing(handles):
            self.network(x)
        missing = [name for name in self.names if name not in maps]
        if missing:
            raise ValueError(f"FeatureExtractor: {', '.join(missing)} took no part in the forward pass")
        return [maps[name] for name in self.names]


def keep(maps, name):
    """A hook that notes what a module returns."""
    def hook(module, inputs, output):
        maps[name] = output
    return hook


KEYS = "num_stages", "blocks_per_stage", *NETWORK


def settings_of(config):
    """The settings in a dictionary or in an object's attributes, whatever else the object has."""
    if config is None or isinstance(config, dict):
        return config or {}
    for name in getattr(config, "__dict__", ()):
        hint = did_you_mean(name, KEYS, cutoff=0.8)
        if hint and name not in KEYS:
            raise ValueError(f"config: unknown attribute {name!r}{hint}")
    found = {name: getattr(config, name) for name in KEYS if hasattr(config, name)}
    if not found:
        raise TypeError("FeatureExtractor: expected config to be a dictionary or an object with attributes such as "
                        f"num_stages, blocks_per_stage and channels, got {config!r}")
    return found


def stages(num_stages=None, blocks_per_stage=None, **config):
    """A configuration for `build`: the blocks of each stage, and the channels of the input apart from theirs."""
    if num_stages is not None and not is_count(num_stages, MAX_STAGES):
        raise ValueError(f"config: num_stages: expected a positive integer, at most {MAX_STAGES}, got {num_stages!r}")
    if blocks_per_stage is not None:
        if "blocks" in config:
            raise ValueError("config: expected either blocks_per_stage or blocks, which mean the same, got both")
        config["blocks"] = block_counts(blocks_per_stage, num_stages, config.get("channels"))
    blocks, channels = config.get("blocks"), config.get("channels")
    count = num_stages or (len(blocks) if are_counts(blocks) else 0)
    if count and are_counts(channels) and len(channels) == count + 1:
        config = {"stem": "none", **config, "in_channels": channels[0], "channels": channels[1:]}
        if config["stem"] == "none":
            config.setdefault("strides", [1] * count)
    for key, more in ("blocks", ""), ("channels", ", or one more, the channels of the input first"):
        given = config.get(key)
        if num_stages and are_counts(given) and len(given) != num_stages:
            raise ValueError(f"config: {key}: expected {num_stages} numbers, one a stage{more}, got {given!r}")
    return config


def block_counts(blocks_per_stage, num_stages, channels):
    """A number for each stage; one number counts for all."""
    if is_count(blocks_per_stage, MAX_WIDTH):
        return [blocks_per_stage] * (num_stages or (len(channels) if are_counts(channels) else 1))
    if not are_counts(blocks_per_stage) or num_stages and len(blocks_per_stage) != num_stages:
        raise ValueError(f"config: blocks_per_stage: expected a positive integer or a list of {num_stages or 'them'}, "
                         f"one a stage, got {blocks_per_stage!r}")
    return list(blocks_per_stage)


def are_counts(value):
    return isinstance(value, (list, tuple)) and len(value) > 0 and all(is_count(item, MAX_WIDTH) for item in value)
