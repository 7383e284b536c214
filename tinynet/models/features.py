"""Feature maps of a network's insides: for detection, segmentation, style, or to look at."""

import difflib

from tinynet.models.config import build
from tinynet.nn.module import Module


class FeatureExtractor(Module):
    """A network that returns the maps of its stages, a list from the first to the last.

        FeatureExtractor({"num_stages": 3, "blocks_per_stage": 2, "channels": [16, 32, 64]})(x)
        FeatureExtractor.from_model(resnet50(), ["layer2", "layer4.0.conv1"])(x)

    `blocks_per_stage` is a number or a list; only a stage's first block changes channels, and from the second
    stage on the resolution. The other keys are those of `models.build`; all may be given by name as well.
    (N, 3, H, W) -> maps (N, C, P, Q), with the channels and the size of each stage. ValueError for a module
    that took no part.
    """

    def __init__(self, config=None, **settings):
        super().__init__()
        network = build({**stages(**{**(config or {}), **settings}), "head": "none"})
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
                near = difflib.get_close_matches(name, known, 3) or known[:8]
                raise ValueError(f"FeatureExtractor: {type(network).__name__} has no module {name!r}; "
                                 f"the nearest names are {', '.join(near)}")
        self.network, self.names = network, list(names)

    def forward(self, x):
        maps = {}
        handles = [self.network.get_submodule(name).register_forward_hook(keep(maps, name))
                   for name in self.names]
        try:
            self.network(x)
        finally:
            for handle in handles:
                handle.remove()
        missing = [name for name in self.names if name not in maps]
        if missing:
            raise ValueError(f"FeatureExtractor: {', '.join(missing)} took no part in the forward pass")
        return [maps[name] for name in self.names]


def keep(maps, name):
    """A hook that notes what a module returns."""
    def hook(module, inputs, output):
        maps[name] = output
    return hook


def stages(num_stages=None, blocks_per_stage=None, **config):
    """A configuration for `build`: the blocks of each stage from their number and that of the stages."""
    if blocks_per_stage is not None:
        several = isinstance(blocks_per_stage, (list, tuple))
        count = len(config.get("channels", ())) if num_stages is None else num_stages
        config["blocks"] = list(blocks_per_stage) if several else [blocks_per_stage] * count
    for key in ("blocks", "channels"):
        given = config.get(key)
        if num_stages is not None and isinstance(given, (list, tuple)) and len(given) != num_stages:
            raise ValueError(f"config: {key}: expected {num_stages} numbers, one a stage, got {given!r}")
    return config
