"""The command `tinynet`. Each subcommand is a file in `commands/`; this file runs it and prints its errors."""

import argparse
import functools
import importlib
import os
import sys

from tinynet.system.console import accept_any_text, flush_or_drop
from tinynet.system.suggest import did_you_mean
from tinynet.version import __version__

COMMANDS = {
    "train": "train a network",
    "run": "run a script that was written for PyTorch",
    "train-text": "train a small transformer that writes fairy tales",
    "predict": "classify images",
    "write": "write text with a trained network",
    "eval": "measure a network's accuracy, or a text network's loss",
    "export": "write a network as an ONNX file, for other programs",
    "fold": "fold a trained network's BatchNorms into its convolutions",
    "quantize": "round a trained network to 8-bit integers",
    "exercise": "write a backward yourself, and have it checked",
    "gradcheck": "check the gradients of all operators",
    "bench": "measure speed and memory, and compare with PyTorch if it is installed",
    "summary": "show a network's layers, parameters, multiply-adds and memory",
    "profile": "measure a training step by layer and by operator",
    "graph": "draw the computational graph of a network or a block",
    "explore": "step through a forward and a backward pass in a browser",
    "info": "show versions, threads and folders",
}

INTRODUCTION = "A deep-learning engine to read, in NumPy and Numba, fast on a CPU."
EPILOG = "`tinynet COMMAND --help` explains each. Try this first: tinynet train"


def make_parser(chosen):
    """The parser; only the chosen subcommand's module (for `train-text` train_text.py) is imported."""
    parser = argparse.ArgumentParser(prog="tinynet", description=INTRODUCTION, epilog=EPILOG,
                                     formatter_class=functools.partial(argparse.HelpFormatter, max_help_position=16))
    parser.add_argument("--version", action="version", version=f"tinynet {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, summary in COMMANDS.items():
        sub = subparsers.add_parser(name, help=summary, formatter_class=argparse.RawDescriptionHelpFormatter)
        if name == chosen:
            module = importlib.import_module(f"tinynet.commands.{name.replace('-', '_')}")
            sub.description = module.__doc__
            module.add_options(sub)
            sub.set_defaults(run=module.run)
    return parser


def set_threads(count):
    """Obey `--threads`, which most commands have."""
    if count < 1:
        raise ValueError(f"expected --threads of at least 1, got {count}")
    from tinynet.kernels.machine.threads import set_num_threads        # late: `tinynet --help` needs no kernels
    set_num_threads(count)


def main(arguments=None):
    """Run a command; returns the exit status. An error that the user can fix is one sentence, with status 1."""
    accept_any_text()
    arguments = sys.argv[1:] if arguments is None else arguments
    chosen = next((a for a in arguments if not a.startswith("-")), None)
    if chosen is not None and chosen not in COMMANDS:
        print(f"tinynet: unknown command {chosen!r}{did_you_mean(chosen, COMMANDS)} (there are {', '.join(COMMANDS)})",
              file=sys.stderr)
        return 2
    parser = make_parser(chosen)
    args = parser.parse_args(arguments)
    if chosen is None:
        parser.print_help()
        return 0
    try:
        if getattr(args, "threads", None) is not None:
            set_threads(args.threads)
        return args.run(args) or 0
    except KeyboardInterrupt:
        print("tinynet: interrupted", file=sys.stderr)
        from tinynet.distributed.failure import end_others       # late, as above
        return end_others(130)
    except BrokenPipeError:            # the program that reads the output, such as `head`, has closed it
        return 0
    except (ValueError, TypeError, OSError, ArithmeticError, MemoryError, RuntimeError) as error:
        if os.environ.get("TINYNET_TRACEBACK"):
            raise
        message = f"not enough memory: {error}" if isinstance(error, MemoryError) else error
        from tinynet.distributed.failure import tell             # late, as above
        return tell(error, f"tinynet {chosen}: error: ", message)
    finally:
        flush_or_drop()


if __name__ == "__main__":
    sys.exit(main())
