"""Run a script that was written for PyTorch.

In the script, `import torch` and `import torchvision` give tinynet. Everything else is as with `python SCRIPT
ARGUMENTS`: the script's arguments, its folder, its exit status.

    tinynet run train.py --epochs 3
"""

import argparse


def add_options(parser):
    parser.add_argument("script", metavar="SCRIPT", help="a Python file")
    parser.add_argument("arguments", metavar="ARGUMENTS", nargs=argparse.REMAINDER, help="the script's own arguments")


def run(args):
    from tinynet.interop.script import run_script
    return run_script(args.script, args.arguments)
