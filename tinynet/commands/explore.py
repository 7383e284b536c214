"""Step through a forward and a backward pass in a browser. The page is one file that works offline.

A network that classifies images gets images of the built-in set `shapes` and the loss cross-entropy. Every other module
gets random numbers, and the loss is the mean of the squares of its outputs.

    tinynet explore resnet8 --out resnet8.html
    tinynet explore "BasicBlock(16, 32, 2)" --input 16,32,32
    tinynet explore resnet8 --train --step 20
    tinynet explore runs/resnet8-shapes-1
    tinynet explore resnet8 --weights early.safetensors --against late.safetensors
"""

from tinynet.commands.summary import add_subject


def add_options(parser):
    add_subject(parser, batch=8)
    parser.add_argument("--out", default="explore.html", metavar="FILE", help="the page (default: explore.html)")
    parser.add_argument("--train", action="store_true", help="one step of training, with the update of the weights")
    parser.add_argument("--step", type=int, default=1, metavar="N", help="which step of the training (default: 1)")
    parser.add_argument("--weights", metavar="RUN",
                        help="weights to load: a file, tinynet's or PyTorch's, or the folder of a run")
    parser.add_argument("--against", metavar="RUN", help="other weights, to be shown beside them")


def run(args):
    from tinynet.deploy.places import weight_file
    from tinynet.explorer.networks import explore_network
    from tinynet.inspect.subject import find
    if args.against and not args.weights:
        raise ValueError("--against needs --weights, the weights to compare with")
    if args.step != 1 and not args.train:
        raise ValueError("--step needs --train")
    model, inputs = find(args.model, args.input, args.batch)
    weights = [weight_file(file) for file in (args.weights, args.against) if file]
    page = explore_network(model, inputs, args.model, weights, args.train, args.step)
    page.save(args.out)
    print(f"{page.subtitle}: {args.out} ({len(page.html) / 1e6:.1f} MB), to be opened in a browser")
