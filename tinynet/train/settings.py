"""All that decides the outcome of a training run, in one flat record; recipes are such records on disk."""

import dataclasses
import difflib
import json
import pathlib
import tomllib

from tinynet import files

RECIPES = pathlib.Path(__file__).parent / "recipes"
SCHEDULES = ("cosine", "onecycle", "multistep", "constant")


def setting(default, help):
    return dataclasses.field(default=default, metadata={"help": help})


@dataclasses.dataclass
class Settings:
    """The settings of a run. Every field is an option of `tinynet train`; its help text stands here."""

    data: str = setting("shapes", "what to learn: shapes (built in, no download), cifar10, or an .npz file")
    root: str = setting(None, "folder or archive with the data; cifar10 is downloaded if it is left out")
    model: str = setting("resnet8", "network: resnet8, 14, 20, 32, 44, 56, 110")
    shortcut: str = setting("A", "shortcut where a stage changes shape: A (zero padding) or B (projection)")
    pad: str = setting("end", "where option A puts its zero channels: end or both")
    epochs: int = setting(10, "passes over the training images")
    batch_size: int = setting(128, "images per step")
    lr: float = setting(0.1, "peak learning rate of SGD")
    momentum: float = setting(0.9, "momentum of SGD: the share of the last step that is kept")
    nesterov: bool = setting(True, "Nesterov momentum: take the gradient where the momentum will have led")
    weight_decay: float = setting(5e-4, "pull of every parameter towards zero")
    schedule: str = setting("cosine", "course of the learning rate: cosine (with a warm-up), onecycle, multistep "
                                      "(a tenth after half, and again after three quarters), constant")
    warmup: float = setting(1.0, "epochs in which the cosine schedule climbs to its peak")
    label_smoothing: float = setting(0.0, "share of the target probability that is spread over all classes")
    augment: bool = setting(True, "random crops (4 pixels of padding) and horizontal flips")
    cutout: int = setting(0, "side of a square that is blanked in every training image; 0 for none")
    validation: int = setting(0, "training images to set aside and measure the accuracy on after each epoch")
    seed: int = setting(0, "root of all randomness: initial weights, order, augmentation")

    def __post_init__(self):
        for name, low, high in (("epochs", 1, None), ("batch_size", 1, None), ("lr", 0, None), ("momentum", 0, 1),
                                ("weight_decay", 0, None), ("warmup", 0, None), ("label_smoothing", 0, 1),
                                ("cutout", 0, None), ("validation", 0, None), ("seed", 0, None)):
            value = getattr(self, name)
            if not (value >= low and (high is None or value <= high)):
                limit = f"of at least {low}" if high is None else f"from {low} to {high}"
                raise ValueError(f"{name}: expected a value {limit}, got {value}")
        if self.schedule not in SCHEDULES:
            raise ValueError(f"schedule: expected {', '.join(SCHEDULES)}, got {self.schedule!r}")

    def asdict(self):
        return dataclasses.asdict(self)

    def differences(self, given):
        """The names in `given` (a dict) whose values are not this record's."""
        return [name for name, value in given.items() if getattr(self, name) != value]

    def write(self, path):
        with files.atomic_write(path) as file:
            file.write((json.dumps(self.asdict(), indent=2) + "\n").encode())

    @classmethod
    def read(cls, path):
        """The settings of an earlier run, from its config.json."""
        try:
            return cls.of(json.loads(pathlib.Path(path).read_text()), path)
        except FileNotFoundError:
            raise FileNotFoundError(f"{path}: no such file, so there is no run to go on with") from None
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}: not a settings file: {error}") from None

    @classmethod
    def of(cls, values, source):
        """Settings from a dict that came from `source`; unknown names are refused with the nearest known ones."""
        known = {field.name: field for field in dataclasses.fields(cls)}
        for name in values:
            if name not in known:
                near = difflib.get_close_matches(name, known, 3)
                hint = f"; did you mean {' or '.join(near)}?" if near else ""
                raise ValueError(f"{source}: unknown setting {name!r}{hint}")
        return cls(**values)


def recipe_names():
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def read_recipe(name):
    """The settings that a recipe changes, as a dict: a name from `tinynet/train/recipes` or a path to a .toml file."""
    path = pathlib.Path(name) if name.endswith(".toml") else RECIPES / f"{name}.toml"
    if not path.is_file():
        raise ValueError(f"unknown recipe {name!r}; there are {', '.join(recipe_names())}, or give a .toml file")
    try:
        values = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: not a recipe: {error}") from None
    Settings.of(values, path)
    return values
