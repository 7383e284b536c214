"""The settings of a training run, in one flat record that decides its outcome; recipes are such records on disk."""

import dataclasses
import json
import math
import pathlib
import tomllib

from tinynet.system import files
from tinynet.system.suggest import did_you_mean
from tinynet.train.views import VIEWS

RECIPES = pathlib.Path(__file__).parent / "recipes"
CHOICES = {"optimizer": ("sgd", "adamw"), "schedule": ("cosine", "onecycle", "triangle", "multistep", "constant"),
           "border": ("black", "reflect"), "views": tuple(VIEWS), "fit": ("crop", "pad"),
           "labels": ("fine", "coarse"), "freeze": ("none", "body")}
MAX_FILE = 1_000_000          # bytes of a config.json or a recipe
# --resume may change the place of the data, the number of epochs, and settings that have no effect on a step.
MAY_CHANGE = ("root", "epochs", "early_stop", "tensorboard")


def setting(default, help, least=None, most=None):
    return dataclasses.field(default=default, metadata={"help": help, "least": least, "most": most})


@dataclasses.dataclass
class CommonSettings:
    """The settings of every run. Each is an option of the command, with its help text and its limits."""

    command = "train"                  # the subcommand of `tinynet` that the settings belong to
    best_by = "accuracy"               # which validation figure decides on the best epoch: "accuracy" or "loss"
    stem_epochs, views = 0, "one"      # settings of networks for images alone

    epochs: float = setting(8, "passes over the training data; 9.9: the last one ends after nine tenths", 1)
    batch_size: int = setting(128, "images or pieces of text per step", 1)
    optimizer: str = setting("sgd", "rule for a step: sgd or adamw")
    lr: float = setting(0.1, "peak learning rate", 0)
    momentum: float = setting(0.9, "momentum of SGD: the share of the last step that is kept", 0, 1)
    nesterov: bool = setting(True, "Nesterov momentum: the gradient is taken where the momentum leads")
    weight_decay: float = setting(5e-4, "pull of every parameter towards zero", 0)
    schedule: str = setting("cosine", "course of the learning rate: cosine (with a warm-up), onecycle, "
                                      "triangle (a line up, a line down), multistep (a tenth after half, again "
                                      "after three quarters), constant")
    warmup: float = setting(1.0, "epochs in which the cosine or triangle schedule climbs to its peak", 0)
    start_lr: float = setting(0.2, "first learning rate of the triangle, as a share of its peak", 0, 1)
    end_lr: float = setting(0.07, "last learning rate of the triangle, as a share of its peak", 0, 1)
    bias_lr: float = setting(1.0, "how many times larger the learning rate is for the biases of norms", 1e-6)
    lookahead: int = setting(0, "steps after which the weights go back to their moving average; 0: never", 0)
    label_smoothing: float = setting(0.0, "share of the target probability that is spread over all classes",
                                     0, 1)
    seed: int = setting(0, "root of all randomness: initial weights, order, augmentation", 0)
    early_stop: int = setting(0, "end the run when so many epochs have brought no better validation; 0: never", 0)
    tensorboard: bool = setting(False, "also write events for TensorBoard (the extra 'tensorboard')")

    def __post_init__(self):
        if isinstance(self.epochs, float) and self.epochs.is_integer():    # as the command line gives them
            self.epochs = int(self.epochs)
        for field in dataclasses.fields(self):
            check_type(field, getattr(self, field.name))
            value, low, high = getattr(self, field.name), field.metadata["least"], field.metadata["most"]
            if low is not None and value is not None and not (value >= low and (high is None or value <= high)):
                limit = f"of at least {low}" if high is None else f"from {low} to {high}"
                raise ValueError(f"{field.name}: expected a value {limit}, got {value}")
        for name, known in CHOICES.items():
            if getattr(self, name, None) not in (*known, None):
                raise ValueError(f"{name}: expected {', '.join(known)}, got {getattr(self, name)!r}")

    def asdict(self):
        return dataclasses.asdict(self)

    def title(self):
        """The name of the run in plots."""
        return pathlib.Path(self.model).stem

    def differences(self, given):
        """The names in `given` (a dict) whose values are not this record's."""
        return [name for name, value in given.items() if getattr(self, name) != value]

    def check_resumed(self, earlier):
        """ValueError unless a run with the settings `earlier` may go on with these."""
        changed = [name for name in earlier.differences(self.asdict()) if name not in MAY_CHANGE]
        if changed:
            told = ", ".join(f"{name} {getattr(earlier, name)!r} (not {getattr(self, name)!r})" for name in changed)
            raise ValueError(f"the run was made with {told}; a run goes on only with the settings that it began with")
        if self.epochs != earlier.epochs and earlier.epochs % 1:
            raise ValueError(f"epochs: a run of {earlier.epochs} epochs ends in the middle of one, so that it takes no "
                             f"others, got {self.epochs}")
        if self.epochs < earlier.epochs:
            raise ValueError(f"epochs: expected at least the run's {earlier.epochs}, got {self.epochs}")

    def write(self, path):
        with files.atomic_write(path) as file:
            file.write((json.dumps(self.asdict(), indent=2) + "\n").encode())

    @classmethod
    def read(cls, path):
        """The settings of an earlier run, from its config.json."""
        try:
            return cls.of(files.read_json(path, MAX_FILE), path)
        except FileNotFoundError:
            raise FileNotFoundError(f"{path}: no such file, so there is no run to resume") from None

    @classmethod
    def of(cls, values, source):
        """Settings from a dict that was read from `source`. ValueError for unknown names, with the nearest known."""
        if not isinstance(values, dict):
            raise ValueError(f"{source}: expected an object with settings, got a {type(values).__name__}")
        known = {field.name: field for field in dataclasses.fields(cls)}
        for name in values:
            if name not in known:
                raise ValueError(f"{source}: unknown setting {name!r}{did_you_mean(name, known, 3)}")
        try:
            return cls(**values)
        except ValueError as error:
            raise ValueError(f"{source}: {error}") from None


