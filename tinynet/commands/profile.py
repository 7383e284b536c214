"""Measure the time of a training step, by layer and by operator, and the memory that it needs.

    tinynet profile resnet20 --batch 128 --plot profile.png
    tinynet profile resnet50:layer1.0 --batch 4
    tinynet profile "SelfAttention(64)" --input 64,16,16
"""

from tinynet.commands.summary import add_subject


def add_options(parser):
    add_subject(parser, batch=32)
    parser.add_argument("--depth", type=int, default=2, metavar="N",
                        help="levels of modules to show (default: 2)")
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="steps to measure (default: 5)")
    parser.add_argument("--plot", metavar="FILE", help="draw the times as bars, as .png, .svg or .pdf")


def run(args):
    from tinynet.inspect.profile import profile
    from tinynet.inspect.subject import find
    result = profile(*find(args.model, args.input, args.batch), depth=args.depth, repeats=args.repeats)
    print(result)
    if args.plot:
        result.plot(args.plot)
