"""Running a script under the hook, and printing its errors.

An error of the script's own code is shown with its traceback, as Python does. An error that tinynet raises in a call of
the script (for a name, an option or a shape that it does not support) becomes one sentence with the script's line.
"""

import builtins
import importlib
import os
import re
import sys
import traceback
import types
from pathlib import Path

import tinynet
from tinynet.distributed import launch
from tinynet.distributed.failure import end_others
from tinynet.distributed.process_group import several
from tinynet.interop import hook
from tinynet.system.suggest import did_you_mean

ENGINE = str(Path(tinynet.__file__).parent) + os.sep


def run_script(path, arguments):
    """Run the file `path` as `__main__` with tinynet under PyTorch's names; returns the exit status."""
    try:
        code = compile(Path(path).read_bytes(), path, "exec")
    except OSError as error:
        return refuse(f"cannot read {path}: {error.strerror}")
    except (SyntaxError, ValueError) as error:
        if getattr(error, "lineno", None) is None:             # a file with null bytes
            return refuse(f"{path} is not a Python file: {error}")
        return refuse(f"{path}, line {error.lineno}: {error.msg}")
    hook.as_torch()
    launch.tell_scripts()
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=path, __builtins__=builtins)
    sys.modules["__main__"] = main
    sys.argv = [path, *arguments]
    sys.path.insert(0, str(Path(path).resolve().parent))
    try:
        exec(code, main.__dict__)
    except SystemExit as left:
        if several() and left.code:                # Python would print a text, but only after `end_others`
            number = isinstance(left.code, int)
            print(end="" if number else f"{left.code}\n", file=sys.stderr)
            end_others(left.code if number else 1)
        raise
    except Exception as error:
        return end_others(report(error))
    return 0


def report(error):
    """Print the error that ended the script on stderr; returns the exit status 1."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    lines = [line for _, line in traceback.walk_tb(error.__traceback__)]
    files = [frame.f_code.co_filename for frame in frames]
    outside = max(i for i, file in enumerate(files) if not in_engine(file) or i == 0)
    if (sentence := missing_name(error)) is None and outside < len(files) - 1 and outside > 0:
        sentence = str(error) or type(error).__name__
    if sentence is None or os.environ.get("TINYNET_TRACEBACK"):
        start = error.__traceback__.tb_next    # without the frame of run_script
        traceback.print_exception(error.with_traceback(start))
        return 1
    return refuse(f"{files[outside]}, line {lines[outside]}: {sentence}")


def in_engine(file):
    """Whether a frame of this file belongs to tinynet, or to Python's import of one of its modules."""
    return file.startswith((ENGINE, "<frozen importlib", os.path.dirname(importlib.__file__)))


def refuse(sentence):
    print(f"tinynet run: {sentence}", file=sys.stderr)
    return 1


def missing_name(error):
    """The sentence for a name that tinynet does not have, but PyTorch may have; None for any other error."""
    if isinstance(error, AttributeError) and error.name is not None:
        return missing_attribute(error.obj, error.name)
    if isinstance(error, ModuleNotFoundError) and error.name and hook.is_torch(error.name):
        return f"tinynet has no module {error.name}{did_you_mean(error.name, hook.names.MODULES)}"
    if isinstance(error, ImportError) and error.name and hook.is_torch(error.name):
        name = re.match(r"cannot import name '(\w+)'", str(error))
        return name and missing_attribute(sys.modules[error.name], name[1])
    return None


def missing_attribute(owner, name):
    """The sentence for an attribute that a module or an object of tinynet does not have."""
    if isinstance(owner, hook.Facade):
        return f"tinynet has no {owner.__name__}.{name}{did_you_mean(name, dir(owner))}"
    kind = owner if isinstance(owner, type) else type(owner)
    if not kind.__module__.startswith("tinynet"):
        return None
    return f"tinynet's {kind.__name__} has no {name}{did_you_mean(name, dir(owner))}"
