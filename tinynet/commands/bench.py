"""Measure speed and memory, beside PyTorch where it is installed.

Every row is measured in turns with PyTorch, in separate processes with the same number of threads. PyTorch runs at
its best: the C library keeps freed memory for it, as tinynet asks it to. The table shows medians, and the ratio of
pairs with its quartiles. Without --rows the main rows run, and then the bars that tinynet wants to reach. GROUP:TEXT
selects the rows of a group that have a text in their name:

    tinynet bench
    tinynet bench --rows operators --json operators.json
    tinynet bench --rows "operators:conv 3x3, 64" --rounds 25
"""

import os
import pathlib


def add_options(parser):
    parser.add_argument("--rows", nargs="+", metavar="GROUP",
                        help="train, inference, networks, airbench, operators, memory, import, start, scaling, "
                             "growth or all (default: all but airbench, operators and growth)")
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds (default: the row's, 15 for most)")
    parser.add_argument("--threads", type=int, metavar="N", help="threads of every library")
    parser.add_argument("--lanes", type=int, choices=(8, 16), metavar="N",
                        help="8: both libraries as on a processor with AVX2 (default: what this one has)")
    parser.add_argument("--compile", action="store_true", help="measure torch.compile as well")
    parser.add_argument("--json", metavar="FILE", help="write all measurements, versions and machine facts")
    parser.add_argument("--plot", metavar="FILE", help="draw the ratios, as .png or .svg")
    parser.add_argument("--quick", action="store_true", help="one short round, to try the bench")


def run(args):
    from tinynet.bench import bars, children, report, rows, session

    check(args)
    if args.lanes == 8:
        os.environ.update(children.AVX2)               # the processes that measure inherit it
    chosen = session.select(args.rows or rows.MAIN)
    settings = make_settings(args)
    measured = session.Session(settings)
    table = report.RowTable([row.name for row in (*rows.MACHINE, *chosen)], settings.layouts)
    print(heading(settings), table.head(), sep="\n\n", flush=True)
    for result in measured.run(chosen):
        print(table.result(result), flush=True)
    checked = [bar.check(measured.values) for bar in bars.BARS]
    if args.rows:
        checked = [bar for bar in checked if bar["measured"]]
    if checked:
        print("", report.bar_table(checked), sep="\n")
    if args.json:
        report.write_json(everything(settings, measured, checked), args.json)
    if args.plot:
        report.write_plot(measured.results, args.plot)


def check(args):
    """Refuse wrong options now: otherwise they would fail after minutes of measuring."""
    if args.rounds is not None and args.rounds < 1:
        raise ValueError(f"bench: expected --rounds of at least 1, got {args.rounds}")
    for name, endings in (("json", None), ("plot", (".png", ".svg"))):
        path = getattr(args, name) and pathlib.Path(getattr(args, name))
        if path and not path.parent.is_dir():
            raise FileNotFoundError(f"bench: --{name} {path}: the folder {path.parent} does not exist")
        if path and endings and path.suffix not in endings:
            raise ValueError(f"bench: expected --{name} to end in {' or '.join(endings)}, got {path.name}")


def make_settings(args):
    import tinynet
    from tinynet.bench import children, session

    layouts = ("nchw", "channels_last") if children.torch_installed() else ()
    if args.compile and not layouts:
        raise ValueError("bench: --compile needs PyTorch, which is not installed")
    if args.compile:
        layouts += ("compile",)
    return session.Settings(args.threads or tinynet.get_num_threads(), layouts, args.rounds, args.quick)


def versions(settings):
    """The facts of `tinynet info`, and PyTorch's version."""
    from importlib.metadata import version

    from tinynet.commands.info import facts

    torch = {"torch": version("torch")} if settings.layouts else {}
    return {**facts(), **torch, "threads": settings.threads}


def heading(settings):
    v = versions(settings)
    torch = f"PyTorch {v['torch']}" if "torch" in v else "PyTorch is not installed: its columns are left out"
    return (f"tinynet {v['tinynet']}, NumPy {v['numpy']}, Numba {v['numba']}, {torch}\n"
            f"{v['processor']}, {v['SIMD lanes']} lanes, {v['threads']} threads")


def everything(settings, measured, bars):
    import dataclasses

    return {"facts": {name: str(value) for name, value in versions(settings).items()},
            "settings": dataclasses.asdict(settings), "limits": measured.limits,
            "rows": measured.results, "bars": bars}
