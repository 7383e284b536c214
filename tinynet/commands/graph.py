"""Draw the computational graph: operators, shapes, and what is saved for backward.

A block is drawn operator by operator. A network is drawn module by module: --depth N draws the modules N levels deep.

    tinynet graph resnet20:layer2.0 --out block.svg
    tinynet graph resnet20
    tinynet graph "SEBlock(64)" --input 64,8,8 --out se.png
"""

from tinynet.commands.summary import add_subject


def add_options(parser):
    add_subject(parser, batch=1)
    parser.add_argument("--depth", type=int, metavar="N",
                        help="fold modules N levels deep (default: what is readable)")
    parser.add_argument("--out", default="graph.svg", metavar="FILE",
                        help="the drawing, as .svg, .png or .pdf (default: graph.svg)")


def run(args):
    from tinynet.inspect.graph import graph
    from tinynet.inspect.subject import find
    from tinynet.tensor import tensors_in
    model, inputs = find(args.model, args.input, args.batch)
    for tensor in tensors_in(inputs):
        tensor.requires_grad = tensor.is_floating_point()      # else it would not be in the drawing
    drawn = graph(model, inputs, depth=args.depth)
    drawn.save(args.out)
    print(f"{len(drawn.boxes)} boxes -> {args.out}")
