"""Private helpers of torchvision that its model files import, so that a copied model file runs."""

import enum
import functools
from dataclasses import dataclass, field
from typing import Any, Callable, Mapping

from tinynet.interop.left_out import NO_DOWNLOAD

_IMAGENET_CATEGORIES = [f"class {i}" for i in range(1000)]
_COCO_CATEGORIES = [f"class {i}" for i in range(91)]


def _log_api_usage_once(obj):
    """Do nothing."""


def register_model(name=None):
    """A decorator that leaves the function as it is."""
    return lambda make: make


@dataclass
class Weights:
    """The address of trained weights, and facts about them."""

    url: str
    transforms: Callable = None
    meta: Mapping[str, Any] = field(default_factory=dict)


class WeightsEnum(enum.Enum):
    """Base of the lists of weights of a model."""

    @classmethod
    def verify(cls, obj):
        """The member itself, None, or the member of that name."""
        return cls[obj.replace(f"{cls.__name__}.", "")] if isinstance(obj, str) else obj

    def get_state_dict(self, *args, **kwargs):
        raise NotImplementedError(f"{type(self).__name__}.{self.name} is not supported: {NO_DOWNLOAD}")

    @property
    def meta(self):
        return self.value.meta

    @property
    def transforms(self):
        return self.value.transforms


def handle_legacy_interface(**weights):
    """A decorator: `pretrained=False` means `weights=None`."""
    def decorate(make):
        @functools.wraps(make)
        def build(*args, pretrained=False, **kwargs):
            if pretrained:
                raise NotImplementedError(f"{make.__name__}(pretrained=True) is not supported: {NO_DOWNLOAD}")
            return make(*args, **kwargs)

        return build

    return decorate


def _ovewrite_named_param(kwargs, param, new_value):
    if kwargs.setdefault(param, new_value) != new_value:
        raise ValueError(f"expected {param} {new_value}, which the weights have, got {kwargs[param]}")


_ovewrite_value_param = _ovewrite_named_param


def _make_divisible(v, divisor, min_value=None):
    """The multiple of `divisor` nearest to v, at least `min_value`, and no more than a tenth below v."""
    nearest = max(min_value or divisor, int(v + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < 0.9 * v else nearest


def ImageClassification(**options):
    raise NotImplementedError("the transforms that belong to trained weights are not supported")


def load_state_dict_from_url(url, *args, **kwargs):
    raise NotImplementedError(f"load_state_dict_from_url is not supported: {NO_DOWNLOAD}")