def check_type(field, value):
    """ValueError unless `value` is of the field's type: JSON's `true` is no number, and "no" is not false."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    words, fits = {
        bool: ("true or false", isinstance(value, bool)),
        int: ("a whole number", number and isinstance(value, int)),
        float: ("a finite number", number and math.isfinite(value)),
        str: ("a text", isinstance(value, str)),
    }[field.type]
    if not fits and not (value is field.default is None):
        raise ValueError(f"{field.name}: expected {words}, got {value!r}")


@dataclasses.dataclass
class Settings(CommonSettings):
    """The settings of a network for images: the options of `tinynet train`. ValueError for some that exclude others."""

    data: str = setting("shapes", "the data to learn: shapes (built in, no download), cifar10, cifar100, mnist, "
                                  "fashion-mnist, an .npz file, or a folder of images: see above")
    root: str = setting(None, "folder or archive that holds a data set with a name; left out, it is downloaded")
    size: int = setting(None, "side in pixels to which the images of a folder are resized; 32 if left out", 4)
    fit: str = setting(None, "how the images of a folder become square: crop (the middle, if left out) or pad")
    skip_damaged: bool = setting(None, "go on without the images of a folder that cannot be read")
    labels: str = setting(None, "which labels of cifar100: fine (100 classes, if left out) or coarse (20)")
    model: str = setting("resnet8", "network: resnet8, 14, 20, 32, 44, 56, 110, vit_small32 and more, or a "
                                    ".json file")
    weights: str = setting(None, "weights to start from: a file, a run's folder, or resnet20-cifar10")
    sync_batchnorm: bool = setting(False, "let BatchNorm take its statistics from the images of all processes, see "
                                          "--distributed; by default from those of its own process")
    freeze: str = setting("none", "the part that does not learn: none, or body (all but the last layer)")
    shortcut: str = setting("A", "shortcut where a stage changes shape: A (zero padding) or B (projection)")
    pad: str = setting("end", "where option A puts its zero channels: end or both")
    augment: bool = setting(True, "random crops and horizontal flips")
    flip: bool = setting(True, "horizontal flips, where there is augmentation; --no-flip for letters and digits")
    crop: int = setting(4, "width in pixels of the frame around an image that crops are cut from", 0)
    border: str = setting("black", "what the frame shows: black or reflect (the image, mirrored at its border)")
    cutout: int = setting(0, "side in pixels of a square that is blanked in every image; 0 for none", 0)
    drop_last: bool = setting(False, "leave out the last batch of an epoch if it is smaller than the others")
    stem_epochs: int = setting(0, "number of first epochs in which the first convolution learns; 0: all of them", 0)
    views: str = setting("one", "views of an image whose scores are averaged outside of training: one, mirror (and "
                                "its mirror image), six (and both shifted by a pixel in two directions)")
    small_epochs: int = setting(0, "number of first epochs that use smaller images, which takes less time", 0)
    small_side: int = setting(24, "side of the smaller images, in pixels", 1)
    validation: float = setting(None, "training images to set aside and measure the accuracy on after each epoch: "
                                      "their number, or a share such as 0.1; left out, 0.1 of your own images, none "
                                      "of other data", 0)

    def __post_init__(self):
        super().__post_init__()
        if self.validation is not None and self.validation >= 1 and self.validation != int(self.validation):
            raise ValueError(f"validation: expected a share below 1 or a number of images, got {self.validation}")
        if self.freeze == "body" and self.weights is None:
            raise ValueError("freeze: a body that does not learn needs weights to start from: --weights")

    def data_title(self):
        """The name of the data in file names and plots: the name of its folder, of its file, or its own."""
        path = pathlib.Path(self.data)
        return path.name if path.is_dir() else path.stem

    def data_options(self):
        """The given settings that decide how the data set is read."""
        return {name: getattr(self, name) for name in ("size", "fit", "skip_damaged", "labels")
                if getattr(self, name) is not None}


@dataclasses.dataclass
class TextSettings(CommonSettings):
    """The settings of a network for text: the options of `tinynet train-text`."""

    command, model, best_by = "train-text", "text", "loss"

    epochs: float = setting(7, "passes over the training text; 6.5: the last one ends after its half", 1)
    batch_size: int = setting(32, "pieces of text per step", 1)
    optimizer: str = setting("adamw", "rule for a step: sgd or adamw")
    lr: float = setting(4e-3, "peak learning rate", 0)
    weight_decay: float = setting(0.01, "pull of every parameter towards zero", 0)
    warmup: float = setting(0.3, "epochs in which the cosine schedule climbs to its peak", 0)
    text: str = setting(None, "a text file (UTF-8) to learn; by default fairy tales, made up on the spot")
    length: int = setting(200_000, "characters of fairy tales to make up", 1000)
    validation: float = setting(0.1, "share of the text, at its end, on which the loss is measured", 0, 1)
    context: int = setting(64, "characters that the network sees at a time", 1)
    width: int = setting(96, "channels of the network: how many numbers represent a character", 1)
    layers: int = setting(3, "transformer layers", 1)
    heads: int = setting(4, "attention heads of a layer", 1)
    dropout: float = setting(0.0, "share of the activations that is left out in training", 0, 1)


def network_options(values):
    """The options of a network among settings (a dict). Defaults are left out, because not every network takes them."""
    return {name: values[name] for name in ("shortcut", "pad") if values[name] != getattr(Settings, name)}


def recipe_names():
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def read_recipe(name):
    """The settings that a recipe (a name from `tinynet/train/recipes` or a .toml file) changes, as a dict."""
    path = pathlib.Path(name) if name.endswith(".toml") else RECIPES / f"{name}.toml"
    if not path.exists():
        known = "".join(f"{known}, " for known in recipe_names())
        raise ValueError(f"unknown recipe {name!r}; expected {known}or the path of a .toml file")
    try:
        values = tomllib.loads(files.read_text(path, MAX_FILE))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: not a recipe: {error}") from None
    except RecursionError:
        raise ValueError(f"{path}: not a recipe: it is nested too deeply") from None
    Settings.of(values, path)
    return values
