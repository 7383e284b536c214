"""Show a network's layers: output shapes, parameters, multiply-adds, memory.

MODEL is a network's name, a JSON file or the folder of a run, a module inside one, or a block with its arguments:

    tinynet summary resnet18 --input 3,224,224
    tinynet summary resnet20:layer2.0
    tinynet summary "SEBottleneck(64, 16)" --input 64,56,56
"""

import shutil
import sys


def add_options(parser):
    add_subject(parser, batch=1)
    parser.add_argument("--depth", type=int, metavar="N", help="show N levels of modules (default: all)")


def add_subject(parser, batch):
    """The options for the module to look at, and its input."""
    parser.add_argument("model", metavar="MODEL", help="a network, MODEL:PATH or a block")
    parser.add_argument("--input", metavar="C,H,W",
                        help="shape of an input (default: 3,32,32 or 3,224,224, as the network wants it)")
    parser.add_argument("--batch", type=int, default=batch, metavar="N",
                        help=f"inputs at a time (default: {batch})")


def run(args):
    from tinynet.inspect.subject import find
    from tinynet.inspect.summary import summary
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    print(summary(*find(args.model, args.input, args.batch), depth=args.depth).text(width))
