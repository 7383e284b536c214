"""Let a trained text network write.

RUN is the folder of a run of `tinynet train-text`, or the model.safetensors in it. The network continues the prompt
character by character: each one is drawn from the probabilities that the network predicts.

    tinynet write runs/text-tales-1
    tinynet write runs/text-tales-1 --prompt "Once upon a time" --length 200 --temperature 0.5 --seed 3
"""


def add_options(parser):
    parser.add_argument("trained", metavar="RUN", help="the folder of a run of train-text, or its model.safetensors")
    parser.add_argument("--prompt", metavar="TEXT", help="the beginning of the text (default: a new line)")
    parser.add_argument("--length", type=int, default=400, metavar="N", help="characters to write (default: 400)")
    parser.add_argument("--temperature", type=float, default=0.7, metavar="T",
                        help="below 1, likely characters are taken more often than predicted; 0 always takes "
                             "the likeliest one (default: 0.7)")
    parser.add_argument("--seed", type=int, default=0, help="each seed gives another text (default: 0)")
    parser.add_argument("--threads", type=int, help="threads to use")


def run(args):
    import tinynet
    from tinynet.data.text import Text
    from tinynet.deploy.places import weight_file
    from tinynet.train.text_run import read_run

    if args.length < 1:
        raise ValueError(f"--length: expected at least 1, got {args.length}")
    model, characters, _ = read_run(weight_file(args.trained))
    start = args.prompt or ("\n" if "\n" in characters else characters[0])
    prompt = Text(start, characters, "--prompt")
    tinynet.manual_seed(args.seed)
    written = prompt.decode(model.generate(prompt.ids.tolist(), args.length, args.temperature))
    print(written if args.prompt else written.removeprefix(start))
