"""Draws the pictures of the docs: python docs/images/draw.py --out docs/images

Without names, all of them; but speed.svg only with --bench FILE, where `tinynet bench --json FILE` wrote it.
"""

import argparse
import pathlib

import block_diagrams
import charts
import cookbook
import runs
import scaling
from diagram import draw


def pictures(bench=None):
    """{file name: function that draws it}."""
    made = {f"block_{name}.svg": lambda path, name=name: draw([block_diagrams.diagram(name)], path)
            for name in block_diagrams.BLOCKS}
    made |= {f"cookbook_{step}.svg": lambda path, step=step: draw(cookbook.diagrams(step), path, 3)
             for step in cookbook.STEPS}
    made |= {"block_components.png": components, "cookbook.png": steps, "im2col.svg": charts.im2col,
             "winograd.svg": charts.winograd,
             "autograd_graph.svg": charts.autograd_graph, "batchnorm.svg": charts.batchnorm,
             "positions.svg": charts.positions, "lr_schedules.svg": charts.lr_schedules,
             "gradient_flow.svg": charts.gradient_flow, "readme.svg": charts.readme, "scaling.svg": scaling.picture,
             "runs.svg": runs.airbench, "resnet20_runs.svg": runs.resnet20}
    if bench:
        made["speed.svg"] = lambda path: charts.speed(path, charts.read_bench(bench))
    return made


def components(path):
    """All blocks at a glance, without shapes; the tall ones first, so that little space is lost."""
    diagrams = [block_diagrams.diagram(name, labels=False) for name in block_diagrams.BLOCKS]
    draw(sorted(diagrams, key=lambda d: -d.height), path, 6)


def steps(path):
    """The cookbook on one page."""
    draw([diagram for step in cookbook.STEPS for diagram in cookbook.diagrams(step)], path, 4)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="such as block_inception.svg; all if none is named")
    parser.add_argument("--out", required=True, type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--bench", metavar="FILE", help="what `tinynet bench --json FILE` wrote")
    args = parser.parse_args()
    available = pictures(args.bench)
    unknown = set(args.names) - available.keys()
    if unknown:
        parser.error(f"no picture {', '.join(sorted(unknown))}; there are {', '.join(available)}")
    args.out.mkdir(parents=True, exist_ok=True)
    for name in args.names or available:
        available[name](args.out / name)
        print(args.out / name)


if __name__ == "__main__":
    main()
